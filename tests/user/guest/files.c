/* files.c - files, directories, descriptors; in the directory argv[1]. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>

#include "say.h"

static void reading_and_writing(void)
{
    char text[32] = "";
    struct iovec out[3] = { { "ab", 2 }, { "", 0 }, { "cdef", 4 } };
    struct iovec in[2] = { { text, 3 }, { text + 8, 10 } };
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0640), other;

    ok("open", fd >= 0);
    call("write", write(fd, "hello world", 11));
    call("lseek", lseek(fd, 6, SEEK_SET));
    call("read", read(fd, text, sizeof(text)));
    puts(text);
    call("pwrite", pwrite(fd, "W", 1, 6));
    call("pread", pread(fd, text, 5, 6));
    puts(text);
    call("lseek end", lseek(fd, 0, SEEK_END));
    call("lseek bad", lseek(fd, -1, SEEK_SET));
    call("writev", writev(fd, out, 3));
    lseek(fd, 11, SEEK_SET);
    memset(text, 0, sizeof(text));
    call("readv", readv(fd, in, 2));
    printf("%s %s\n", text, text + 8);
    call("ftruncate", ftruncate(fd, 5));
    call("read past end", pread(fd, text, 5, 100));
    call("write bad pointer", write(fd, (void *)16, 4));
    call("read bad pointer", pread(fd, (void *)16, 4, 0));
    call("write bad fd", write(77, "x", 1));
    call("fallocate", fallocate(fd, 0, 0, 100));
    other = dup(fd);
    ok("dup", other >= 0);
    call("dup3", dup3(fd, 50, O_CLOEXEC));
    call("F_GETFD", fcntl(50, F_GETFD));
    call("F_DUPFD", fcntl(fd, F_DUPFD, 60));
    call("F_GETFL accmode", fcntl(fd, F_GETFL) & O_ACCMODE);
    call("F_SETFL", fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
    call("F_GETFL", fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK | O_DIRECT));
    call("flock", flock(fd, LOCK_EX));
    call("fsync", fsync(fd));
    call("close", close(fd));
    call("close again", close(fd));
    close(other);
}

static void locks(void)
{
    int fd = open("file", O_RDWR);
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5
    };

    call("F_SETLK", fcntl(fd, F_SETLK, &lock));
    lock.l_type = F_RDLCK;
    lock.l_start = 0;
    lock.l_len = 100;
    call("F_GETLK", fcntl(fd, F_GETLK, &lock));
    say("type", lock.l_type); /* own locks do not count */
    close(fd);
}

static void show_stat(const char *what, const struct stat *st)
{
    printf("%s: mode %o size %lld nlink %d blksize %d\n", what, (unsigned)st->st_mode,
           (long long)st->st_size, (int)st->st_nlink, (int)st->st_blksize);
}

static void names(void)
{
    struct stat st, other;
    struct statx sx;
    struct statfs fs;
    struct timespec times[2] = { { 1000000000, 5 }, { 1100000000, 123456789 } };
    char text[100] = "";

    call("mkdir", mkdir("dir", 0777));
    call("mkdir again", mkdir("dir", 0777));
    call("stat dir", stat("dir", &st));
    say("S_ISDIR", S_ISDIR(st.st_mode));
    call("link", link("file", "dir/link"));
    call("symlink", symlink("../file", "dir/sym"));
    call("readlink", readlink("dir/sym", text, sizeof(text)));
    puts(text);
    call("stat", stat("dir/sym", &st));
    show_stat("file", &st);
    call("lstat", lstat("dir/sym", &other));
    show_stat("sym", &other);
    call("utimensat", utimensat(AT_FDCWD, "file", times, 0));
    call("stat", stat("file", &st));
    printf("times %lld.%09ld %lld.%09ld\n", (long long)st.st_atim.tv_sec,
           st.st_atim.tv_nsec, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    call("statx", statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &sx));
    printf("statx: mode %o size %lld mtime %lld.%09u ino %d\n", sx.stx_mode,
           (long long)sx.stx_size, (long long)sx.stx_mtime.tv_sec, sx.stx_mtime.tv_nsec,
           sx.stx_ino == st.st_ino);
    call("chmod", chmod("file", 0600));
    call("access", access("file", R_OK | W_OK));
    call("access missing", access("missing", F_OK));
    call("rename", rename("file", "renamed"));
    call("unlink", unlink("renamed"));
    call("stat unlinked", stat("renamed", &st));
    call("rmdir full", rmdir("dir"));
    call("statfs", statfs(".", &fs));
    ok("statfs bsize", fs.f_bsize >= 512);
    call("open O_DIRECTORY", open("dir/link", O_RDONLY | O_DIRECTORY) >= 0 ? 0 : -1);
    call("open O_NOFOLLOW", open("dir/sym", O_RDONLY | O_NOFOLLOW) >= 0 ? 0 : -1);
    call("open empty name", open("", O_RDONLY));
    call("truncate", truncate("dir/link", 3));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void directories(void)
{
    struct dirent **list;
    char path[256], *base;
    int n = scandir("dir", &list, NULL, by_name);

    for (int i = 0; i < n; i++)
        printf("%s type %d\n", list[i]->d_name, list[i]->d_type);
    call("chdir", chdir("dir"));
    base = getcwd(path, sizeof(path)) ? strrchr(path, '/') : NULL;
    printf("cwd %s\n", base ? base : "?");
    ok("getcwd ERANGE", !getcwd(path, 2) && errno == ERANGE);
    call("chdir ..", chdir(".."));
    call("unlink link", unlink("dir/link"));
    call("unlink sym", unlink("dir/sym"));
    call("rmdir", rmdir("dir"));
}

static void pipes(void)
{
    int ends[2], fd, n = 0;
    char text[16] = "";
    off_t at = 0;

    call("pipe2", pipe2(ends, O_NONBLOCK | O_CLOEXEC));
    call("read empty", read(ends[0], text, 4));
    call("write", write(ends[1], "pipe!", 5));
    call("FIONREAD", ioctl(ends[0], FIONREAD, &n));
    say("waiting", n);
    call("read", read(ends[0], text, sizeof(text)));
    puts(text);
    call("TIOCGWINSZ", ioctl(ends[0], TIOCGWINSZ, text));
    fd = open("f", O_RDWR | O_CREAT, 0600);
    call("write", write(fd, "0123456789", 10));
    call("sendfile", sendfile(ends[1], fd, &at, 4));
    say("offset", at);
    call("read", read(ends[0], text, sizeof(text)));
    close(ends[1]);
    call("read closed", read(ends[0], text, sizeof(text)));
    unlink("f");
}

int main(int argc, char **argv)
{
    if (argc < 2 || chdir(argv[1]) < 0)
        return 1;
    umask(022);
    reading_and_writing();
    locks();
    names();
    directories();
    pipes();
    return 0;
}
