/* path.c - paths of the guest on the host.
 *
 * With a root (-L DIR) an absolute path means the root's file if there is one, else the
 * host's.  Links are followed here, so that an absolute one stays in the root: its text
 * is a path of the guest again.  What is in neither is made where the host has a
 * directory for it, else in the root.  /proc, /sys and /dev are the kernel's, never the
 * root's. Paths that the kernel answers (getcwd) are the host's; as such they are found,
 * too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/linux/linux.h"
#include "user/run.h"

enum { MAX_LINKS = 40 };

/* What a walk through the root found. */
enum found {
    FOUND,  /* `host` is there */
    NEW,    /* its directory is there */
    ABSENT, /* not in the root; rest is what the guest's path has become */
};

struct walk {
    char *host;           /* PATH_SIZE: the root, then what was walked, without links */
    size_t root, length;  /* of host */
    char rest[PATH_SIZE]; /* what is to be walked */
    int links;
    bool jumped;  /* over an absolute link */
    bool kernels; /* ABSENT, because it is below /proc, /sys or /dev */
};

/* Makes `rest` the whole guest path again: what was walked and `at`, a part of rest. */
static int whole(struct walk *walk, const char *at)
{
    char path[2 * PATH_SIZE];
    int n = snprintf(path, sizeof(path), "%s%s%s", walk->host + walk->root,
                     *at && *at != '/' ? "/" : "", at);

    if (n >= PATH_SIZE)
        return -ENAMETOOLONG;
    memcpy(walk->rest, n ? path : "/", n ? (size_t)n + 1 : 2);
    return ABSENT;
}

static bool is_kernels(const struct walk *walk, const char *name, size_t n)
{
    return walk->length == walk->root &&
           ((n == 4 && memcmp(name, "proc", 4) == 0) ||
            (n == 3 && (memcmp(name, "sys", 3) == 0 || memcmp(name, "dev", 3) == 0)));
}

static void drop_name(struct walk *walk)
{
    while (walk->length > walk->root && walk->host[--walk->length] != '/')
        ;
    walk->host[walk->length] = 0;
}

/* "..", which only a directory has.  FOUND or a negated errno. */
static int go_up(struct walk *walk)
{
    if (walk->length + 3 >= PATH_SIZE)
        return -ENAMETOOLONG;
    memcpy(walk->host + walk->length, "/..", 4);
    if (faccessat(AT_FDCWD, walk->host, F_OK, 0) < 0)
        return -errno;
    walk->host[walk->length] = 0;
    drop_name(walk);
    return FOUND;
}

/* ".": at the end it stays, since calls tell "file/." and "directory/." from what is
 * before. */
static void stay(struct walk *walk, bool is_last)
{
    if (is_last && walk->length + 2 < PATH_SIZE)
        memcpy(walk->host + walk->length, "/.", 3);
}

/* The text of a link at `host`, then what follows it, becomes the rest. */
static int take_link(struct walk *walk, const char *target, const char *after)
{
    char rest[2 * PATH_SIZE];
    int n = snprintf(rest, sizeof(rest), "%s%s", target, after);

    if (++walk->links > MAX_LINKS)
        return -ELOOP;
    if (n >= PATH_SIZE)
        return -ENAMETOOLONG;
    memcpy(walk->rest, rest, (size_t)n + 1);
    if (target[0] != '/') {
        drop_name(walk);
        return 0;
    }
    walk->jumped = true;
    walk->length = walk->root;
    walk->host[walk->length] = 0;
    return 0;
}

/* One name of the path, at `*at`.  FOUND goes on; NEW, ABSENT and errors end the walk. */
static int step(struct walk *walk, const char **at, size_t n, bool follow)
{
    char target[PATH_SIZE];
    bool is_last = (*at)[n + strspn(*at + n, "/")] == 0;
    ssize_t got;
    int error;

    if (walk->length + 1 + n >= PATH_SIZE)
        return -ENAMETOOLONG;
    walk->host[walk->length] = '/';
    memcpy(walk->host + walk->length + 1, *at, n);
    walk->length += 1 + n;
    walk->host[walk->length] = 0;
    *at += n;
    got = readlink(walk->host, target, sizeof(target) - 1);
    if (got < 0 && errno == EINVAL)
        return FOUND;
    if (got < 0 && errno == ENOENT) {
        if (is_last && **at && walk->length + 2 < PATH_SIZE) /* a directory, if made */
            memcpy(walk->host + walk->length, "/", 2);
        return is_last ? NEW : whole(walk, *at);
    }
    if (got < 0) /* not a directory, or one that may not be searched: the call says so */
        return FOUND;
    if (is_last && !follow && !**at)
        return FOUND;
    target[got] = 0;
    error = take_link(walk, target, *at);
    *at = walk->rest;
    return error;
}

/* Walks the guest path in walk->rest, from `host` on. */
static int walk_root(struct walk *walk, bool follow)
{
    const char *at = walk->rest;

    for (;;) {
        bool slash = *at == '/';
        size_t n;
        int found = FOUND;

        at += strspn(at, "/");
        n = strcspn(at, "/");
        if (n == 0) {
            if (slash && walk->length + 2 < PATH_SIZE) /* it must be a directory */
                memcpy(walk->host + walk->length, "/", 2);
            return FOUND;
        }
        if (is_kernels(walk, at, n)) {
            walk->kernels = true;
            return whole(walk, at);
        }
        if (n == 2 && at[0] == '.' && at[1] == '.') {
            at += n;
            found = go_up(walk);
        } else if (n == 1 && at[0] == '.') {
            at += n;
            stay(walk, !*at);
        } else {
            found = step(walk, &at, n, follow);
        }
        if (found != FOUND)
            return found;
    }
}

