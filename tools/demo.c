/* demo.c - what `make demo` builds for riscv64 and runs: a picture, and on what CPU. */
#include <stdio.h>
#include <sys/utsname.h>

/* How soon the point escapes, as a character. */
static char shade(double cr, double ci)
{
    static const char shades[] = " .,:;+*%#@";
    double r = 0, i = 0;
    int n = 0;

    while (n < 90 && r * r + i * i <= 4) {
        double next = r * r - i * i + cr;

        i = 2 * r * i + ci;
        r = next;
        n++;
    }
    return shades[n / 10];
}

int main(void)
{
    struct utsname system;

    for (int y = 0; y <= 20; y++) {
        for (int x = 0; x < 64; x++)
            putchar(shade(x / 64.0 * 3.2 - 2.2, y / 10.0 * 1.2 - 1.2));
        putchar('\n');
    }
    if (uname(&system))
        return 1;
    printf("drawn by a program for %s\n", system.machine);
    return 0;
}
