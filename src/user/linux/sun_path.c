/* sun_path.c - names of sockets in the file system, unix(7): paths of the guest on the
 * host.
 *
 * A name that does not fit any more with the root before it begins at a descriptor of its
 * directory.
 *
 * Not modelled: getsockname(2) and its like give such a long name as the host has it. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/linux/linux.h"

enum {
    HEAD = offsetof(struct sockaddr_un, sun_path),
    ROOM = sizeof(struct sockaddr_un) - HEAD
};

/* The name of `address`, in `to` of ROOM + 1 bytes; or NULL where it has none there. */
static const char *name_of(const struct sockaddr_storage *address, int64_t size, char *to)
{
    size_t n;

    if (address->ss_family != AF_UNIX || size <= HEAD || size > HEAD + ROOM)
        return NULL;
    n = strnlen((const char *)address + HEAD, (size_t)size - HEAD);
    memcpy(to, (const char *)address + HEAD, n);
    to[n] = 0;
    return n ? to : NULL; /* abstract ones begin with a zero */
}

/* Returns the new size. */
static int64_t put_name(struct sockaddr_storage *address, const char *name)
{
    size_t n = strlen(name) + 1;

    memcpy((char *)address + HEAD, name, n);
    return HEAD + (int64_t)n;
}

int64_t sun_path_to_host(struct task *t, struct sockaddr_storage *address, int64_t size,
                         int how, int *dir)
{
    char name[ROOM + 1], path[PATH_SIZE], shorter[PATH_SIZE + 32], *slash;
    int error;

    *dir = -1;
    if (!t->proc->root || !name_of(address, size, name))
        return size;
    strcpy(path, name);
    error = place_path(t, AT_FDCWD, how, path);
    if (error || strcmp(path, name) == 0)
        return error ? error : size;
    slash = strrchr(path, '/');
    if (strlen(path) >= ROOM && slash) {
        *slash = 0;
        *dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (*dir < 0)
            return -errno;
        snprintf(shorter, sizeof(shorter), "/proc/self/fd/%d/%s", *dir, slash + 1);
        if (strlen(shorter) < ROOM)
            return put_name(address, shorter);
        close(*dir);
        *dir = -1;
        return -ENAMETOOLONG;
    }
    return put_name(address, path);
}

socklen_t sun_path_to_guest(const struct proc *p, struct sockaddr_storage *address,
                            socklen_t size)
{
    char name[ROOM + 1];
    const char *inside = name_of(address, size, name);

    if (!inside || path_to_guest(p, name) == name)
        return size;
    return (socklen_t)put_name(address, path_to_guest(p, name));
}
