/* waits.c - clocks, poll, select, epoll, timers as files, sockets. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

#include "say.h"

static void clocks(void)
{
    struct timespec a, b, pause = { 0, 2000000 }, bad = { 0, 1000000000 };
    struct timeval now;
    struct sysinfo info;
    char bytes[16];

    clock_gettime(CLOCK_MONOTONIC, &a);
    call("nanosleep", nanosleep(&pause, NULL));
    call("nanosleep bad", nanosleep(&bad, NULL));
    clock_gettime(CLOCK_MONOTONIC, &b);
    ok("later", (b.tv_sec - a.tv_sec) * 1000000000 + b.tv_nsec - a.tv_nsec >= 2000000);
    call("absolute", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &a, NULL));
    call("clock_getres", clock_getres(CLOCK_REALTIME, &a));
    call("no clock", clock_gettime(99, &a));
    gettimeofday(&now, NULL);
    ok("today", now.tv_sec > 1600000000 && labs(now.tv_sec - time(NULL)) < 60);
    ok("sysinfo", sysinfo(&info) == 0 && info.totalram > info.freeram);
    call("getrandom", getrandom(bytes, sizeof(bytes), 0));
}

static void polls(void)
{
    int ends[2], closed = dup(0);
    struct pollfd fds[3];
    struct timeval timeout = { 0, 1000 };
    struct timespec soon = { 0, 1000000 };
    fd_set reads, writes;

    pipe(ends);
    close(closed);
    fds[0] = (struct pollfd){ ends[0], POLLIN, 0 };
    fds[1] = (struct pollfd){ ends[1], POLLOUT, 0 };
    fds[2] = (struct pollfd){ 99, POLLIN, 0 };
    call("poll", poll(fds, 3, 0));
    printf("%d %d %d\n", fds[0].revents, fds[1].revents, fds[2].revents);
    call("poll timeout", poll(fds, 1, 3));
    write(ends[1], "x", 1);
    call("ppoll", ppoll(fds, 1, &soon, NULL));
    say("revents", fds[0].revents);
    FD_ZERO(&reads);
    FD_ZERO(&writes);
    FD_SET(ends[0], &reads);
    FD_SET(ends[1], &writes);
    call("select", select(ends[1] + 1, &reads, &writes, NULL, &timeout));
    printf("%d %d\n", FD_ISSET(ends[0], &reads), FD_ISSET(ends[1], &writes));
    FD_ZERO(&reads);
    FD_SET(closed, &reads); /* one above FDSize, select(2) would pass over */
    call("select bad", select(closed + 1, &reads, NULL, NULL, &timeout));
    read(ends[0], fds, 1);
    FD_ZERO(&reads);
    FD_SET(ends[0], &reads);
    call("select timeout", select(ends[0] + 1, &reads, NULL, NULL, &timeout));
}

static void nothing(int signo)
{
    (void)signo;
}

static void masked_poll(void)
{
    sigset_t block, old;
    struct sigaction action = { .sa_handler = nothing, .sa_flags = SA_RESTART };
    struct timespec limit = { 5, 0 };

    sigaction(SIGUSR1, &action, NULL);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, &old);
    raise(SIGUSR1);
    call("ppoll with mask", ppoll(NULL, 0, &limit, &old));
    raise(SIGUSR1);
    call("pselect with mask", pselect(0, NULL, NULL, NULL, &limit, &old));
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void event_files(void)
{
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = 0x123456789abcdef0 },
                       got[2];
    struct itimerspec timer = { { 0, 0 }, { 0, 1000000 } };
    int poller = epoll_create1(0), event_fd = eventfd(3, 0);
    int clock_fd = timerfd_create(CLOCK_MONOTONIC, 0);
    struct signalfd_siginfo info;
    sigset_t set;
    uint64_t value = 0;

    call("epoll_ctl", epoll_ctl(poller, EPOLL_CTL_ADD, event_fd, &event));
    call("epoll_ctl again", epoll_ctl(poller, EPOLL_CTL_ADD, event_fd, &event));
    call("epoll_wait", epoll_wait(poller, got, 2, 100));
    printf("events %x data %llx\n", got[0].events, (unsigned long long)got[0].data.u64);
    call("eventfd", read(event_fd, &value, 8));
    say("value", value);
    call("epoll_wait", epoll_wait(poller, got, 2, 0));
    call("timerfd", timerfd_settime(clock_fd, 0, &timer, NULL));
    call("read", read(clock_fd, &value, 8));
    say("expirations", value);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    poller = signalfd(-1, &set, 0);
    raise(SIGUSR2);
    call("signalfd", read(poller, &info, sizeof(info)));
    ok("ssi_signo", info.ssi_signo == SIGUSR2);
    ok("memfd", memfd_create("name", 0) >= 0);
    ok("inotify", inotify_add_watch(inotify_init1(IN_NONBLOCK), "/", IN_CREATE) > 0);
}

static void sockets(void)
{
    int pair[2], server, client, accepted, value = 1, passed[1], fd = dup(1);
    struct sockaddr_un address = { .sun_family = AF_UNIX }, peer;
    socklen_t size = sizeof(address.sun_family); /* no name: autobind, unix(7) */
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { { 0 } };
    char text[16] = "";
    struct iovec iov = { "fd", 2 };
    struct msghdr msg = { .msg_iov = &iov,
                          .msg_iovlen = 1,
                          .msg_control = control.bytes,
                          .msg_controllen = sizeof(control.bytes) };
    struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

    call("socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
    call("sendmsg", sendmsg(pair[0], &msg, 0));
    iov.iov_base = text;
    iov.iov_len = sizeof(text);
    call("recvmsg", recvmsg(pair[1], &msg, 0));
    cmsg = CMSG_FIRSTHDR(&msg);
    memcpy(passed, CMSG_DATA(cmsg), sizeof(int));
    ok("descriptor", cmsg->cmsg_type == SCM_RIGHTS && fcntl(passed[0], F_GETFD) >= 0);
    puts(text);
    server = socket(AF_UNIX, SOCK_STREAM, 0);
    call("setsockopt",
         setsockopt(server, SOL_SOCKET, SO_PASSCRED, &value, sizeof(value)));
    call("bind", bind(server, (struct sockaddr *)&address, size));
    call("listen", listen(server, 1));
    size = sizeof(address);
    getsockname(server, (struct sockaddr *)&address, &size);
    ok("name", address.sun_path[0] == 0 && size > 3); /* abstract, chosen by the kernel */
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    call("connect", connect(client, (struct sockaddr *)&address, size));
    size = sizeof(peer);
    accepted = accept(server, (struct sockaddr *)&peer, &size);
    ok("accept", accepted >= 0 && peer.sun_family == AF_UNIX);
    call("send", send(client, "hello", 5, 0));
    call("recv", recv(accepted, text, sizeof(text), 0));
    size = sizeof(value);
    call("getsockopt", getsockopt(client, SOL_SOCKET, SO_TYPE, &value, &size));
    say("type", value);
    call("shutdown", shutdown(client, SHUT_WR));
    call("recv end", recv(accepted, text, sizeof(text), 0));
}

int main(void)
{
    clocks();
    polls();
    masked_poll();
    event_files();
    sockets();
    return 0;
}
