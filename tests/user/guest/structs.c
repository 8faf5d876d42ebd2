/* structs.c - system calls with structs, and signals, for strace.test. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static void note(int signo)
{
    (void)signo;
}

static void sockets(void)
{
    struct sockaddr_un address = { AF_UNIX, "/nowhere/socket" }, got;
    struct sockaddr_in inet = { AF_INET, htons(53) };
    struct sockaddr_in6 inet6 = { AF_INET6, htons(53) };
    struct iovec parts[2] = { { "one", 3 }, { "two", 3 } };
    char text[8];
    struct iovec room = { text, 8 };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
    socklen_t size = sizeof(got);
    int pair[2], one = 1;

    socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
    connect(pair[0], (struct sockaddr *)&address, sizeof(address));
    inet.sin_addr.s_addr = htonl(0x7f000001);
    inet6.sin6_addr.s6_addr[15] = 1;
    connect(99, (struct sockaddr *)&inet, sizeof(inet));
    connect(99, (struct sockaddr *)&inet6, sizeof(inet6));
    getsockname(pair[0], (struct sockaddr *)&got, &size);
    address.sun_path[0] = 0;
    bind(99, (struct sockaddr *)&address, 5);
    writev(pair[0], parts, 2);
    readv(pair[1], &room, 1);
    sendmsg(pair[0], &message, MSG_NOSIGNAL);
    message.msg_iov = &room;
    message.msg_iovlen = 1;
    recvmsg(pair[1], &message, MSG_DONTWAIT);
    sendto(pair[0], "four", 4, MSG_NOSIGNAL, NULL, 0);
    recvfrom(pair[1], text, 8, MSG_DONTWAIT, NULL, NULL);
    setsockopt(pair[0], SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    shutdown(pair[0], SHUT_WR);
}

static void waits(void)
{
    struct epoll_event event = { EPOLLIN | EPOLLET, { .u64 = 7 } }, got[2];
    struct itimerspec timer = { { 1, 0 }, { 2, 500 } };
    struct itimerval itimer = { { 1, 0 }, { 2, 500 } };
    struct timespec zero = { 0, 0 };
    struct pollfd fds[2] = { { 0, POLLIN, 0 }, { 1, POLLOUT, 0 } };
    int poller = epoll_create1(EPOLL_CLOEXEC), ends[2], fd;
    fd_set reads;

    pipe(ends);
    epoll_ctl(poller, EPOLL_CTL_ADD, ends[0], &event);
    epoll_ctl(poller, EPOLL_CTL_DEL, ends[1], NULL);
    write(ends[1], "x", 1);
    epoll_pwait(poller, got, 2, 0, NULL);
    fds[0].fd = ends[0];
    fds[1].fd = ends[1];
    ppoll(fds, 2, &zero, NULL);
    fds[0].fd = ends[1];
    ppoll(fds, 1, &zero, NULL);
    FD_ZERO(&reads);
    FD_SET(ends[0], &reads);
    pselect(ends[0] + 1, &reads, NULL, NULL, &zero, NULL);
    fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    timerfd_settime(fd, TFD_TIMER_ABSTIME, &timer, NULL);
    setitimer(ITIMER_VIRTUAL, &itimer, NULL);
    getitimer(ITIMER_REAL, &itimer);
}

static void terminals(void)
{
    struct winsize size = { 24, 80, 0, 0 };
    struct termios modes;
    int value, master = open("/dev/ptmx", O_RDWR | O_NOCTTY), n;

    ioctl(master, TIOCSWINSZ, &size);
    ioctl(master, TIOCGWINSZ, &size);
    ioctl(master, TCGETS, &modes);
    ioctl(master, FIONREAD, &value);
    ioctl(1, TIOCGPGRP, &value);
    n = 0;
    ioctl(master, TIOCSPTLCK, &n);
    close(master);
    ioctl(99, TCGETS, &modes);
}

static void signals(void)
{
    struct sigaction action = { .sa_handler = note, .sa_flags = SA_RESTART };
    struct rlimit limit;
    struct rusage usage;
    siginfo_t info;
    sigset_t set;
    stack_t stack = { .ss_flags = SS_DISABLE };
    pid_t pid;
    union sigval value = { .sival_int = 5 };

    sigaddset(&action.sa_mask, SIGINT);
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR1, NULL, &action);
    action.sa_handler = SIG_IGN;
    action.sa_flags = 0;
    sigaction(SIGPIPE, &action, NULL);
    sigaltstack(&stack, NULL);
    kill(getpid(), SIGUSR1);
    raise(SIGUSR1);
    sigqueue(getpid(), SIGUSR1, value);
    sigprocmask(SIG_BLOCK, NULL, &set);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    limit.rlim_max = RLIM_INFINITY;
    setrlimit(RLIMIT_CORE, &limit);
    pid = fork();
    if (pid == 0)
        _exit(3);
    waitid(P_PID, pid, &info, WEXITED);
    pid = fork();
    if (pid == 0)
        *(volatile int *)16 = 1;
    wait4(pid, NULL, 0, &usage);
    pid = fork();
    if (pid == 0) {
        kill(getpid(), SIGTERM);
        for (;;)
            pause();
    }
    wait4(pid, NULL, 0, NULL);
}

int main(void)
{
    sockets();
    waits();
    terminals();
    signals();
    return 7;
}
