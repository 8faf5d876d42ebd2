/* futexes.c: the system call itself: every operation, and its errors. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "say.h"

static uint32_t word, other, *shared;

static long futex(uint32_t *at, int op, uint32_t value, void *timeout, uint32_t *at2,
                  uint32_t value3)
{
    return syscall(SYS_futex, at, op, value, timeout, at2, value3);
}

/* Wakes until somebody did wait. */
static long wake_one(uint32_t *at, int op, uint32_t bits)
{
    long woken;

    while ((woken = futex(at, op, 1, NULL, NULL, bits)) == 0)
        usleep(500);
    return woken;
}

static void *wait_plain(void *arg)
{
    call("  waited", futex(arg, FUTEX_WAIT_PRIVATE, 3, NULL, NULL, 0));
    return NULL;
}

static void *wait_bits(void *arg)
{
    call("  waited for a bit", futex(arg, FUTEX_WAIT_BITSET_PRIVATE, 3, NULL, NULL, 4));
    return NULL;
}

static void plain(void)
{
    struct timespec t = { 0, 3000000 };
    pthread_t thread;
    long woken;

    word = 3;
    call("another value", futex(&word, FUTEX_WAIT, 4, NULL, NULL, 0));
    call("timeout", futex(&word, FUTEX_WAIT, 3, &t, NULL, 0));
    t.tv_nsec = 1000000000;
    call("bad timeout", futex(&word, FUTEX_WAIT, 3, &t, NULL, 0));
    call("nobody waits", futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
    call("misaligned",
         futex((uint32_t *)((char *)&word + 1), FUTEX_WAKE, 1, NULL, NULL, 0));
    call("no memory", futex((uint32_t *)8, FUTEX_WAIT, 1, NULL, NULL, 0));
    call("no bits", futex(&word, FUTEX_WAIT_BITSET, 3, NULL, NULL, 0));
    call("no operation", futex(&word, 99, 3, NULL, NULL, 0));
    pthread_create(&thread, NULL, wait_plain, &word);
    woken = wake_one(&word, FUTEX_WAKE_PRIVATE, 0);
    pthread_join(thread, NULL);
    say("woken", woken);
    pthread_create(&thread, NULL, wait_bits, &word);
    usleep(20000);
    call("other bits", futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 3));
    woken = wake_one(&word, FUTEX_WAKE_BITSET_PRIVATE, 6);
    pthread_join(thread, NULL);
    say("its bit", woken);
}

static void requeue(void)
{
    pthread_t threads[3];
    long moved = 0, left, there;

    word = 3;
    call("changed", futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)1, &other, 4));
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, wait_plain, &word);
    while (moved < 3) {
        moved += futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)5, &other, 3);
        usleep(500);
    }
    left = futex(&word, FUTEX_WAKE_PRIVATE, 5, NULL, NULL, 0);
    there = futex(&other, FUTEX_WAKE_PRIVATE, 5, NULL, NULL, 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    say("moved", moved);
    say("left", left);
    say("there", there);
}

static void wake_op(void)
{
    static const struct {
        uint32_t op, cmp;
        int32_t arg, cmparg;
    } rows[] = {
        { FUTEX_OP_SET, FUTEX_OP_CMP_EQ, 9, 5 },
        { FUTEX_OP_ADD, FUTEX_OP_CMP_GT, -2, 4 },
        { FUTEX_OP_OR, FUTEX_OP_CMP_LT, 0x10, 0 },
        { FUTEX_OP_ANDN, FUTEX_OP_CMP_GE, 4, 5 },
        { FUTEX_OP_XOR | FUTEX_OP_OPARG_SHIFT, FUTEX_OP_CMP_NE, 3, 7 },
    };

    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        word = 3;
        other = 5;
        call("wake_op",
             futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other,
                   FUTEX_OP(rows[i].op, rows[i].arg, rows[i].cmp, rows[i].cmparg)));
        say("  makes", (int32_t)other);
    }
    call("bad wake_op",
         futex(&word, FUTEX_WAKE_OP_PRIVATE, 1, (void *)1, &other, (uint32_t)7 << 28));
}

static void *lock_pi(void *arg)
{
    call("  locked", futex(arg, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    say("  mine", (word & FUTEX_TID_MASK) == (uint32_t)gettid());
    call("  unlocked", futex(arg, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    return NULL;
}

static void *try_pi(void *arg)
{
    call("  try", futex(arg, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    return NULL;
}

static void inherit(void)
{
    pthread_t thread;
    long result;

    word = 0;
    call("lock", futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    say("mine", (word & FUTEX_TID_MASK) == (uint32_t)gettid());
    call("again", futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    pthread_create(&thread, NULL, try_pi, &word);
    pthread_join(thread, NULL);
    pthread_create(&thread, NULL, lock_pi, &word);
    while (!(*(volatile uint32_t *)&word & FUTEX_WAITERS))
        usleep(500);
    usleep(5000);
    result = futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    pthread_join(thread, NULL);
    call("unlock", result);
    say("free", (word & FUTEX_TID_MASK) == 0);
    call("unlock again", futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
}

static void processes(void)
{
    pid_t pid;

    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid = fork();
    if (pid == 0) {
        long result = futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0);

        _exit(result == 0 ? 11 : 12);
    }
    say("other process woken", wake_one(shared, FUTEX_WAKE, 0));
    int status = 0;

    waitpid(pid, &status, 0);
    say("it says", WEXITSTATUS(status));
}

struct waitv {
    uint64_t value, addr;
    uint32_t flags, reserved;
};

static void *wait_many(void *arg)
{
    struct waitv list[2] = { { 3, (uintptr_t)&word, 2 | 128, 0 },
                             { 5, (uintptr_t)&other, 2 | 128, 0 } };

    say("  which one", syscall(449, list, 2, 0, NULL, 0));
    (void)arg;
    return NULL;
}

static void several(void)
{
    struct waitv bad = { 4, (uintptr_t)&word, 2, 0 };
    pthread_t thread;
    long woken;

    word = 3;
    other = 5;
    call("waitv, another value", syscall(449, &bad, 1, 0, NULL, 0));
    call("waitv of none", syscall(449, &bad, 0, 0, NULL, 0));
    pthread_create(&thread, NULL, wait_many, NULL);
    woken = wake_one(&other, FUTEX_WAKE_PRIVATE, 0);
    pthread_join(thread, NULL);
    say("woken", woken);
}

int main(void)
{
    plain();
    requeue();
    wake_op();
    inherit();
    processes();
    several();
    return 0;
}
