/* strace_parts.h - what strace.c and strace_struct.c share: pieces of a line. */
#ifndef RHEA_USER_LINUX_STRACE_PARTS_H
#define RHEA_USER_LINUX_STRACE_PARTS_H

#include "user/linux/strace.h"

/* Names that no argument of its own has; other kinds are letters of calls.h. */
enum {
    NAMES_EVENTS = 1, /* of epoll */
    NAMES_POLL,
    NAMES_ACTION, /* sa_flags */
    NAMES_STACK,  /* ss_flags */
    NAMES_CODE,   /* si_code of any signal, then of one */
    NAMES_SEGV,
    NAMES_BUS,
    NAMES_FPE,
    NAMES_ILL,
    NAMES_TRAP,
    NAMES_CHLD,
    NAMES_MODES, /* of a terminal: input, output, control, local */
    NAMES_LOCAL_MODES = NAMES_MODES + 3,
};

void strace_add(struct strace_line *line, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void strace_pointer(struct strace_line *line, uint64_t addr); /* or NULL */
void strace_quoted(struct strace_line *line, const char *bytes, size_t size);
/* `size` bytes of the guest, or those shown of it. */
void strace_bytes(struct strace_line *line, struct task *t, uint64_t addr, uint64_t size);
void strace_signal_name(struct strace_line *line, int signo);
void strace_set(struct strace_line *line, uint64_t set);
/* By the rows of `kind`; false: there are none. */
bool strace_names(struct strace_line *line, char kind, uint64_t value);
/* The one name of a value, or NULL. */
const char *strace_name(char kind, uint64_t value);
/* {tv_sec=, tv_nsec=} and its like; false: it cannot be read. */
bool strace_time(struct strace_line *line, struct task *t, uint64_t addr,
                 bool is_timeval);

/* One argument: its kind (of calls.h), where it is, and what the call made of it. */
struct strace_arg {
    struct strace_line *line;
    struct task *t;
    char kind;
    unsigned index;
    const uint64_t *a; /* this one; the others are around it */
    bool ran;          /* the call has stored what it stores ... */
    int64_t result;    /* ... and returned this */
};

/* strace_struct.c: a struct.  False: it is none, or cannot be read: the address is to be
 * shown. */
bool strace_struct(const struct strace_arg *arg);
void strace_siginfo(struct strace_line *line, const struct sig_info *info);
/* What comes after the result of poll and select, whose arguments are `a`. */
void strace_ready(struct strace_line *line, struct task *t, const char *kinds,
                  const uint64_t *a, int64_t result);

#endif
