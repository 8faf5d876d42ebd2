/* nbody.c - the sun and four planets, in double.  Argument: steps.
 *
 * The problem is the Computer Language Benchmarks Game's; the code is our own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SOLAR_MASS (4 * 3.141592653589793 * 3.141592653589793)
#define DAYS 365.24

enum { BODIES = 5 };

struct body {
    double x, y, z, vx, vy, vz, mass;
};

static struct body bodies[BODIES] = {
    { 0, 0, 0, 0, 0, 0, SOLAR_MASS },
    { 4.84143144246472090e+00, -1.16032004402742839e+00, -1.03622044471123109e-01,
      1.66007664274403694e-03 * DAYS, 7.69901118419740425e-03 * DAYS,
      -6.90460016972063023e-05 * DAYS, 9.54791938424326609e-04 * SOLAR_MASS },
    { 8.34336671824457987e+00, 4.12479856412430479e+00, -4.03523417114321381e-01,
      -2.76742510726411899e-03 * DAYS, 4.99852801234917238e-03 * DAYS,
      2.30417297573763929e-05 * DAYS, 2.85885980666130812e-04 * SOLAR_MASS },
    { 1.28943695621391310e+01, -1.51111514016986312e+01, -2.23307578892655734e-01,
      2.96460137564761618e-03 * DAYS, 2.37847173959480950e-03 * DAYS,
      -2.96589568540237556e-05 * DAYS, 4.36624404335156298e-05 * SOLAR_MASS },
    { 1.53796971148509165e+01, -2.59193146099879641e+01, 1.79258772950371181e-01,
      2.68067772490389322e-03 * DAYS, 1.62824170038242295e-03 * DAYS,
      -9.51592254519715870e-05 * DAYS, 5.15138902046611451e-05 * SOLAR_MASS },
};

static double energy(void)
{
    double sum = 0;

    for (struct body *a = bodies; a < bodies + BODIES; a++) {
        sum += 0.5 * a->mass * (a->vx * a->vx + a->vy * a->vy + a->vz * a->vz);
        for (struct body *b = a + 1; b < bodies + BODIES; b++) {
            double x = a->x - b->x, y = a->y - b->y, z = a->z - b->z;

            sum -= a->mass * b->mass / sqrt(x * x + y * y + z * z);
        }
    }
    return sum;
}

static void attract(struct body *a, struct body *b)
{
    double x = a->x - b->x, y = a->y - b->y, z = a->z - b->z;
    double square = x * x + y * y + z * z, pull = 0.01 / (square * sqrt(square));

    a->vx -= x * b->mass * pull;
    a->vy -= y * b->mass * pull;
    a->vz -= z * b->mass * pull;
    b->vx += x * a->mass * pull;
    b->vy += y * a->mass * pull;
    b->vz += z * a->mass * pull;
}

static void step(void)
{
    for (struct body *a = bodies; a < bodies + BODIES; a++)
        for (struct body *b = a + 1; b < bodies + BODIES; b++)
            attract(a, b);
    for (struct body *a = bodies; a < bodies + BODIES; a++) {
        a->x += 0.01 * a->vx;
        a->y += 0.01 * a->vy;
        a->z += 0.01 * a->vz;
    }
}

int main(int argc, char **argv)
{
    long steps = argc > 1 ? atol(argv[1]) : 1000000;

    for (int i = 1; i < BODIES; i++) { /* the sun moves so that the whole stays */
        bodies[0].vx -= bodies[i].vx * bodies[i].mass / SOLAR_MASS;
        bodies[0].vy -= bodies[i].vy * bodies[i].mass / SOLAR_MASS;
        bodies[0].vz -= bodies[i].vz * bodies[i].mass / SOLAR_MASS;
    }
    while (steps--)
        step();
    printf("%.9f\n", energy());
    return 0;
}
