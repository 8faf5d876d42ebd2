/* mandel.c - the Mandelbrot set in double.  Argument: width and height. */
#include <stdio.h>
#include <stdlib.h>

static int escape(double cr, double ci)
{
    double r = 0, i = 0;
    int n;

    for (n = 0; n < 200 && r * r + i * i <= 4; n++) {
        double next = r * r - i * i + cr;

        i = 2 * r * i + ci;
        r = next;
    }
    return n;
}

int main(int argc, char **argv)
{
    int size = argc > 1 ? atoi(argv[1]) : 500;
    unsigned long sum = 0;

    for (int y = 0; y < size; y++)
        for (int x = 0; x < size; x++)
            sum += escape(2.0 * x / size - 1.5, 2.0 * y / size - 1.0);
    printf("%lu\n", sum);
    return 0;
}