/* Where a path that is new in the root is to be: on the host if that has its directory.
 */
static bool host_has_directory(const char *path)
{
    char parent[PATH_SIZE];
    char *slash;

    snprintf(parent, sizeof(parent), "%s", path);
    slash = strrchr(parent, '/');
    while (slash && !slash[1] && slash > parent) { /* ends with slashes */
        *slash = 0;
        slash = strrchr(parent, '/');
    }
    if (!slash || slash == parent)
        return true;
    *slash = 0;
    return faccessat(AT_FDCWD, parent, F_OK, 0) == 0;
}

static const char *below(const char *root, const char *path)
{
    size_t length = strlen(root);

    return strncmp(path, root, length) == 0 && (path[length] == '/' || !path[length])
               ? path + length
               : NULL;
}

/* What a walk found, in walk->host.  `from_root`: it is the root's where nothing is. */
static int settle(struct walk *walk, int found, bool from_root)
{
    if (found < 0)
        return found;
    if (found == NEW) {
        walk->rest[0] = 0;
        whole(walk, "");
        if (from_root || !host_has_directory(walk->rest))
            return 0;
    }
    if (found == ABSENT && from_root && !walk->kernels) {
        if (walk->root + strlen(walk->rest) >= PATH_SIZE)
            return -ENAMETOOLONG;
        strcpy(walk->host + walk->root, walk->rest);
    } else if (found != FOUND) {
        strcpy(walk->host, walk->rest);
    }
    return 0;
}

/* `path` is absolute and the guest's, or the host's below the root.  0 with the host's in
 * `to`, or a negated errno. */
static int resolve(const struct proc *p, const char *path, bool follow, char *to)
{
    const char *inside = below(p->root, path);
    struct walk walk = { .host = to, .root = strlen(p->root) };
    int found;

    walk.length = walk.root;
    memcpy(to, p->root, walk.root + 1);
    snprintf(walk.rest, sizeof(walk.rest), "%s", inside ? inside : path);
    found = walk_root(&walk, follow);
    return settle(&walk, found, p->confined || (inside && !walk.jumped));
}

/* The host's name of a directory that paths begin at; 0, or -1 where it has none. */
static int directory_name(int dirfd, char *to)
{
    char link[64];
    ssize_t n;

    if (dirfd == AT_FDCWD)
        return getcwd(to, PATH_SIZE) ? 0 : -1;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
    n = readlink(link, to, PATH_SIZE - 1);
    if (n <= 0 || to[0] != '/')
        return -1;
    to[n] = 0;
    return 0;
}

/* A relative path is as it is, unless an absolute link is on its way in the root, or
 * where its directory is too deep to have a name. */
static int resolve_relative(const struct proc *p, int dirfd, bool follow, char *path)
{
    char dir[PATH_SIZE], to[PATH_SIZE];
    struct walk walk = { .host = to, .root = strlen(p->root) };
    int found;

    if (directory_name(dirfd, dir) < 0 || !below(p->root, dir))
        return 0;
    memcpy(to, dir, strlen(dir) + 1);
    walk.length = strlen(dir);
    snprintf(walk.rest, sizeof(walk.rest), "%s", path);
    found = walk_root(&walk, follow);
    if (!walk.jumped && (!p->confined || found == -ENAMETOOLONG))
        return 0;
    found = settle(&walk, found, p->confined);
    if (found == 0)
        memcpy(path, to, strlen(to) + 1);
    return found;
}

int place_path(struct task *t, int dirfd, int how, char *path)
{
    const char *exe;
    char to[PATH_SIZE];
    bool follow = how == PATH_FOLLOW;
    int error = 0;

    if (path[0] == '/' && follow) {
        exe = proc_exe(t, path, to);
        if (exe) {
            snprintf(path, PATH_SIZE, "%s", exe);
            return 0;
        }
    }
    if (!t->proc->root || !path[0])
        return 0;
    if (path[0] != '/')
        return resolve_relative(t->proc, dirfd, follow, path);
    error = resolve(t->proc, path, follow, to);
    if (!error)
        memcpy(path, to, strlen(to) + 1);
    return error;
}

const char *path_to_guest(const struct proc *p, const char *path)
{
    const char *inside = p->confined ? below(p->root, path) : NULL;

    return !inside ? path : *inside ? inside : "/";
}

const char *path_to_host(struct task *t, const char *path, char *to)
{
    if (strlen(path) >= PATH_SIZE)
        return path; /* the host's call says so */
    memcpy(to, path, strlen(path) + 1);
    return place_path(t, AT_FDCWD, PATH_FOLLOW, to) < 0 ? path : to;
}

int read_path(struct task *t, uint64_t dirfd, uint64_t addr, int how, char *to)
{
    int error = read_string(t, addr, to, PATH_SIZE);

    return error ? error : place_path(t, (int)dirfd, how, to);
}
