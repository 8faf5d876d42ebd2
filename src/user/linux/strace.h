/* strace.h - one system call as a line, as strace prints it. */
#ifndef RHEA_USER_LINUX_STRACE_H
#define RHEA_USER_LINUX_STRACE_H

#include "user/linux/linux.h"

/* A line being put together. */
struct strace_line {
    char text[1536];
    size_t length;
    unsigned next;   /* argument */
    uint64_t before; /* room for an address that the call stores */
};

/* A call: `name` and `kinds` as in calls.h.  Before it runs, then after it: the latter
 * writes the line.  What is stored is shown as an address if it failed. */
void strace_begin(struct strace_line *line, struct task *t, const char *name,
                  const char *kinds, const uint64_t *a);
void strace_end(struct strace_line *line, struct task *t, const char *kinds,
                const uint64_t *a, int64_t result);
/* For one that will not come back. */
void strace_no_end(struct strace_line *line, struct task *t, const char *kinds,
                   const uint64_t *a);

/* Lines of their own. */
void strace_signal(struct task *t, const struct sig_info *info);
void strace_exited(const struct task *t, int status);
void strace_killed(struct task *t, int signo, bool dumped);

#endif
