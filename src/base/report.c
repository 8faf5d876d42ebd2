/* report.c - messages to the user: see report.h. */
#include "base/report.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/host.h"

#ifndef RHEA_VERSION
#define RHEA_VERSION "development version"
#endif

static void (*context)(char *buf, size_t size);
static time_t (*clock_now)(void);
static void (*guest_line)(const char *text);

/* Of the second that is running: what it is, and how many messages it has seen. */
static atomic_llong limited_second;
static atomic_uint limited_count;

void report_set_context(void (*describe)(char *buf, size_t size))
{
    context = describe;
}

void report_set_clock(time_t (*now)(void))
{
    clock_now = now;
    limited_count = 0;
    limited_second = 0;
}

/* One write for the whole line, so that lines of several threads do not mix. */
static void print_line(const char *prefix, const char *fmt, va_list ap)
{
    char line[2048];
    int n = snprintf(line, sizeof(line) - 1, "%s", prefix);

    n += vsnprintf(line + n, sizeof(line) - 1 - n, fmt, ap);
    if (n > (int)sizeof(line) - 2)
        n = sizeof(line) - 2;
    strcpy(line + n, "\n");
    fputs(line, stderr);
}

void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print_line("rhea: ", fmt, ap);
    va_end(ap);
    end_process(1);
}

void end_process(int status)
{
    if (HOST_IS_SANITIZED)
        exit(status);
    host_terminal_restore();
    fflush(NULL);
    _Exit(status);
}

void report_guest_to(void (*line)(const char *text))
{
    guest_line = line;
}

/* Whether it may be shown: there are not too many of them. */
static bool is_within_limit(void)
{
    long long now = clock_now ? clock_now() : time(NULL);
    unsigned hidden = 0;

    if (atomic_exchange(&limited_second, now) != now) {
        unsigned seen = atomic_exchange(&limited_count, 0);
        if (seen > GUEST_ERRORS_PER_SECOND)
            hidden = seen - GUEST_ERRORS_PER_SECOND;
    }
    if (hidden)
        fprintf(stderr, "guest: %u more messages not shown\n", hidden);
    return atomic_fetch_add(&limited_count, 1) < GUEST_ERRORS_PER_SECOND;
}

void guest_error(const char *fmt, ...)
{
    char text[2048];
    va_list ap;

    va_start(ap, fmt);
    if (guest_line) {
        vsnprintf(text, sizeof(text), fmt, ap);
        guest_line(text);
    } else if (is_within_limit()) {
        print_line("guest: ", fmt, ap);
    }
    va_end(ap);
}

void bug_at(const char *file, int line, const char *fmt, ...)
{
    const char *from_src = strstr(file, "src/");
    char prefix[256], where[512] = "";
    va_list ap;

    snprintf(prefix, sizeof(prefix),
             "rhea: BUG in %s:%d: ", from_src ? from_src + 4 : file, line);
    va_start(ap, fmt);
    print_line(prefix, fmt, ap);
    va_end(ap);
    if (context)
        context(where, sizeof(where));
    fprintf(stderr, "rhea: %s%srhea " RHEA_VERSION "\n", where, where[0] ? "; " : "");
    host_terminal_restore();
    fflush(stderr);
    _Exit(EXIT_BUG);
}
