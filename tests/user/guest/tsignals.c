/* tsignals.c: signals of threads: masks, directed ones, waiting, faults. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "say.h"

static sem_t ready, done;
static volatile pid_t who;
static volatile int value, count;
static __thread volatile int mine;

static void note(int signo, siginfo_t *info, void *context)
{
    who = gettid();
    value = info->si_value.sival_int;
    mine++;
    __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    sem_post(&done);
}

static void catch (int signo, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

    sigaction(signo, &action, NULL);
}

static void block(int how, int signo)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signo);
    pthread_sigmask(how, &set, NULL);
}

static volatile pid_t target;
static sem_t enough;

/* Waits for `enough`, through any number of signals: pause() would miss the last one when
 * that comes just before. */
static void *wait_through_signals(void)
{
    sem_post(&ready);
    while (sem_wait(&enough) < 0)
        ;
    return (void *)(long)mine;
}

static void *wait_thread(void *arg)
{
    target = gettid();
    return wait_through_signals();
}

static void directed(void)
{
    union sigval v = { .sival_int = 42 };
    pthread_t thread;
    void *result;

    pthread_create(&thread, NULL, wait_thread, NULL);
    sem_wait(&ready);
    usleep(10000);
    call("pthread_sigqueue", pthread_sigqueue(thread, SIGUSR1, v));
    sem_wait(&done);
    say("in that thread", who == target);
    say("its value", value);
    sem_post(&enough);
    pthread_join(thread, &result);
    say("its own count", (long)result);
    say("ours", mine);
    while (syscall(SYS_tgkill, getpid(), target, 0) == 0)
        usleep(100); /* it was joined, but may not quite have ended */
    call("a thread that has ended", syscall(SYS_tgkill, getpid(), target, SIGUSR1));
    call("another process", syscall(SYS_tgkill, 1, getpid(), 0));
}

static void *open_thread(void *arg)
{
    block(SIG_UNBLOCK, SIGUSR2);
    target = gettid();
    return wait_through_signals();
}

static void to_process(void)
{
    pthread_t thread;
    sigset_t pending;

    block(SIG_BLOCK, SIGUSR2);
    pthread_create(&thread, NULL, open_thread, NULL);
    sem_wait(&ready);
    usleep(10000);
    for (int i = 0; i < 3; i++) {
        kill(getpid(), SIGUSR2);
        sem_wait(&done);
        usleep(2000);
        say("taken by the one that does not block it", who == target);
    }
    sem_post(&enough);
    pthread_join(thread, NULL);
    kill(getpid(), SIGUSR2);
    sigpending(&pending);
    say("nobody left: pending", sigismember(&pending, SIGUSR2));
    block(SIG_UNBLOCK, SIGUSR2);
    sem_wait(&done);
    say("then ours", who == getpid());
}

static void *wait_signal(void *arg)
{
    siginfo_t info;
    sigset_t set;
    int got;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    sem_post(&ready);
    got = sigwaitinfo(&set, &info);
    say("  waited for", got - SIGRTMIN);
    say("  value", info.si_value.sival_int);
    return NULL;
}

static void waiting(void)
{
    union sigval v = { .sival_int = 77 };
    struct timespec none = { 0, 1000000 };
    pthread_t thread;
    sigset_t set;

    block(SIG_BLOCK, SIGRTMIN + 1);
    pthread_create(&thread, NULL, wait_signal, NULL);
    sem_wait(&ready);
    sigqueue(getpid(), SIGRTMIN + 1, v);
    pthread_join(thread, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 1);
    call("timed wait", sigtimedwait(&set, NULL, &none));
}

static __thread sigjmp_buf back;
static char *volatile nowhere;

static void fault(int signo, siginfo_t *info, void *context)
{
    siglongjmp(back, info->si_addr == nowhere ? 1 : 2);
}

static void *faulting(void *arg)
{
    char *stack = malloc(SIGSTKSZ);
    stack_t alternate = { .ss_sp = stack, .ss_size = SIGSTKSZ }, old;
    volatile int good = 0;

    sigaltstack(NULL, &old);
    good += old.ss_flags == SS_DISABLE;
    sigaltstack(&alternate, NULL);
    for (volatile int i = 0; i < 100; i++) {
        int how = sigsetjmp(back, 1);

        if (how == 0)
            *nowhere = 1;
        good += how == 1;
    }
    alternate.ss_flags = SS_DISABLE;
    sigaltstack(&alternate, NULL);
    free(stack);
    return (void *)(long)good;
}

static void faults(void)
{
    pthread_t threads[4];
    long sum = 0;

    nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    catch (SIGSEGV, fault, SA_ONSTACK);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, faulting, NULL);
    for (int i = 0; i < 4; i++) {
        void *result;

        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    say("faults of four threads", sum);
}

static volatile int stop;
static volatile long spins[4];

static void *spin(void *arg)
{
    while (!stop)
        spins[(long)arg]++;
    return (void *)(long)mine;
}

/* Preempts running threads as Go's run time does. */
static void storm(void)
{
    pthread_t threads[4];
    long sum = 0;

    count = 0;
    for (long i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, spin, (void *)i);
    for (int i = 0; i < 40; i++) {
        pthread_kill(threads[i % 4], SIGUSR1);
        sem_wait(&done);
    }
    stop = 1;
    for (int i = 0; i < 4; i++) {
        void *result;

        pthread_join(threads[i], &result);
        sum += (long)result;
    }
    say("storm", sum);
    say("counted", count);
}

static void *change_user(void *arg)
{
    sem_post(&ready);
    sem_wait(&done);
    return (void *)(long)(getuid() == geteuid());
}

static void users(void)
{
    pthread_t thread;
    void *result;

    pthread_create(&thread, NULL, change_user, NULL);
    sem_wait(&ready);
    call("setuid in all threads", setuid(getuid()));
    call("setgid in all threads", setgid(getgid()));
    sem_post(&done);
    pthread_join(thread, &result);
    say("still there", (long)result);
}

int main(void)
{
    sem_init(&ready, 0, 0);
    sem_init(&enough, 0, 0);
    sem_init(&done, 0, 0);
    catch (SIGUSR1, note, 0);
    catch (SIGUSR2, note, 0);
    directed();
    to_process();
    waiting();
    faults();
    storm();
    users();
    return 0;
}
