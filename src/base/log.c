/* log.c - what -d and -trace show: see log.h. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"

static int log_fd = 2;

void log_to(int fd)
{
    if (log_fd != 2)
        host_close(log_fd);
    log_fd = fd;
}

void log_line(const char *fmt, ...)
{
    char line[2048];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
    va_end(ap);
    if (n > (int)sizeof(line) - 2)
        n = sizeof(line) - 2;
    line[n++] = '\n';
    if (host_write(log_fd, line, (size_t)n) < 0)
        return; /* nowhere to say so */
}

void log_text(const char *text)
{
    size_t left = strlen(text);

    while (left) {
        int64_t n = host_write(log_fd, text, left);

        if (n <= 0)
            return;
        text += n;
        left -= (size_t)n;
    }
}
