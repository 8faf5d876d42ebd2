/* pass.c - system calls whose arguments need nothing but what their kinds in calls.h say:
 * numbers, paths, strings, bytes.  They are the host's of the same name. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "user/linux/calls_all.h"

enum { ARGS = 6, MAX_TEXTS = 2 };

/* The host's argument number i in *arg; `text` has PATH_SIZE.  0, or a negated errno. */
static int host_argument(struct task *t, const char *kinds, const uint64_t *a, unsigned i,
                         char *text, long *arg)
{
    uint64_t dir = i > 0 && kinds[i - 1] == 'A' ? a[i - 1] : (uint64_t)AT_FDCWD;
    uint64_t size;

    *arg = (long)a[i];
    switch (kinds[i]) {
    case 'A':
    case 'd': *arg = (int)a[i]; return 0;
    case 's': *arg = (long)text; return read_string(t, a[i], text, PATH_SIZE);
    case 'P': *arg = (long)text; return read_path(t, dir, a[i], PATH_FOLLOW, text);
    case 'L': *arg = (long)text; return read_path(t, dir, a[i], PATH_NOFOLLOW, text);
    case 'b':
    case 'B':
        size = a[i + 1];
        *arg = (long)buffer(t, a[i], &size, kinds[i] == 'b' ? SPACE_READ : SPACE_WRITE);
        return *arg && size == a[i + 1] ? 0 : -EFAULT;
    }
    return 0;
}

static int64_t pass(struct task *t, long number, const char *kinds, const uint64_t *a)
{
    char text[MAX_TEXTS][PATH_SIZE];
    long args[ARGS] = { 0 };
    unsigned texts = 0;

    for (unsigned i = 0; kinds[i]; i++) {
        int error = host_argument(t, kinds, a, i, text[texts], &args[i]);

        if (error)
            return error;
        texts += args[i] == (long)text[texts] && texts + 1 < MAX_TEXTS;
    }
    return blocking(t, RESTART, number, args);
}

#define CALL(number, name, kinds)
#define CALL64 CALL
#define CALL32 CALL
#define REFUSE(number, name, error)
#define PASS(number, name, kinds)                                                        \
    int64_t sys_##name(struct task *t, const uint64_t *a)                                \
    {                                                                                    \
        return pass(t, SYS_##name, kinds, a);                                            \
    }
#include "user/linux/calls.h"
