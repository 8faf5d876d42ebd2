/* futex.c - futexes, and the locks that a thread holds when it ends.
 *
 * The host's kernel waits and wakes: a guest's word is at one host address in all threads
 * and processes.  Words have the guest's byte order, so where the host's is another, what
 * the kernel would compute with them is computed here, and priority inheritance is an
 * ordinary lock. */
#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/host.h"
#include "user/linux/calls_all.h"

#ifndef FUTEX_LOCK_PI2
#define FUTEX_LOCK_PI2 13
#endif

/* A number as the host's kernel sees the guest's word. */
static uint32_t as_in_memory(const struct task *t, uint64_t value)
{
    uint8_t bytes[4];
    uint32_t word;

    put_guest(t->proc->abi, bytes, 4, value);
    memcpy(&word, bytes, 4);
    return word;
}

static void *word_at(struct task *t, uint64_t addr)
{
    return addr % 4 ? NULL : space_host(t->proc->space, addr, 4, SPACE_READ);
}

static int wake(void *word, int count, int private)
{
    return (int)syscall(SYS_futex, word, FUTEX_WAKE | private, count, NULL, NULL, 0);
}

/* Replaces the guest's word by `desired` if it is *expected, which gets what was there.
 * 0 or -EFAULT. */
static int exchange(struct task *t, void *word, uint32_t *expected, uint32_t desired)
{
    uint32_t was = as_in_memory(t, *expected), then = as_in_memory(t, desired);

    if (host_compare_exchange(word, &was, &then, 4) < 0)
        return -EFAULT;
    *expected = (uint32_t)get_guest(t->proc->abi, &was, 4);
    return 0;
}

/* -------------------------------------------------------------- in another byte order */

/* FUTEX_WAKE_OP: what becomes of the second word, and whether that one's waiters wake. */
static uint32_t wake_op_result(uint32_t code, uint32_t old)
{
    uint32_t argument = code >> 12 & 0xfff;

    if (code >> 28 & FUTEX_OP_OPARG_SHIFT)
        argument = UINT32_C(1) << (argument & 31);
    else if (argument & 0x800)
        argument |= 0xfffff000;
    switch (code >> 28 & 7) {
    case FUTEX_OP_ADD: return old + argument;
    case FUTEX_OP_OR: return old | argument;
    case FUTEX_OP_ANDN: return old & ~argument;
    case FUTEX_OP_XOR: return old ^ argument;
    default: return argument; /* FUTEX_OP_SET */
    }
}

static bool wake_op_holds(uint32_t code, uint32_t value)
{
    int32_t old = (int32_t)value, with = (int32_t)(code << 20) >> 20;

    switch (code >> 24 & 15) {
    case FUTEX_OP_CMP_EQ: return old == with;
    case FUTEX_OP_CMP_NE: return old != with;
    case FUTEX_OP_CMP_LT: return old < with;
    case FUTEX_OP_CMP_LE: return old <= with;
    case FUTEX_OP_CMP_GT: return old > with;
    default: return old >= with; /* FUTEX_OP_CMP_GE */
    }
}

static int64_t turned_wake_op(struct task *t, const uint64_t *a, void *word, void *other)
{
    uint32_t code = (uint32_t)a[5], old = 0, seen;
    int private = (int)a[1] & FUTEX_PRIVATE_FLAG, count;

    if ((code >> 28 & 7) > FUTEX_OP_XOR || (code >> 24 & 15) > FUTEX_OP_CMP_GE)
        return -ENOSYS;
    do {
        seen = old;
        if (exchange(t, other, &old, wake_op_result(code, seen)) < 0)
            return -EFAULT;
    } while (old != seen);
    count = wake(word, (int)a[2], private);
    if (count >= 0 && wake_op_holds(code, old))
        count += wake(other, (int)a[3], private);
    return RESULT(count);
}

/* Takes the lock if it is free (its owner's bit stays); sets FUTEX_WAITERS otherwise, and
 * *seen to what waiters then wait on.  0: taken, 1: not, or -EFAULT, -EDEADLK. */
static int turned_trylock(struct task *t, void *word, uint32_t *seen)
{
    uint32_t value = 0, was;

    for (;;) {
        was = value;
        if (exchange(t, word, &value,
                     value & FUTEX_TID_MASK
                         ? value | FUTEX_WAITERS
                         : (value & FUTEX_OWNER_DIED) | (uint32_t)t->tid | *seen) < 0)
            return -EFAULT;
        if (value != was)
            continue;
        if ((value & FUTEX_TID_MASK) == (uint32_t)t->tid)
            return -EDEADLK;
        *seen = FUTEX_WAITERS; /* who has waited cannot know that nobody else does */
        return value & FUTEX_TID_MASK ? 1 : 0;
    }
}

