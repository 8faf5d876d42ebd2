/* atomics.c: counts that threads and processes make together are exact. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "say.h"

enum { THREADS = 4, PROCESSES = 2 };
static int rounds = 4000;

struct counts {
    _Atomic uint64_t add, xor, max, min, swap_in, swap_out;
    _Atomic uint32_t add32, or32;
    _Atomic uint8_t add8;
    _Atomic uint16_t add16;
    uint64_t llsc, llsc_pair[2], lock, locked;
    _Atomic uint64_t slot;
};
static struct counts *c;

#ifdef __riscv
static void add_llsc(uint64_t *at, uint64_t value)
{
    uint64_t old, failed;

    do
        __asm__ volatile("lr.d.aq %0, (%2)\n add %0, %0, %3\n sc.d.rl %1, %0, (%2)"
                         : "=&r"(old), "=&r"(failed)
                         : "r"(at), "r"(value)
                         : "memory");
    while (failed);
}
#else
static void add_llsc(uint64_t *at, uint64_t value)
{
    __atomic_fetch_add(at, value, __ATOMIC_SEQ_CST);
}
#endif

static void *count(void *arg)
{
    uint64_t me = (uint64_t)arg;

    for (int i = 0; i < rounds; i++) {
        uint64_t v = me * (uint64_t)rounds + (uint64_t)i + 1, seen, want;

        c->add += v;
        c->xor ^= v;
        c->add32++;
        c->add16++;
        c->add8++;
        c->or32 |= 1u << (i % 32);
        for (seen = c->max; seen < v && !atomic_compare_exchange_weak(&c->max, &seen, v);)
            ;
        add_llsc(&c->llsc, v);
        /* Everything that is put into the slot comes out again. */
        c->swap_in += v;
        c->swap_out += atomic_exchange(&c->slot, v);
        /* A lock of one's own: plain accesses in between. */
        do
            want = 0;
        while (__atomic_exchange_n(&c->lock, 1, __ATOMIC_ACQUIRE));
        c->locked++;
        c->llsc_pair[0] += v;
        c->llsc_pair[1] -= v;
        __atomic_store_n(&c->lock, want, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void process(int number)
{
    pthread_t threads[THREADS];

    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count, (void *)(number * THREADS + i));
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

/* --------------------------------------------------- what order says: messages are whole
 */

static uint64_t payload, *_Atomic box;
static int torn;

static void *send(void *arg)
{
    for (uint64_t i = 1; i <= (uint64_t)rounds; i++) {
        while (atomic_load_explicit(&box, memory_order_acquire))
            ;
        payload = i;
        atomic_store_explicit(&box, &payload, memory_order_release);
    }
    return NULL;
}

static void *receive(void *arg)
{
    for (uint64_t i = 1; i <= (uint64_t)rounds; i++) {
        uint64_t *at;

        while (!(at = atomic_load_explicit(&box, memory_order_acquire)))
            ;
        torn += *at != i;
        atomic_store_explicit(&box, NULL, memory_order_release);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t a, b;

    if (argc > 1)
        rounds = atoi(argv[1]);
    c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < PROCESSES; i++)
        if (fork() == 0) {
            process(i);
            _exit(0);
        }
    while (wait(NULL) > 0)
        ;
    uint64_t n = (uint64_t)rounds * THREADS * PROCESSES, sum = n * (n + 1) / 2, x = 0;

    for (uint64_t i = 1; i <= n; i++)
        x ^= i;
    ok("add", c->add == sum);
    ok("xor", c->xor == x);
    ok("max", c->max == n);
    ok("add, 32 bits", c->add32 == n);
    ok("add, 16 bits", c->add16 == (uint16_t)n);
    ok("add, 8 bits", c->add8 == (uint8_t)n);
    ok("or", c->or32 == 0xffffffff);
    ok("reserved", c->llsc == sum);
    ok("swapped", c->swap_in == c->swap_out + c->slot);
    ok("locked", c->locked == n && c->llsc_pair[0] == sum && c->llsc_pair[1] == -sum);
    rounds = rounds > 200 ? 200 : rounds;
    pthread_create(&a, NULL, send, NULL);
    pthread_create(&b, NULL, receive, NULL);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    ok("messages", torn == 0);
    return 0;
}
