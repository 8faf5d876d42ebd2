/* sys_stat.c - what files are: stat and its relatives. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "user/linux/calls_all.h"

static int64_t put_stat(struct task *t, uint64_t addr, const struct stat *st)
{
    const uint64_t values[STAT_FIELDS] = {
        [STAT_DEV] = st->st_dev,
        [STAT_INO] = st->st_ino,
        [STAT_MODE] = st->st_mode,
        [STAT_NLINK] = st->st_nlink,
        [STAT_UID] = st->st_uid,
        [STAT_GID] = st->st_gid,
        [STAT_RDEV] = st->st_rdev,
        [STAT_SIZE] = (uint64_t)st->st_size,
        [STAT_BLKSIZE] = (uint64_t)st->st_blksize,
        [STAT_BLOCKS] = (uint64_t)st->st_blocks,
        [STAT_ATIME] = (uint64_t)st->st_atim.tv_sec,
        [STAT_ATIME_NS] = (uint64_t)st->st_atim.tv_nsec,
        [STAT_MTIME] = (uint64_t)st->st_mtim.tv_sec,
        [STAT_MTIME_NS] = (uint64_t)st->st_mtim.tv_nsec,
        [STAT_CTIME] = (uint64_t)st->st_ctim.tv_sec,
        [STAT_CTIME_NS] = (uint64_t)st->st_ctim.tv_nsec,
    };

    return write_struct(t, addr, &t->proc->abi->layouts->stat, STAT_FIELDS, values);
}

int64_t sys_newfstatat(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    struct stat st;
    int error = read_path(t, a[0], a[1],
                          a[3] & AT_SYMLINK_NOFOLLOW ? PATH_NOFOLLOW : PATH_FOLLOW, path);

    if (error)
        return error;
    if (fstatat((int)a[0], path, &st, (int)a[3]) < 0)
        return -errno;
    return put_stat(t, a[2], &st);
}

int64_t sys_fstat(struct task *t, const uint64_t *a)
{
    struct stat st;

    return fstat((int)a[0], &st) < 0 ? -errno : put_stat(t, a[1], &st);
}

/* struct statx is the same for every guest; {offset, size} of what is not reserved. */
static void put_statx(const struct abi *abi, const struct statx *sx, uint8_t bytes[256])
{
    const struct {
        uint8_t offset, size;
        uint64_t value;
    } fields[] = {
        { 0, 4, sx->stx_mask },
        { 4, 4, sx->stx_blksize },
        { 8, 8, sx->stx_attributes },
        { 16, 4, sx->stx_nlink },
        { 20, 4, sx->stx_uid },
        { 24, 4, sx->stx_gid },
        { 28, 2, sx->stx_mode },
        { 32, 8, sx->stx_ino },
        { 40, 8, sx->stx_size },
        { 48, 8, sx->stx_blocks },
        { 56, 8, sx->stx_attributes_mask },
        { 64, 8, (uint64_t)sx->stx_atime.tv_sec },
        { 72, 4, sx->stx_atime.tv_nsec },
        { 80, 8, (uint64_t)sx->stx_btime.tv_sec },
        { 88, 4, sx->stx_btime.tv_nsec },
        { 96, 8, (uint64_t)sx->stx_ctime.tv_sec },
        { 104, 4, sx->stx_ctime.tv_nsec },
        { 112, 8, (uint64_t)sx->stx_mtime.tv_sec },
        { 120, 4, sx->stx_mtime.tv_nsec },
        { 128, 4, sx->stx_rdev_major },
        { 132, 4, sx->stx_rdev_minor },
        { 136, 4, sx->stx_dev_major },
        { 140, 4, sx->stx_dev_minor },
    };

    memset(bytes, 0, 256);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        put_guest(abi, bytes + fields[i].offset, fields[i].size, fields[i].value);
}

int64_t sys_statx(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    struct statx sx;
    uint8_t bytes[256];
    int error = read_path(t, a[0], a[1],
                          a[2] & AT_SYMLINK_NOFOLLOW ? PATH_NOFOLLOW : PATH_FOLLOW, path);

    if (error)
        return error;
    if (statx((int)a[0], path, (int)a[2], (unsigned)a[3], &sx) < 0)
        return -errno;
    put_statx(t->proc->abi, &sx, bytes);
    return space_write(t->proc->space, a[4], bytes, sizeof(bytes), NULL) < 0 ? -EFAULT
                                                                             : 0;
}

/* ------------------------------------------------------------------- file systems */

static int64_t put_statfs(struct task *t, uint64_t addr, const struct statfs *fs)
{
    int fsid[2];
    uint64_t values[STATFS_FIELDS];

    memcpy(fsid, &fs->f_fsid, sizeof(fsid));
    values[STATFS_TYPE] = (uint64_t)fs->f_type;
    values[STATFS_BSIZE] = (uint64_t)fs->f_bsize;
    values[STATFS_BLOCKS] = fs->f_blocks;
    values[STATFS_BFREE] = fs->f_bfree;
    values[STATFS_BAVAIL] = fs->f_bavail;
    values[STATFS_FILES] = fs->f_files;
    values[STATFS_FFREE] = fs->f_ffree;
    values[STATFS_FSID0] = (uint64_t)fsid[0];
    values[STATFS_FSID1] = (uint64_t)fsid[1];
    values[STATFS_NAMELEN] = (uint64_t)fs->f_namelen;
    values[STATFS_FRSIZE] = (uint64_t)fs->f_frsize;
    values[STATFS_FLAGS] = (uint64_t)fs->f_flags;
    return write_struct(t, addr, &t->proc->abi->layouts->statfs, STATFS_FIELDS, values);
}

/* 32-bit guests use the 64-bit form, which has the struct's size as second argument. */
static uint64_t statfs_addr(struct task *t, const uint64_t *a)
{
    return t->proc->abi->bits == 64 ? a[1] : a[2];
}

int64_t sys_statfs(struct task *t, const uint64_t *a)
{
    char path[PATH_SIZE];
    struct statfs fs;
    int error = read_path(t, (uint64_t)AT_FDCWD, a[0], PATH_FOLLOW, path);

    if (error)
        return error;
    return statfs(path, &fs) < 0 ? -errno : put_statfs(t, statfs_addr(t, a), &fs);
}

int64_t sys_fstatfs(struct task *t, const uint64_t *a)
{
    struct statfs fs;

    return fstatfs((int)a[0], &fs) < 0 ? -errno : put_statfs(t, statfs_addr(t, a), &fs);
}