static int64_t turned_lock(struct task *t, const uint64_t *a, void *word,
                           const struct timespec *timeout)
{
    int private = (int)a[1] & FUTEX_PRIVATE_FLAG;
    int clock = (a[1] & FUTEX_CMD_MASK) == FUTEX_LOCK_PI
                    ? FUTEX_CLOCK_REALTIME
                    : (int)a[1] & FUTEX_CLOCK_REALTIME;
    uint32_t waiters = 0, value;

    for (;;) {
        int got = turned_trylock(t, word, &waiters);
        int64_t result;
        uint64_t now;

        if (got <= 0)
            return got;
        if ((a[1] & FUTEX_CMD_MASK) == FUTEX_TRYLOCK_PI)
            return -EAGAIN;
        if (read_number(t, a[0], 4, &now) < 0)
            return -EFAULT;
        value = (uint32_t)now | FUTEX_WAITERS;
        result = BLOCKING(
            t, ALWAYS_RESTART, SYS_futex, (long)word, FUTEX_WAIT_BITSET | private | clock,
            (long)as_in_memory(t, value), (long)timeout, 0, (long)FUTEX_BITSET_MATCH_ANY);
        if (result < 0 && result != -EAGAIN)
            return result;
    }
}

static int64_t turned_unlock(struct task *t, const uint64_t *a, void *word)
{
    uint32_t value = (uint32_t)t->tid, was;

    do {
        was = value;
        if ((was & FUTEX_TID_MASK) != (uint32_t)t->tid)
            return -EPERM;
        if (exchange(t, word, &value, 0) < 0)
            return -EFAULT;
    } while (value != was);
    return wake(word, 1, (int)a[1] & FUTEX_PRIVATE_FLAG) < 0 ? -errno : 0;
}

/* -------------------------------------------------------------------------- the call */

static bool has_timeout(uint64_t op)
{
    switch (op & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_WAIT_REQUEUE_PI: return true;
    }
    return false;
}

static int64_t wait_on(struct task *t, const uint64_t *a, void *word, void *other,
                       const struct timespec *timeout)
{
    bool always = (a[1] & FUTEX_CMD_MASK) != FUTEX_WAIT &&
                  (a[1] & FUTEX_CMD_MASK) != FUTEX_WAIT_BITSET;
    int kind = always ? ALWAYS_RESTART : timeout ? NO_RESTART : RESTART;

    return BLOCKING(t, kind, SYS_futex, (long)word, (long)(int)a[1],
                    (long)as_in_memory(t, a[2]), (long)timeout, (long)other, (long)a[5]);
}

