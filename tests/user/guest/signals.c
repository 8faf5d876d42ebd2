/* signals.c - handlers, masks, restarts, queues, alternate stacks. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

#include "say.h"

static volatile sig_atomic_t seen, depth, on_alt;
static siginfo_t last;
static char alternate[65536];

static void count(int signo)
{
    seen = seen * 100 + signo;
}

static void remember(int signo, siginfo_t *info, void *context)
{
    char here;

    (void)context;
    seen = signo;
    last = *info;
    on_alt = &here >= alternate && &here < alternate + sizeof(alternate);
}

static void set(int signo, void (*handler)(int), int flags)
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

    sigaction(signo, &action, NULL);
}

static void set_info(int signo, int flags)
{
    struct sigaction action = { .sa_sigaction = remember,
                                .sa_flags = SA_SIGINFO | flags };

    sigaction(signo, &action, NULL);
}

static void simple(void)
{
    struct sigaction old;

    set(SIGUSR1, count, 0);
    call("raise", raise(SIGUSR1));
    say("seen", seen);
    sigaction(SIGUSR1, NULL, &old);
    ok("old handler", old.sa_handler == count);
    call("SIGKILL handler", sigaction(SIGKILL, &old, NULL));
    set(SIGUSR2, count, SA_RESETHAND);
    raise(SIGUSR2);
    sigaction(SIGUSR2, NULL, &old);
    ok("reset", old.sa_handler == SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    call("raise ignored", raise(SIGPIPE));
    call("kill no such", kill(getpid(), 65));
}

static void masks(void)
{
    sigset_t set1, old, pending;

    seen = 0;
    sigemptyset(&set1);
    sigaddset(&set1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set1, &old);
    raise(SIGUSR1);
    raise(SIGUSR1);
    say("blocked", seen);
    sigpending(&pending);
    say("pending", sigismember(&pending, SIGUSR1));
    sigprocmask(SIG_SETMASK, &old, NULL);
    say("once", seen);
    sigprocmask(SIG_BLOCK, &set1, NULL);
    raise(SIGUSR1);
    seen = 0;
    call("sigsuspend", sigsuspend(&old));
    say("seen", seen);
    sigprocmask(SIG_BLOCK, NULL, &pending);
    say("still blocked", sigismember(&pending, SIGUSR1));
    raise(SIGUSR1);
    say("sigwaitinfo", sigwaitinfo(&set1, &last));
    say("code", last.si_code == SI_TKILL);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static int rounds;

static void nest(int signo)
{
    sigset_t now;

    sigprocmask(SIG_BLOCK, NULL, &now);
    depth++;
    printf("depth %d signal %d blocked %d %d\n", (int)depth, signo,
           sigismember(&now, SIGUSR1), sigismember(&now, SIGUSR2));
    if (signo == SIGUSR1 && rounds++ < 2) {
        raise(SIGUSR1); /* waits for the end of this one */
        raise(SIGUSR2);
    }
    depth--;
}

static void nested(void)
{
    set(SIGUSR1, nest, 0);
    set(SIGUSR2, nest, 0);
    raise(SIGUSR1);
    say("depth", depth);
}

static void queues(void)
{
    union sigval value = { .sival_int = 7 };
    sigset_t set1, old;

    set_info(SIGRTMIN + 2, 0);
    sigemptyset(&set1);
    sigaddset(&set1, SIGRTMIN + 2);
    sigprocmask(SIG_BLOCK, &set1, &old);
    for (int i = 0; i < 3; i++) {
        value.sival_int = 7 + i;
        call("sigqueue", sigqueue(getpid(), SIGRTMIN + 2, value));
    }
    for (int i = 0; i < 3; i++) {
        sigsuspend(&old);
        printf("value %d code %d pid %d\n", last.si_value.sival_int,
               last.si_code == SI_QUEUE, last.si_pid == getpid());
    }
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void altstack(void)
{
    stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) }, old;

    call("sigaltstack", sigaltstack(&stack, NULL));
    set_info(SIGUSR1, SA_ONSTACK);
    raise(SIGUSR1);
    say("on alternate", on_alt);
    set_info(SIGUSR1, 0);
    raise(SIGUSR1);
    say("on alternate", on_alt);
    stack.ss_size = 100;
    call("too small", sigaltstack(&stack, NULL));
    stack.ss_flags = SS_DISABLE;
    call("disable", sigaltstack(&stack, &old));
    ok("old", old.ss_sp == alternate && old.ss_flags == 0);
}

/* The parent's number as /proc counts, which may be that of another pid namespace; or -1.
 */
static int parent_in_proc(void)
{
    char line[512];
    int parent = -1;
    FILE *f = fopen("/proc/self/status", "r");

    while (f && fgets(line, sizeof(line), f))
        sscanf(line, "PPid: %d", &parent);
    if (f)
        fclose(f);
    return parent;
}

/* Until the parent waits in a system call, however slow it is; two seconds at most, where
 * /proc does not tell. */
static void wait_for_parent(void)
{
    struct timespec pause = { 0, 5000000 };
    char name[32], line[512];

    snprintf(name, sizeof(name), "/proc/%d/stat", parent_in_proc());
    for (int calm = 0, rounds = 0; calm < 4 && rounds < 400; rounds++) {
        FILE *f = fopen(name, "r");
        char *state = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;

        if (f)
            fclose(f);
        calm = state && state[2] == 'S' ? calm + 1 : 0;
        nanosleep(&pause, NULL);
    }
}

