/* sieve.c - the primes below four million.  Argument: repetitions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 4000000 };

static char is_prime[LIMIT + 1];

int main(int argc, char **argv)
{
    int repetitions = argc > 1 ? atoi(argv[1]) : 5, primes = 0;

    while (repetitions--) {
        memset(is_prime, 1, sizeof(is_prime));
        primes = 0;
        for (long i = 2; i <= LIMIT; i++) {
            if (!is_prime[i])
                continue;
            primes++;
            for (long j = i * 2; j <= LIMIT; j += i)
                is_prime[j] = 0;
        }
    }
    printf("%d\n", primes);
    return 0;
}
