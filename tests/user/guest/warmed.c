/* warmed.c - a program and, with LIBRARY, its library, for `rhea cache warm`: a function
 * longer than a region, a switch with a table, calls through pointers, tail calls. */
#include <stdint.h>

#ifndef K
#define K 3
#endif

unsigned mix(unsigned a, unsigned b);
unsigned choose(unsigned n, unsigned x);

#ifdef LIBRARY
#define STEP(n) x = (x ^ (x >> (n) % 13 + 1)) * (2 * (n) + 1) + y;
#define STEPS(n)                                                                         \
    STEP(n) STEP(n + 1) STEP(n + 2) if (x & 1) y += x;                                   \
    else y ^= n;
#define MANY(n) STEPS(n) STEPS(n + 3) STEPS(n + 6) STEPS(n + 9) STEPS(n + 12)

/* Not to be seen from outside: only unwind information tells of it. */
__attribute__((noinline)) static unsigned long_one(unsigned x, unsigned y)
{
    MANY(1) MANY(16) MANY(31) MANY(46) MANY(61) MANY(76) return x ^ y;
}

unsigned mix(unsigned a, unsigned b)
{
    return long_one(a ^ b, b * K);
}

unsigned choose(unsigned n, unsigned x)
{
    switch (n) {
    case 0: return x + K;
    case 1: return x * 3;
    case 2: return mix(x, 1);
    case 3: return x ^ 0x5555;
    case 4: return x + 7;
    case 5: return x / 3;
    case 6: return ~x;
    case 7: return mix(x, x) + 1;
    }
    return 0;
}
#else
#include <stdio.h>

static unsigned (*volatile chosen)(unsigned, unsigned) = choose;

int main(void)
{
    unsigned x = 1;

    for (unsigned i = 0; i < 40000; i++)
        x = mix(x, i) + chosen(i % 9, x);
    printf("%u\n", x);
    return 0;
}
#endif