/* A child sends a signal, then writes: a read is interrupted or not. */
static void interrupted_read(int flags)
{
    int ends[2];
    char byte;
    pid_t child;

    pipe(ends);
    set(SIGUSR1, count, flags);
    seen = 0;
    child = fork();
    if (child == 0) {
        wait_for_parent();
        kill(getppid(), SIGUSR1);
        wait_for_parent();
        write(ends[1], "x", 1);
        _exit(0);
    }
    call(flags ? "read with SA_RESTART" : "read without", read(ends[0], &byte, 1));
    say("seen", seen);
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
}

static void timers(void)
{
    struct itimerval timer = { { 0, 0 }, { 0, 200000 } };
    struct timespec pause = { 100, 0 }, left = { 0, 0 };

    set(SIGALRM, count, SA_RESTART);
    seen = 0;
    setitimer(ITIMER_REAL, &timer, NULL);
    call("nanosleep", nanosleep(&pause, &left));
    say("seen", seen);
    ok("left", left.tv_sec > 0 && left.tv_sec < 100);
    seen = 0;
    setitimer(ITIMER_REAL, &timer, NULL);
    while (!seen) /* in the middle of a loop without calls */
        ;
    say("seen", seen);
    alarm(100);
    ok("alarm", alarm(0) > 0);
}

static sigjmp_buf back;

static void jump(int signo)
{
    siglongjmp(back, signo);
}

static void jumps(void)
{
    for (int i = 0; i < 3; i++) {
        set(SIGSEGV, jump, 0);
        if (sigsetjmp(back, 1) == 0)
            *(volatile int *)16 = 1;
        else
            puts("jumped out");
    }
}

static void change_context(int signo, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    (void)signo;
    (void)info;
    uc->uc_mcontext.__gregs[REG_PC] += 4; /* the load is 4 bytes long */
    uc->uc_mcontext.__gregs[10] = 4711;
}

static void contexts(void)
{
    struct sigaction action = { .sa_sigaction = change_context, .sa_flags = SA_SIGINFO };
    register long a0 __asm__("a0") = 8;
    double d = 1.5;

    sigaction(SIGSEGV, &action, NULL);
    __asm__ volatile(".option push\n.option norvc\nlw a0, 0(a0)\n.option pop" : "+r"(a0));
    say("a0", a0);
    printf("%g\n", d * 2);
    signal(SIGSEGV, SIG_DFL);
}

static void children(void)
{
    struct sigaction action = { .sa_sigaction = remember, .sa_flags = SA_SIGINFO };
    sigset_t block, old;
    pid_t child;

    sigemptyset(&block);
    sigaddset(&block, SIGCHLD);
    sigprocmask(SIG_BLOCK, &block, &old);
    sigaction(SIGCHLD, &action, NULL);
    child = fork();
    if (child == 0)
        _exit(7);
    sigsuspend(&old);
    sigprocmask(SIG_SETMASK, &old, NULL);
    printf("SIGCHLD %d code %d status %d pid %d\n", last.si_signo == SIGCHLD,
           last.si_code == CLD_EXITED, last.si_status, last.si_pid == child);
    waitpid(child, NULL, 0);
    signal(SIGCHLD, SIG_DFL);
}

static void storm(void)
{
    struct itimerval timer = { { 0, 500 }, { 0, 500 } }, none = { { 0, 0 }, { 0, 0 } };
    volatile uint64_t sum = 0;
    volatile double x = 0;
    uint64_t expected = 0;

    set(SIGALRM, count, 0);
    seen = 0;
    setitimer(ITIMER_REAL, &timer, NULL);
    for (uint64_t i = 0; i < 300000; i++) {
        sum += i * i;
        x += 0.5;
    }
    setitimer(ITIMER_REAL, &none, NULL);
    for (uint64_t i = 0; i < 300000; i++)
        expected += i * i;
    ok("sum", sum == expected);
    ok("x", x == 150000);
}

/* What is sent of the kinds that faults have can wait, too. */
static void sent_faults(void)
{
    const struct timespec now = { 0, 0 };
    sigset_t block, old, waiting;
    siginfo_t info;

    sigemptyset(&block);
    sigaddset(&block, SIGSEGV);
    sigaddset(&block, SIGBUS);
    set(SIGSEGV, count, 0);
    set(SIGBUS, count, 0);
    seen = 0;
    sigprocmask(SIG_BLOCK, &block, &old);
    raise(SIGBUS);
    raise(SIGBUS);
    raise(SIGSEGV);
    say("sent and blocked", seen);
    sigpending(&waiting);
    ok("they wait", sigismember(&waiting, SIGSEGV) && sigismember(&waiting, SIGBUS));
    call("sigsuspend", sigsuspend(&old));
    say("both", seen == 711 || seen == 1107);
    kill(getpid(), SIGBUS);
    say("sigtimedwait", sigtimedwait(&block, &info, &now));
    ok("its info", info.si_signo == SIGBUS && info.si_pid == getpid());
    call("no more", sigtimedwait(&block, &info, &now));
    seen = 0;
    raise(SIGSEGV);
    sigprocmask(SIG_SETMASK, &old, NULL);
    say("opened", seen);
    signal(SIGSEGV, SIG_DFL);
    signal(SIGBUS, SIG_DFL);
}

int main(void)
{
    simple();
    masks();
    sent_faults();
    nested();
    queues();
    altstack();
    interrupted_read(0);
    interrupted_read(SA_RESTART);
    timers();
    jumps();
    contexts();
    children();
    storm();
    return 0;
}
