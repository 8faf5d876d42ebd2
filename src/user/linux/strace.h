/* strace.h - one system call as a line, as strace prints it. */
#ifndef RHEA_USER_LINUX_STRACE_H
#define RHEA_USER_LINUX_STRACE_H

#include "user/linux/linux.h"

/* A line being put together. */
struct strace_line {
    char text[1536];
    size_t length;
};

/* `name` and `kinds` as in calls.h.  `result`: of the call if it has run, else any
 * negative number: what it stored is shown as an address then. */
void strace_call(struct strace_line *line, struct task *t, const char *name,
                 const char *kinds, const uint64_t *a, int64_t result);
/* Adds ` = RESULT`; `kinds` that begin with `=` say that it is an address. */
void strace_result(struct strace_line *line, int64_t result);

#endif
