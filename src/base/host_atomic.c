/* host_atomic.c - compare-and-swap of any size, at any address, of memory that may be
 * absent: by the host's instruction where it has one, else under one lock. */
#include "base/host.h"

#include <pthread.h>
#include <string.h>

#include "base/compiler.h"

typedef uint64_t plain64 __attribute__((may_alias));

struct exchange {
    uint8_t *at;
    uint8_t *expected;
    const uint8_t *desired;
    size_t size;
};

/* Faults where a byte cannot be written; changes nothing. */
static void need_writable(uint8_t *at)
{
    __atomic_fetch_or(at, 0, __ATOMIC_RELAXED);
}

#define EXCHANGE(type)                                                                   \
    do {                                                                                 \
        type old, next;                                                                  \
                                                                                         \
        memcpy(&old, x->expected, sizeof(old));                                          \
        memcpy(&next, x->desired, sizeof(next));                                         \
        __atomic_compare_exchange_n((type *)(void *)x->at, &old, next, 0,                \
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                 \
        memcpy(x->expected, &old, sizeof(old));                                          \
    } while (0)

static void exchange(void *arg)
{
    struct exchange *x = arg;

    switch (x->size) {
    case 1: EXCHANGE(uint8_t); break;
    case 2: EXCHANGE(uint16_t); break;
    case 4: EXCHANGE(uint32_t); break;
    default: EXCHANGE(uint64_t); break;
    }
}

#if HOST_CAS16
/* The older builtins are compiled in place; the newer ones call a library. */
HOST_CAS16_TARGET static void exchange16(void *arg)
{
    struct exchange *x = arg;
    unsigned __int128 *at = __builtin_assume_aligned(x->at, 16), was, next, old;

    memcpy(&was, x->expected, sizeof(was));
    memcpy(&next, x->desired, sizeof(next));
    old = __sync_val_compare_and_swap(at, was, next);
    if (old != was)
        need_writable(x->at);
    memcpy(x->expected, &old, sizeof(old));
}
#endif

/* Halves that are aligned are never seen half done. */
static void copy(void *to, const void *from, size_t size)
{
    volatile plain64 *out = to;
    const volatile plain64 *in = from;

    if (size == 16 && ((uintptr_t)to | (uintptr_t)from) % 8 == 0) {
        out[0] = in[0];
        out[1] = in[1];
    } else {
        memcpy(to, from, size);
    }
}

/* Requires: the lock taken. */
static void exchange_locked(void *arg)
{
    struct exchange *x = arg;
    _Alignas(8) uint8_t old[16], next[16];

    need_writable(x->at);
    need_writable(x->at + x->size - 1);
    memcpy(next, x->desired, x->size);
    copy(old, x->at, x->size);
    if (memcmp(old, x->expected, x->size) == 0)
        copy(x->at, next, x->size);
    memcpy(x->expected, old, x->size);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void host_atomics_forked(void)
{
    pthread_mutex_init(&lock, NULL);
}

int host_compare_exchange(void *at, void *expected, const void *desired, size_t size)
{
    struct exchange x = { at, expected, desired, size };
    bool is_aligned = (uintptr_t)at % size == 0;
    int result;

#if HOST_CAS16
    if (size == 16 && is_aligned && host_has_cas16())
        return host_try(exchange16, &x);
#endif
    if (size <= 8 && (is_aligned || HOST_SPLIT_ATOMICS))
        return host_try(exchange, &x);
    pthread_mutex_lock(&lock);
    result = host_try(exchange_locked, &x);
    pthread_mutex_unlock(&lock);
    return result;
}
