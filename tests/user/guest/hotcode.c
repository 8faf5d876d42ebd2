/* hotcode.c: code that changes while it is hot, and faults in the middle of hot loops:
 * what the handler sees of registers is what must be. */
#define _GNU_SOURCE
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>

#include "say.h"

enum { PAGE = 4096, VERSIONS = 1000 };

typedef long function(long);

static void flush(void *at)
{
    syscall(259, at, (char *)at + PAGE, 0); /* riscv_flush_icache, of all threads */
}

static void fence(void *at)
{
    (void)at;
    __asm__ volatile("fence.i" ::: "memory");
}

static uint32_t add_of(int value) /* addi a0, a0, value */
{
    return 0x00050513u | (uint32_t)value << 20;
}

/* a0 + value; by a loop of 3 rounds: li t0, 3; a0 += value; t0--; bnez t0; ret */
static void put_loop(volatile uint32_t *at, int value)
{
    at[0] = 0x00300293;
    at[1] = add_of(value);
    at[2] = 0xfff28293;
    at[3] = 0xfe029ce3;
    at[4] = 0x00008067;
}

static void *page(int prot)
{
    return mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static long now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Calls it for so long; how often the result was not 3 * value. */
static long run_hot(function *f, int value, int ms)
{
    long end = now_ms() + ms, bad = 0;

    do
        for (int i = 0; i < 300; i++)
            bad += f(i) != i + 3 * value;
    while (now_ms() < end);
    return bad;
}

/* ----------------------------------------------------------- changed by this thread */

static void change_own(const char *what, uint32_t *write, uint32_t *run,
                       void (*make_seen)(void *))
{
    long bad = 0;

    for (int v = 1; v <= VERSIONS; v++) {
        if (v % 100 == 1)
            put_loop(write, v);
        else
            write[1] = add_of(v);
        make_seen(run);
        bad += run_hot((function *)run, v, v % 40 == 0 ? 20 : 0);
    }
    say(what, bad);
}

static void own(void)
{
    uint32_t *code = page(PROT_READ | PROT_WRITE | PROT_EXEC), *other;
    int fd = memfd_create("code", 0);

    change_own("changed, fence.i", code, code, fence);
    change_own("changed, flush", code, code, flush);
    ftruncate(fd, PAGE);
    other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    code = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    change_own("changed in another mapping, fence.i", other, code, fence);
    change_own("changed in another mapping, flush", other, code, flush);
}

/* Made, run hot, and gone. */
static void remap(void)
{
    uint32_t *code = page(PROT_READ);
    long bad = 0;

    for (int v = 1; v <= 60; v++) {
        if (v % 2)
            mmap(code, PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        else
            mprotect(code, PAGE, PROT_READ | PROT_WRITE);
        put_loop(code, v);
        mprotect(code, PAGE, PROT_READ | PROT_EXEC);
        flush(code);
        bad += run_hot((function *)code, v, v % 4 ? 1 : 20);
    }
    say("mapped anew", bad);
}

/* -------------------------------------------------------- changed by another thread */

/* How often the function behind yielded what is older than a0's version was in front of
 * the call, of a1 calls. */
__asm__(".option push\n .option norvc\n .balign 4\n"
        "hot_calls: mv t1, ra\n mv t2, a0\n li t3, 0\n"
        "1: lw t4, 0(t2)\n li a0, 0\n jal ra, hot_code\n"
        "slli t5, t4, 1\n add t5, t5, t4\n slt t6, a0, t5\n add t3, t3, t6\n"
        "addi a1, a1, -1\n bnez a1, 1b\n mv a0, t3\n jr t1\n"
        "hot_code: nop\n nop\n nop\n nop\n nop\n .option pop");
extern uint32_t hot_calls[], hot_code[];

static uint32_t *shared;
static atomic_int version, stop;
static atomic_long rounds, too_old;

static void *runner(void *arg)
{
    long (*calls)(atomic_int *, long) = (long (*)(atomic_int *, long))shared;

    (void)arg;
    while (!stop) {
        too_old += calls(&version, 1000);
        rounds += 1000;
    }
    return NULL;
}

static void change_other(void)
{
    pthread_t threads[2];
    uint32_t *code;

    shared = page(PROT_READ | PROT_WRITE | PROT_EXEC);
    code = shared + (hot_code - hot_calls);
    memcpy(shared, hot_calls, (hot_code - hot_calls) * sizeof *code);
    put_loop(code, 0);
    flush(shared);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, runner, NULL);
    for (int v = 1; v <= VERSIONS; v++) {
        long before = rounds;
        long end = now_ms() + (v % 40 ? 0 : 20);

        __atomic_store_n(&code[1], add_of(v), __ATOMIC_SEQ_CST);
        flush(shared);
        version = v;
        while (rounds < before + 3000 || now_ms() < end)
            sched_yield();
    }
    stop = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    say("changed by another thread", too_old);
}

/* ------------------------------------------------------ made impossible to execute */

static sigjmp_buf back;
static ucontext_t seen;
static void *volatile seen_addr;

static void handler(int signo, siginfo_t *info, void *context)
{
    (void)signo;
    seen_addr = info->si_addr;
    memcpy(&seen, context, sizeof seen);
    siglongjmp(back, 1);
}

static void *protecter(void *arg)
{
    struct timespec t = { .tv_nsec = 60000000 };

    nanosleep(&t, NULL);
    mprotect(arg, PAGE, PROT_READ | PROT_WRITE);
    return NULL;
}

static void take_away(void)
{
    uint32_t *code = page(PROT_READ | PROT_WRITE | PROT_EXEC);
    pthread_t thread;
    volatile long bad = 0;

    put_loop(code, 5);
    flush(code);
    pthread_create(&thread, NULL, protecter, code);
    if (!sigsetjmp(back, 1))
        for (;;)
            bad += run_hot((function *)code, 5, 1000);
    pthread_join(thread, NULL);
    ok("taken away: fault in the code",
       (char *)seen_addr >= (char *)code && (char *)seen_addr < (char *)code + 20);
    say("taken away: wrong results", bad);
}

/* --------------------------------------------------------------- faults in loops */

enum { AREA = 1 << 16, WORDS = AREA / 8, LONG_AREA = 16 << 20 };
#define NONE UINT64_MAX

/* The loops work on these, a0 to a7 and t0 to t6; fa0 to fa2 are numbers that count. */
struct state {
    uint64_t a[8], t[7];
    double f[3];
};

/* It goes up from a0 until a1 words are done. */
typedef void loop(struct state *);

#define LOAD_ALL                                                                         \
    "ld a0, 0(s2)\n ld a1, 8(s2)\n ld a2, 16(s2)\n ld a3, 24(s2)\n ld a4, 32(s2)\n"      \
    "ld a5, 40(s2)\n ld a6, 48(s2)\n ld a7, 56(s2)\n ld t0, 64(s2)\n ld t1, 72(s2)\n"    \
    "ld t2, 80(s2)\n ld t3, 88(s2)\n ld t4, 96(s2)\n ld t5, 104(s2)\n"                   \
    "ld t6, 112(s2)\n fld fa0, 120(s2)\n fld fa1, 128(s2)\n fld fa2, 136(s2)\n"
#define CLOBBERS                                                                         \
    "a0", "a1", "a2", "a3", "a4", "a5", "a6", "a7", "t0", "t1", "t2", "t3", "t4", "t5",  \
        "t6", "s2", "fa0", "fa1", "fa2", "ra", "memory"

#define LOOP(name, first, second, leaf)                                                  \
    static __attribute__((noinline)) void name(struct state *state)                      \
    {                                                                                    \
        __asm__ volatile("mv s2, %0\n" LOAD_ALL "1:\n" first                             \
                         "add t1, t1, t0\n xor t2, t2, t1\n addi t0, t0, 1\n"            \
                         "fadd.d fa1, fa1, fa0\n fcvt.d.l fa2, t0\n" second              \
                         "slli t4, t1, 3\n sltu t5, t2, t1\n add t6, t6, t5\n"           \
                         "addi a0, a0, 8\n addi a1, a1, -1\n bnez a1, 1b\n j 3f\n" leaf  \
                         "3:\n"                                                          \
                         :                                                               \
                         : "r"(state)                                                    \
                         : CLOBBERS);                                                    \
    }

LOOP(load_first, "ld t3, 0(a0)\n", "", "")
LOOP(load_last, "", "ld t3, 0(a0)\n", "")
LOOP(store_first, "sd t0, 0(a0)\n", "", "")
LOOP(store_last, "ld a2, 0(a0)\n", "sd a2, 0(a0)\n", "")
LOOP(load_called, "", "jal ra, 2f\n", "2: ld t3, 0(a0)\n ret\n")
LOOP(store_called, "jal ra, 2f\n", "addi a3, a3, 1\n", "2: sd a3, 0(a0)\n ret\n")
LOOP(load_store, "ld t3, 0(a0)\n addi a4, a4, 1\n", "sd a4, 0(a0)\n", "")
LOOP(atomic, "addi a5, a5, 3\n", "amoadd.d t3, a5, (a0)\n", "")

struct kind {
    const char *name;
    loop *run;
    int late; /* the access is behind the first half */
};

static const struct kind kinds[] = {
    { "load", load_first, 0 },
    { "load at the end", load_last, 1 },
    { "store", store_first, 0 },
    { "load, store", store_last, 0 },
    { "load in a call", load_called, 1 },
    { "store in a call", store_called, 0 },
    { "load, then store", load_store, 0 },
    { "atomic", atomic, 1 },
};

static void half(struct state *s)
{
    s->t[1] += s->t[0];
    s->t[2] ^= s->t[1];
    s->t[0]++;
    s->f[1] += s->f[0];
    s->f[2] = (double)(int64_t)s->t[0];
}

/* From word `first`, which is as the others its number squared (NONE: all are zeros), to
 * the fault in round `count`. */
static void simulate(struct state *s, const struct kind *k, uint64_t first,
                     uint64_t count)
{
    for (uint64_t i = 0;; i++) {
        uint64_t word = first == NONE ? 0 : (first + i) * (first + i), *at = &word;
        int ends = i == count;

        if (k->run == atomic)
            s->a[5] += 3;
        if (ends && !k->late)
            return;
        if (k->run == load_first || k->run == load_store)
            s->t[3] = *at;
        if (k->run == load_store)
            s->a[4]++;
        if (k->run == store_last)
            s->a[2] = *at;
        half(s);
        if (ends)
            return;
        if (k->run == load_last || k->run == load_called || k->run == atomic)
            s->t[3] = *at;
        if (k->run == store_called)
            s->a[3]++;
        s->t[4] = s->t[1] << 3;
        s->t[5] = s->t[2] < s->t[1];
        s->t[6] += s->t[5];
        s->a[0] += 8;
        s->a[1]--;
    }
}

static int compare(const struct state *want)
{
    const unsigned long *x = seen.uc_mcontext.__gregs;
    static const int t[7] = { 5, 6, 7, 28, 29, 30, 31 };
    int bad = 0;

    for (int i = 0; i < 8; i++)
        if (x[10 + i] != want->a[i])
            bad++, printf("  a%d is %lx, not %lx\n", i, x[10 + i], (long)want->a[i]);
    for (int i = 0; i < 7; i++)
        if (x[t[i]] != want->t[i])
            bad++, printf("  t%d is %lx, not %lx\n", i, x[t[i]], (long)want->t[i]);
    for (int i = 0; i < 3; i++)
        if (memcmp(&seen.uc_mcontext.__fpregs.__d.__f[10 + i], &want->f[i], 8))
            bad++, printf("  fa%d differs\n", i);
    return bad;
}

static void set(struct state *s, char *area, uint64_t count)
{
    for (unsigned i = 0; i < 8; i++)
        s->a[i] = i * 0x123456789abcdefu;
    for (unsigned i = 0; i < 7; i++)
        s->t[i] = (i + 3) * 0xfedcba987654321u;
    s->t[0] = 1;
    s->a[0] = (uintptr_t)area;
    s->a[1] = count;
    s->f[0] = 1.5;
    s->f[1] = 0.25;
    s->f[2] = 8;
}

static void fault_in(const struct kind *k, char *area, long ms)
{
    struct state start, want;
    long end = now_ms() + ms, bad = 0;

    do {
        set(&start, area, WORDS);
        k->run(&start);
    } while (now_ms() < end);
    for (int i = 0; i < 20; i++) {
        uint64_t first = (uint64_t)i * 100;

        for (uint64_t w = 0; w < WORDS; w++)
            ((uint64_t *)area)[w] = w * w;
        set(&start, area + first * 8, WORDS * 2);
        want = start;
        simulate(&want, k, first, WORDS - first);
        if (!sigsetjmp(back, 1)) {
            k->run(&start);
            bad += 1000;
        }
        bad += compare(&want);
        bad += (uintptr_t)seen_addr != want.a[0];
    }
    say(k->name, bad);
}

/* Many more instructions since the last store than anybody executes one by one at once.
 */
static void fault_late(char *area)
{
    struct state start, want;
    long bad = 0;

    for (int i = 0; i < 3; i++) {
        set(&start, area, UINT32_MAX);
        want = start;
        simulate(&want, &kinds[i % 2], NONE, LONG_AREA / 8);
        if (!sigsetjmp(back, 1)) {
            kinds[i % 2].run(&start);
            bad += 1000;
        }
        bad += compare(&want);
        bad += (uintptr_t)seen_addr != want.a[0];
    }
    say("late in a loop", bad);
}

static void faults(void)
{
    char *area =
        mmap(NULL, AREA * 3, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    mprotect(area + AREA, PAGE, PROT_NONE);
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++)
        fault_in(&kinds[i], area, 100);
    area = mmap(NULL, LONG_AREA + PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(area + LONG_AREA, PAGE, PROT_NONE);
    fault_late(area);
}

/* The program's, whatever else there is in its process. */
static void count_threads(void)
{
    char line[1024], *at, *save;
    FILE *f = fopen("/proc/self/stat", "r");
    DIR *folder = opendir("/proc/self/task");
    struct dirent *entry;
    int field = 3, listed = 0;

    at = strrchr(fgets(line, sizeof line, f), ')');
    for (at = strtok_r(at + 1, " ", &save); field < 20; field++)
        at = strtok_r(NULL, " ", &save);
    say("threads", atoi(at));
    fclose(f);
    f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "Threads: %d", &field) == 1)
            say("threads in status", field);
    fclose(f);
    while ((entry = readdir(folder)))
        listed += entry->d_name[0] != '.';
    closedir(folder);
    say("threads listed", listed);
}

int main(void)
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO };

    sigaction(SIGSEGV, &action, NULL);
    faults();
    count_threads();
    own();
    remap();
    change_other();
    take_away();
    return 0;
}
