/* faults.c - a library to be loaded before others: I/O that fails as the file $FAULTS
 * says.
 *
 * Its lines are `OPERATION ERRNO NAME`: read, write or sync of files whose path has NAME
 * in it.  It is read at each call, so a test changes it at any time. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* The errno that an operation on `fd` is to have; 0: none. */
static int fault_of(const char *operation, int fd)
{
    char link[64], path[4096] = "", what[16], name[256];
    const char *plan = getenv("FAULTS");
    FILE *file = plan ? fopen(plan, "re") : NULL;
    int number, result = 0;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    if (file && readlink(link, path, sizeof(path) - 1) > 0)
        while (!result && fscanf(file, "%15s %d %255s", what, &number, name) == 3)
            if (!strcmp(what, operation) && strstr(path, name))
                result = number;
    if (file)
        fclose(file);
    return result;
}

/* The function NAME, which fails as OPERATION. */
#define FAILS(operation, type, name, parameters, ...)                                    \
    type name parameters                                                                 \
    {                                                                                    \
        type(*real) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name);            \
        int fault = fault_of(operation, fd);                                             \
                                                                                         \
        if (fault)                                                                       \
            errno = fault;                                                               \
        return fault ? -1 : real(__VA_ARGS__);                                           \
    }

FAILS("sync", int, fdatasync, (int fd), fd)
FAILS("read", ssize_t, pread, (int fd, void *to, size_t size, off_t at), fd, to, size, at)
FAILS("read", ssize_t, preadv, (int fd, const struct iovec *iov, int count, off_t at), fd,
      iov, count, at)
FAILS("write", ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), fd,
      from, size, at)
FAILS("write", ssize_t, pwritev, (int fd, const struct iovec *iov, int count, off_t at),
      fd, iov, count, at)
#ifdef __GLIBC__ /* these are what programs with large files call */
FAILS("read", ssize_t, pread64, (int fd, void *to, size_t size, off64_t at), fd, to, size,
      at)
FAILS("read", ssize_t, preadv64, (int fd, const struct iovec *iov, int count, off64_t at),
      fd, iov, count, at)
FAILS("write", ssize_t, pwrite64, (int fd, const void *from, size_t size, off64_t at), fd,
      from, size, at)
FAILS("write", ssize_t, pwritev64,
      (int fd, const struct iovec *iov, int count, off64_t at), fd, iov, count, at)
#endif
