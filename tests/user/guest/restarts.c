/* restarts.c - calls that wait for a time, in a process that is stopped and continued
 * again and again: they wait for what is left, or end with EINTR, as Linux has it for
 * each. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "say.h"

enum { WAIT_MS = 150, STOP_EVERY_MS = 10, ROUNDS = 1500 };

static void pause_ms(long ms)
{
    struct timespec time = { 0, ms * 1000000 };

    nanosleep(&time, NULL);
}

static int word;
static const struct timespec limit = { 0, WAIT_MS * 1000000L };

static long wait_futex(void)
{
    return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &limit, NULL, 0);
}

static long wait_futex_until(void)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += limit.tv_nsec;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, 0, &until, NULL, ~0);
}

static long wait_nanosleep(void)
{
    return nanosleep(&limit, NULL);
}

static long wait_clock_nanosleep(void)
{
    return syscall(SYS_clock_nanosleep, CLOCK_REALTIME, 0, &limit, NULL);
}

static long wait_poll(void)
{
    return poll(NULL, 0, WAIT_MS);
}

static long wait_ppoll(void)
{
    struct timespec left = limit;
    sigset_t none;

    sigemptyset(&none);
    return ppoll(NULL, 0, &left, &none);
}

static long wait_select(void)
{
    struct timeval left = { 0, WAIT_MS * 1000 };

    return select(0, NULL, NULL, NULL, &left);
}

static long wait_epoll(void)
{
    struct epoll_event event;

    return epoll_wait(epoll_create1(0), &event, 1, ROUNDS * STOP_EVERY_MS);
}

static long wait_semaphore(void)
{
    static const struct timespec long_time = { 10, 0 };
    int id = semget(IPC_PRIVATE, 1, 0600), error;
    struct sembuf down = { 0, -1, 0 };
    long result = semtimedop(id, &down, 1, &long_time);

    error = errno;
    semctl(id, 0, IPC_RMID);
    errno = error;
    return result;
}

static long wait_signal(void)
{
    static const struct timespec long_time = { 10, 0 };
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return sigtimedwait(&set, NULL, &long_time);
}

/* With the full time after each stop it would never end. */
static void stopped(const char *what, long (*wait)(void))
{
    int rounds = 0, status;
    pid_t pid = fork();

    if (pid == 0) {
        call(what, wait());
        _exit(0);
    }
    while (rounds < ROUNDS && waitpid(pid, &status, WNOHANG) == 0) {
        pause_ms(STOP_EVERY_MS);
        kill(pid, SIGSTOP);
        waitpid(pid, &status, WUNTRACED);
        if (!WIFSTOPPED(status))
            return;
        kill(pid, SIGCONT);
        rounds++;
    }
    if (rounds == ROUNDS) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        printf("%s: never ends\n", what);
    }
}

/* -------------------------------------------------------------------------- handlers */

static volatile int seen;

static void note(int signo)
{
    seen = signo;
}

/* A handler with SA_RESTART: these end with EINTR nevertheless. */
static void handled(const char *what, long (*wait)(void))
{
    struct itimerval every = { { 0, 20000 }, { 0, 20000 } }, never = { { 0, 0 } };

    seen = 0;
    setitimer(ITIMER_REAL, &every, NULL);
    call(what, wait());
    setitimer(ITIMER_REAL, &never, NULL);
    ok("handler ran", seen == SIGALRM);
}

static long handled_rest(void)
{
    struct timespec long_time = { 100, 0 }, left = { 0, 0 };
    long result = nanosleep(&long_time, &left);

    ok("rest", left.tv_sec >= 1 && left.tv_sec < 100);
    return result;
}

static long handled_ppoll(void)
{
    struct timespec left = { 100, 0 };
    long result = syscall(SYS_ppoll, NULL, 0, &left, NULL, 8);
    int error = errno;

    ok("rest of ppoll", left.tv_sec >= 1 && left.tv_sec < 100);
    errno = error;
    return result;
}

static long handled_futex(void)
{
    struct timespec long_time = { 100, 0 };

    return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &long_time, NULL, 0);
}

static long handled_recv(void)
{
    struct timeval long_time = { 100, 0 };
    int ends[2];
    char byte;

    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &long_time, sizeof(long_time));
    return recv(ends[0], &byte, 1, 0);
}

int main(void)
{
    struct sigaction action = { .sa_handler = note, .sa_flags = SA_RESTART };

    stopped("futex", wait_futex);
    stopped("futex until", wait_futex_until);
    stopped("nanosleep", wait_nanosleep);
    stopped("clock_nanosleep", wait_clock_nanosleep);
    stopped("poll", wait_poll);
    stopped("ppoll", wait_ppoll);
    stopped("select", wait_select);
    stopped("epoll_wait", wait_epoll);
    stopped("semtimedop", wait_semaphore);
    stopped("sigtimedwait", wait_signal);
    sigaction(SIGALRM, &action, NULL);
    handled("nanosleep", handled_rest);
    handled("ppoll", handled_ppoll);
    handled("futex", handled_futex);
    handled("epoll_wait", wait_epoll);
    handled("semtimedop", wait_semaphore);
    handled("recv", handled_recv);
    return 0;
}
