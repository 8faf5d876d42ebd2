/* report.h - the three kinds of messages: the user's, the guest's and our own fault.
 *
 * All go to stderr, each as one whole line.  A guest can cause guest_error() only:
 * where it causes one of the other two, that is a security bug. */
#ifndef RHEA_BASE_REPORT_H
#define RHEA_BASE_REPORT_H

#include <stddef.h>
#include <time.h>

/* The user asked for something that cannot be done, or the host has no more to
 * give.  Says what, where and what to do: `rhea: disk.img: ...`; exit status 1. */
_Noreturn void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Ends the process with what it has to tell told and the terminal restored.  Not as
 * exit() does: that runs the destructors of libraries, which other threads (the JIT's)
 * may be in. */
_Noreturn void end_process(int status);

/* The guest did something that real hardware would ignore.  Prints `guest: ...` at
 * most GUEST_ERRORS_PER_SECOND times a second, and the guest goes on. */
enum { GUEST_ERRORS_PER_SECOND = 10 };
void guest_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* From now on each of them goes there, as a line without its end, and not to stderr;
 * NULL: as at first. */
void report_guest_to(void (*line)(const char *text));

/* rhea itself is wrong.  Prints where, and what the context says; exit status 70. */
#define bug(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
enum { EXIT_BUG = 70 };
_Noreturn void bug_at(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Sets what describes the running guest (its name, the pc) in a bug() message, by
 * writing at most `size` bytes with their NUL to `buf`.  It must not allocate. */
void report_set_context(void (*describe)(char *buf, size_t size));

/* Sets the clock of the limit of guest_error(); NULL is time().  For tests. */
void report_set_clock(time_t (*now)(void));

#endif
