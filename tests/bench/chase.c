/* chase.c - follows pointers in a random circle over 1 MiB.  Argument: million steps. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { NODES = 16384 };

struct node {
    struct node *next;
    uint32_t value;
    char pad[64 - sizeof(void *) - sizeof(uint32_t)];
};

static struct node nodes[NODES];
static uint32_t order[NODES];

static void shuffle(void)
{
    uint32_t seed = 1;

    for (int i = 0; i < NODES; i++)
        order[i] = i;
    for (int i = NODES - 1; i > 0; i--) {
        uint32_t j, old = order[i];

        seed = seed * 1664525u + 1013904223u;
        j = (seed >> 8) % i;
        order[i] = order[j];
        order[j] = old;
    }
}

int main(int argc, char **argv)
{
    long steps = (argc > 1 ? atol(argv[1]) : 10) * 1000000;
    struct node *node = nodes;
    uint64_t sum = 0;

    shuffle();
    for (int i = 0; i < NODES; i++) {
        nodes[order[i]].next = &nodes[order[(i + 1) % NODES]];
        nodes[order[i]].value = i;
    }
    while (steps--) {
        sum += node->value;
        node = node->next;
    }
    printf("%llu\n", (unsigned long long)sum);
    return 0;
}
