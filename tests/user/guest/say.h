/* say.h - what the guest programs of these tests share: one line per fact, so that two
 * runs can be compared. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static inline void say(const char *what, long long value)
{
    printf("%s: %lld\n", what, value);
    fflush(stdout);
}

/* The result of a call: the value, or the error's name. */
static inline void call(const char *what, long long result)
{
    if (result < 0)
        printf("%s: %s\n", what, strerror(errno));
    else
        printf("%s: %lld\n", what, result);
    fflush(stdout);
}

static inline void ok(const char *what, int condition)
{
    printf("%s: %s\n", what, condition ? "yes" : "NO");
    fflush(stdout);
}
