/* tcode.c: code that one thread writes and others run; memory that goes away under them.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "say.h"

enum { PAGE = 4096, THREADS = 3, VERSIONS = 40 };

typedef int function(void);

#ifdef __riscv
static void flush(void *from, void *to)
{
    syscall(259, from, to, 0); /* riscv_flush_icache, of all threads */
}

static void put_return(uint32_t *at, int value) /* li a0, value; ret */
{
    at[0] = 0x00000513u | (uint32_t)value << 20;
    at[1] = 0x00008067;
}
#else
static void flush(void *from, void *to)
{
}
static void put_return(uint32_t *at, int value) /* mov eax, value; ret */
{
    uint8_t code[8] = { 0xb8, (uint8_t)value, (uint8_t)(value >> 8), 0, 0, 0xc3 };

    memcpy(at, code, sizeof code);
}
#endif

enum { SYNC_CORE = 1 << 5, REGISTER_SYNC_CORE = 1 << 6 }; /* of membarrier */

static void barrier(void *from, void *to)
{
    if (syscall(SYS_membarrier, SYNC_CORE, 0, 0) < 0)
        perror("membarrier");
}

static void *page(int prot)
{
    return mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* --------------------------------------------------------- others run what one writes */

static uint32_t *code;
static atomic_int version, seen[THREADS], wrong, stop;

static void *runner(void *arg)
{
    atomic_int *mine = &seen[(long)arg];

    while (!stop) {
        int before = version, got;

        if (before == *mine) {
            sched_yield();
            continue;
        }
        got = ((function *)code)();
        if (got != before)
            wrong++;
        *mine = before;
    }
    return NULL;
}

/* Each version is seen by all before the next one is written. */
static void others(const char *what, int protect, void (*make_seen)(void *, void *))
{
    pthread_t threads[THREADS];

    version = wrong = stop = 0;
    code = page(PROT_READ | PROT_WRITE | PROT_EXEC);
    for (long i = 0; i < THREADS; i++) {
        seen[i] = 0;
        pthread_create(&threads[i], NULL, runner, (void *)i);
    }
    for (int v = 1; v <= VERSIONS; v++) {
        if (protect)
            mprotect(code, PAGE, PROT_READ | PROT_WRITE);
        put_return(code, v);
        if (protect)
            mprotect(code, PAGE, PROT_READ | PROT_EXEC);
        make_seen(code, code + 2);
        version = v;
        for (int i = 0; i < THREADS; i++)
            while (seen[i] != v)
                sched_yield();
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    say(what, wrong);
    munmap(code, PAGE);
}

/* One mapping is written, another one of the same memory runs. */
static void aliases(void)
{
    int fd = memfd_create("code", 0), bad = 0;
    uint32_t *write_here, *run_here;

    ftruncate(fd, PAGE);
    write_here = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    run_here = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    for (int v = 1; v <= VERSIONS; v++) {
        put_return(write_here, v);
#ifdef __riscv
        __asm__ volatile("fence.i" ::: "memory");
#endif
        bad += ((function *)run_here)() != v;
    }
    say("wrong in another mapping", bad);
}

/* ------------------------------------------------ each makes, runs and unmaps its own
 * code */

static void *maker(void *arg)
{
    long bad = 0;

    for (int i = 0; i < VERSIONS; i++) {
        uint32_t *own = page(PROT_READ | PROT_WRITE | PROT_EXEC);
        int value = (int)(((long)arg * VERSIONS + i) & 0x7ff);

        put_return(own, value);
        flush(own, own + 2);
        bad += ((function *)own)() != value;
        munmap(own, PAGE);
    }
    return (void *)bad;
}

static void makers(void)
{
    pthread_t threads[THREADS];
    long bad = 0;

    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, maker, (void *)i);
    for (int i = 0; i < THREADS; i++) {
        void *result;

        pthread_join(threads[i], &result);
        bad += (long)result;
    }
    say("makers' wrong results", bad);
}

/* ---------------------------------------------------------- memory that goes and comes
 */

static char *volatile area;
static __thread sigjmp_buf back;
static atomic_long faulted, strange;

static void fault(int signo, siginfo_t *info, void *context)
{
    if ((char *)info->si_addr < area || (char *)info->si_addr >= area + PAGE)
        strange++;
    siglongjmp(back, 1);
}

static void *toucher(void *arg)
{
    while (!stop) {
        if (sigsetjmp(back, 1)) {
            faulted++;
            continue;
        }
        for (int i = 0; i < 100; i++) {
            area[8 * (long)arg]++;
            if (write(-1, area, 8) != -1)
                strange++;
        }
    }
    return NULL;
}

static void races(void)
{
    struct sigaction action = { .sa_sigaction = fault, .sa_flags = SA_SIGINFO };
    pthread_t threads[THREADS];

    sigaction(SIGSEGV, &action, NULL);
    stop = 0;
    area = page(PROT_READ | PROT_WRITE);
    for (long i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, toucher, (void *)i);
    for (int i = 0; i < 100 || faulted < 10; i++) {
        munmap(area, PAGE);
        if (i % 3 == 0)
            usleep(100);
        mmap(area, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
             -1, 0);
        mprotect(area, PAGE, PROT_READ);
        mprotect(area, PAGE, PROT_READ | PROT_WRITE);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    say("threads saw faults", faulted >= 10);
    say("elsewhere", strange);
}

int main(void)
{
    others("wrong after a flush", 0, flush);
    others("wrong after mprotect", 1, flush);
    call("membarrier before", syscall(SYS_membarrier, SYNC_CORE, 0, 0));
    call("membarrier registers", syscall(SYS_membarrier, REGISTER_SYNC_CORE, 0, 0));
    others("wrong after membarrier", 0, barrier);
    aliases();
    makers();
    races();
    return 0;
}