/* Operations in which the kernel computes with a word. */
static int64_t turned(struct task *t, const uint64_t *a, void *word, void *other,
                      const struct timespec *timeout)
{
    switch (a[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAKE_OP: return turned_wake_op(t, a, word, other);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_TRYLOCK_PI: return turned_lock(t, a, word, timeout);
    case FUTEX_UNLOCK_PI: return turned_unlock(t, a, word);
    }
    return -ENOSYS; /* requeueing to such a lock: C libraries do it no more */
}

static bool is_computed(uint64_t op)
{
    switch (op & FUTEX_CMD_MASK) {
    case FUTEX_WAKE_OP:
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_TRYLOCK_PI:
    case FUTEX_UNLOCK_PI:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_CMP_REQUEUE_PI: return true;
    }
    return false;
}

int64_t sys_futex(struct task *t, const uint64_t *a)
{
    void *word = word_at(t, a[0]), *other = NULL;
    struct timespec timeout, *until = NULL;

    if (!word)
        return a[0] % 4 ? -EINVAL : -EFAULT;
    if (has_timeout(a[1]) && a[3]) {
        if (read_timespec(t, a[3], &timeout) < 0)
            return -EFAULT;
        if ((a[1] & FUTEX_CMD_MASK) == FUTEX_WAIT) /* the others have points of time */
            wait_until(t, CLOCK_MONOTONIC, &timeout);
        until = &timeout;
    }
    switch (a[1] & FUTEX_CMD_MASK) {
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
    case FUTEX_CMP_REQUEUE_PI:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_WAKE_OP:
        other = word_at(t, a[4]);
        if (!other)
            return a[4] % 4 ? -EINVAL : -EFAULT;
    }
    if (is_computed(a[1]) && !same_order(t->proc->abi))
        return turned(t, a, word, other, until);
    switch (a[1] & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: return wait_on(t, a, word, other, until);
    case FUTEX_CMP_REQUEUE:
    case FUTEX_CMP_REQUEUE_PI:
        return RESULT(syscall(SYS_futex, word, (int)a[1], (int)a[2], (long)a[3], other,
                              as_in_memory(t, a[5])));
    }
    return RESULT(
        syscall(SYS_futex, word, (int)a[1], (int)a[2], (long)a[3], other, (int)a[5]));
}

int64_t sys_futex_waitv(struct task *t, const uint64_t *a)
{
    enum { MOST = 128, RECORD = 24, SIZE_MASK = 3, SIZE_32 = 2 };
    struct {
        uint64_t value, addr;
        uint32_t flags, reserved;
    } waits[MOST];
    struct timespec timeout;

    if (a[1] == 0 || a[1] > MOST || a[2])
        return -EINVAL;
    for (uint64_t i = 0; i < a[1]; i++) {
        uint64_t v[4] = { 0 }, at = a[0] + i * RECORD;
        void *word;

        if (read_number(t, at, 8, &v[0]) < 0 || read_number(t, at + 8, 8, &v[1]) < 0 ||
            read_number(t, at + 16, 4, &v[2]) < 0 ||
            read_number(t, at + 20, 4, &v[3]) < 0)
            return -EFAULT;
        word = word_at(t, v[1]);
        if ((v[2] & SIZE_MASK) != SIZE_32 || v[3] || v[1] % 4)
            return -EINVAL;
        if (!word)
            return -EFAULT;
        waits[i].value = v[0] >> 32 ? v[0] : as_in_memory(t, v[0]);
        waits[i].addr = (uintptr_t)word;
        waits[i].flags = (uint32_t)v[2];
        waits[i].reserved = 0;
    }
    if (a[3] && read_timespec(t, a[3], &timeout) < 0)
        return -EFAULT;
    return BLOCKING(t, RESTART, SYS_futex_waitv, (long)waits, (long)a[1], 0,
                    a[3] ? (long)&timeout : 0, (long)a[4]);
}

/* ---------------------------------------------------------------------- robust lists */

enum { MAX_ROBUST = 2048 };

/* The owner of the lock at addr ends. */
static int bury(struct task *t, uint64_t addr, bool inherits, bool is_pending)
{
    void *word = word_at(t, addr);
    uint32_t value = 0, was;

    if (!word || !space_host(t->proc->space, addr, 4, SPACE_WRITE))
        return -1;
    for (;;) {
        was = value;
        if (is_pending && !inherits && !(was & FUTEX_TID_MASK)) {
            if (exchange(t, word, &value, was) < 0)
                return -1;
            if (value != was)
                continue;
            wake(word, 1, 0);
            return 0;
        }
        if ((was & FUTEX_TID_MASK) != (uint32_t)t->tid) {
            if (exchange(t, word, &value, was) < 0)
                return -1;
            if (value == was)
                return 0;
            continue;
        }
        if (exchange(t, word, &value, (was & FUTEX_WAITERS) | FUTEX_OWNER_DIED) < 0)
            return -1;
        if (value == was)
            break;
    }
    if (!inherits && (value & FUTEX_WAITERS))
        wake(word, 1, 0);
    return 0;
}

void robust_list_exit(struct task *t)
{
    unsigned word = t->proc->abi->layouts->word;
    uint64_t head = t->robust_list, entry, next = 0, offset, pending;
    bool more;

    t->robust_list = 0;
    if (!head)
        return;
    syscall(SYS_set_robust_list, NULL,
            sizeof(long) * 3); /* or the kernel does it again */
    if (read_number(t, head, word, &entry) < 0 ||
        read_number(t, head + word, word, &offset) < 0 ||
        read_number(t, head + 2 * word, word, &pending) < 0)
        return;
    offset = (uint64_t)sign_extend(offset, word);
    for (unsigned n = 0; (entry & ~(uint64_t)1) != head && n < MAX_ROBUST; n++) {
        more = read_number(t, entry & ~(uint64_t)1, word, &next) == 0;
        if (entry != pending &&
            bury(t, (entry & ~(uint64_t)1) + offset, entry & 1, false) < 0)
            return;
        if (!more)
            return;
        entry = next;
    }
    if (pending)
        bury(t, (pending & ~(uint64_t)1) + offset, pending & 1, true);
}

/* Where the guest's list is what the host's kernel would read, it does so: also when the
 * process is killed. */
static bool kernel_reads_list(const struct proc *p)
{
    return p->abi->layouts->word == sizeof(long) && same_order(p->abi) &&
           !space_is_paged(p->space) && !space_base(p->space);
}

void robust_list_exec(struct task *t)
{
    if (!kernel_reads_list(t->proc))
        robust_list_exit(t);
}

int64_t sys_set_robust_list(struct task *t, const uint64_t *a)
{
    const struct proc *p = t->proc;
    unsigned word = p->abi->layouts->word;

    if (a[1] != (uint64_t)word * 3)
        return -EINVAL;
    t->robust_list = a[0];
    if (kernel_reads_list(p))
        syscall(SYS_set_robust_list, (void *)(uintptr_t)a[0], sizeof(long) * 3);
    return 0;
}

int64_t sys_get_robust_list(struct task *t, const uint64_t *a)
{
    struct proc *p = t->proc;
    unsigned word = p->abi->layouts->word;
    uint64_t list = t->robust_list;
    struct task *other = t;

    if ((int)a[0] && (int)a[0] != t->tid) {
        host_lock_take(p->lock);
        for (other = p->tasks; other && other->tid != (int)a[0]; other = other->next)
            ;
        list = other ? other->robust_list : 0;
        host_lock_give(p->lock);
    }
    if (!other)
        return -ESRCH;
    if (write_number(t, a[2], word, (uint64_t)word * 3) < 0)
        return -EFAULT;
    return write_number(t, a[1], word, list);
}
