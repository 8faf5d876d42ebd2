/* qsort.c - quicksort of 200,000 numbers with a comparison function: indirect calls and
 * branches that cannot be predicted.  Argument: repetitions, every second by libc. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 200000 };

static uint32_t numbers[COUNT];

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static void sort(uint32_t *v, int left, int right, int (*cmp)(const void *, const void *))
{
    while (left < right) {
        uint32_t pivot = v[(left + right) / 2];
        int i = left, j = right;

        while (i <= j) {
            while (cmp(&v[i], &pivot) < 0)
                i++;
            while (cmp(&v[j], &pivot) > 0)
                j--;
            if (i <= j) {
                uint32_t old = v[i];

                v[i++] = v[j];
                v[j--] = old;
            }
        }
        if (j - left < right - i) {
            sort(v, left, j, cmp);
            left = i;
        } else {
            sort(v, i, right, cmp);
            right = j;
        }
    }
}

int main(int argc, char **argv)
{
    int repetitions = argc > 1 ? atoi(argv[1]) : 10;
    uint32_t seed = 42;
    uint64_t sum = 0;

    for (int k = 0; k < repetitions; k++) {
        for (int i = 0; i < COUNT; i++) {
            seed = seed * 1664525u + 1013904223u;
            numbers[i] = seed >> 4;
        }
        if (k & 1)
            qsort(numbers, COUNT, sizeof(numbers[0]), compare);
        else
            sort(numbers, 0, COUNT - 1, compare);
        sum += numbers[COUNT / 2] ^ numbers[7];
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
