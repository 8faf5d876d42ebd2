/* host_terminal.c - the user's terminal, the signals that end a process, and terminals of
 * our own. */
#include "base/host.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

/* --------------------------------------------------------------- the user's */

static struct {
    volatile sig_atomic_t is_raw;
    int fd;
    struct termios before, raw;
} terminal;

void host_terminal_restore(void)
{
    if (!terminal.is_raw)
        return;
    terminal.is_raw = 0;
    tcsetattr(terminal.fd, TCSANOW, &terminal.before);
}

/* The signal is on its way again when the terminal is as it was. */
static void restore_and_end(int signo)
{
    host_terminal_restore();
    signal(signo, SIG_DFL);
    raise(signo);
}

/* The shell had the terminal meanwhile. */
static void continued(int signo)
{
    int saved = errno;

    (void)signo;
    if (terminal.is_raw && tcgetpgrp(terminal.fd) == getpgrp())
        tcsetattr(terminal.fd, TCSANOW, &terminal.raw);
    errno = saved;
}

/* Who has a handler already ends, or goes on, some other way. */
static void catch_default(int signo, void (*handler)(int signo))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

    if (sigaction(signo, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
        sigaction(signo, &action, NULL);
}

static void make_raw(struct termios *raw, bool signals)
{
    raw->c_iflag &=
        ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw->c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals)
        raw->c_lflag &= ~(tcflag_t)ISIG;
    raw->c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    raw->c_cflag |= CS8;
    raw->c_cc[VMIN] = 1;
    raw->c_cc[VTIME] = 0;
}

void host_terminal_raw(int fd, bool signals)
{
    static const int ends[] = { SIGTERM, SIGHUP,  SIGINT, SIGQUIT, SIGABRT,
                                SIGSEGV, SIGALRM, SIGBUS, SIGFPE,  SIGILL };
    struct termios raw;

    if (!isatty(fd) || tcgetattr(fd, &raw) < 0)
        return;
    if (!terminal.is_raw) {
        terminal.fd = fd;
        terminal.before = raw;
        atexit(host_terminal_restore);
    }
    make_raw(&raw, signals);
    raw.c_oflag |= OPOST;
    terminal.raw = raw;
    terminal.is_raw = 1;
    tcsetattr(fd, TCSANOW, &raw);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        catch_default(ends[i], restore_and_end);
    catch_default(SIGCONT, continued);
}

/* -------------------------------------------------------------- being ended */

static void (*end_soon)(void);

enum { END_SECONDS = 20 };

/* What comes after this one ends the process at once. */
static void first_end(int signo)
{
    (void)signo;
    signal(SIGTERM, restore_and_end);
    signal(SIGHUP, restore_and_end);
    signal(SIGINT, restore_and_end);
    signal(SIGALRM, restore_and_end);
    alarm(END_SECONDS);
    end_soon();
}

void host_catch_ends(void (*soon)(void))
{
    static const int ends[] = { SIGTERM, SIGHUP, SIGINT };
    struct sigaction action = { .sa_handler = first_end }, old;

    end_soon = soon;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (sigaction(ends[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(ends[i], &action, NULL);
}

bool host_is_terminal(int fd)
{
    return isatty(fd);
}

/* -------------------------------------------------------------- our own */

/* Its other end is opened once: who looks sees from then on that nobody has it. */
static int prepare_pty(struct host_pty *pty)
{
    struct termios raw;
    int other;

    if (grantpt(pty->fd) < 0 || unlockpt(pty->fd) < 0 ||
        ptsname_r(pty->fd, pty->path, sizeof(pty->path)))
        return -errno;
    other = open(pty->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (other < 0)
        return -errno;
    if (tcgetattr(other, &raw) == 0) {
        make_raw(&raw, false);
        raw.c_oflag &= ~(tcflag_t)OPOST;
        tcsetattr(other, TCSANOW, &raw);
    }
    close(other);
    pty->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return pty->watch_fd < 0 || inotify_add_watch(pty->watch_fd, pty->path, IN_OPEN) < 0
               ? -errno
               : 0;
}

int host_pty_open(struct host_pty *pty)
{
    int error;

    pty->watch_fd = -1;
    pty->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->fd < 0)
        return -errno;
    error = prepare_pty(pty);
    if (error == 0)
        return 0;
    close(pty->fd);
    if (pty->watch_fd >= 0)
        close(pty->watch_fd);
    return error;
}

bool host_pty_is_used(const struct host_pty *pty)
{
    struct pollfd poll_fd = { pty->fd, POLLIN, 0 };
    char events[4096];

    while (read(pty->watch_fd, events, sizeof(events)) > 0)
        ;
    return poll(&poll_fd, 1, 0) >= 0 && !(poll_fd.revents & POLLHUP);
}
