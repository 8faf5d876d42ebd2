/* block.h - disk images: raw files and qcow2, with backing files, as their users see
 * them.
 *
 * These functions work at once and may be called from any thread; `async.h` makes a
 * device's back end of them.  They return 0 or what they say, or a negated errno.  An
 * image is wrong or hostile until proven otherwise: it gives an error, and it never
 * reaches a file that its user, or the image that it backs, did not name. */
#ifndef RHEA_BLOCK_H
#define RHEA_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/host_disk.h"

enum {
    DISK_SECTOR = 512,
    DISK_ERROR = 512,     /* bytes of a message */
    DISK_CHAIN_MAX = 128, /* images, each the backing file of the one before */
};

struct disk_image;

enum disk_flags {
    DISK_WRITABLE = 1,
    DISK_SHARE = 2,      /* no locks: others may write to it meanwhile */
    DISK_NO_BACKING = 4, /* what is not in the file itself reads as zeros */
    DISK_NO_DATA = 8,    /* only what it says of itself: also of encrypted images */
    DISK_SNAPSHOT = 16,  /* writes go to a file that goes away */
    DISK_CHECK = 32,     /* for disk_check(): neither repaired nor refused as dirty */
    DISK_UNMAP = 64,     /* discards give space back to the host */
    DISK_UNSAFE = 128,   /* flushes do not wait for the medium */
};

/* `format` NULL: looks at the content.  What is then taken as raw must never become
 * something else: writes of its first sector that would are refused (EPERM).
 * NULL: `error` says why. */
struct disk_image *disk_open(const char *path, const char *format, unsigned flags,
                             char error[DISK_ERROR]);
/* Writes what is not yet in the file. The image is gone even if that fails. */
int disk_close(struct disk_image *image);

uint64_t disk_size(const struct disk_image *image);
bool disk_is_writable(const struct disk_image *image);
const char *disk_format_name(const struct disk_image *image);
const char *disk_path(const struct disk_image *image);
struct disk_image *disk_backing(const struct disk_image *image); /* or NULL */

/* -EINVAL: past the end.  After a write fails its range may be old or new. */
int disk_read(struct disk_image *image, uint64_t offset, void *to, size_t size);
int disk_write(struct disk_image *image, uint64_t offset, const void *from, size_t size);
int disk_readv(struct disk_image *image, uint64_t offset, const struct host_iov *iov,
               unsigned count);
int disk_writev(struct disk_image *image, uint64_t offset, const struct host_iov *iov,
                unsigned count);
/* What was written before is on the medium.  When that has failed once it fails for ever:
 * nobody knows what the host has lost. */
int disk_flush(struct disk_image *image);
/* The content may change to zeros; whole clusters are given back. */
int disk_discard(struct disk_image *image, uint64_t offset, uint64_t size);
int disk_zero(struct disk_image *image, uint64_t offset, uint64_t size, bool may_unmap);

enum disk_preallocation { DISK_SPARSE, DISK_METADATA, DISK_FALLOC, DISK_FULL };
int disk_resize(struct disk_image *image, uint64_t size,
                enum disk_preallocation preallocation, char error[DISK_ERROR]);

/* A whole cluster, or the rest of the image, compressed.  -ENOTSUP: not here. */
int disk_write_compressed(struct disk_image *image, uint64_t offset, const void *from,
                          size_t size);

/* What a range is made of. */
struct disk_extent {
    uint64_t size;   /* bytes from the start of the range: at least 1 */
    bool is_present; /* in this image, not in a backing file */
    bool is_zero;    /* reads as zeros */
    bool has_data;   /* takes space */
    bool has_offset; /* where in the file: neither compressed nor absent */
    bool compressed;
    uint64_t offset;
    unsigned depth;   /* how far down the chain */
    const char *path; /* of the file that it is in */
};
/* Of this image alone, or of it and what it is backed by. */
int disk_extent(struct disk_image *image, uint64_t offset, uint64_t size,
                struct disk_extent *extent);
int disk_extent_chain(struct disk_image *image, uint64_t offset, uint64_t size,
                      struct disk_extent *extent);

/* ------------------------------------------------------------------------- create */

struct disk_create {
    uint64_t size;
    const char *backing, *backing_format; /* names to record; NULL: none */
    unsigned version;                     /* of qcow2: 2 or 3 */
    uint32_t cluster_size;
    unsigned refcount_bits;
    bool lazy_refcounts, use_zstd;
    enum disk_preallocation preallocation;
};
void disk_create_defaults(struct disk_create *options);
int disk_create(const char *path, const char *format, const struct disk_create *options,
                char error[DISK_ERROR]);
bool disk_format_exists(const char *format);
/* Formats by number, NULL past the last one. */
const char *disk_format_at(unsigned number);
/* The path of a file that `image` names as `backing`: NULL: it names what is no file, and
 * `error` says so.  free() it. */
char *disk_backing_path(const char *image, const char *backing, char error[DISK_ERROR]);

/* -------------------------------------------------------------------------- facts */

struct disk_snapshot {
    char *id, *name;
    uint64_t vm_state_size, vm_clock_ns, icount, disk_size;
    uint32_t date_s, date_ns;
    bool has_icount;
};

struct disk_info {
    uint64_t size;
    int64_t used; /* bytes of the host's; negative: not known */
    uint32_t cluster_size;
    const char *backing, *backing_format; /* as recorded, or NULL */
    bool is_encrypted, is_dirty;
    /* qcow2 only */
    unsigned version, refcount_bits;
    bool lazy_refcounts, corrupt, extended_l2, use_zstd, has_data_file;
    const struct disk_snapshot *snapshots;
    unsigned snapshot_count;
};
void disk_get_info(struct disk_image *image, struct disk_info *info);

/* -------------------------------------------------------------------------- check */

enum disk_repair { DISK_REPAIR_NOTHING, DISK_REPAIR_LEAKS, DISK_REPAIR_ALL };
struct disk_check {
    uint64_t corruptions, leaks, errors;
    uint64_t corruptions_fixed, leaks_fixed;
    uint64_t total_clusters, allocated, compressed, fragmented, end_offset;
    void (*report)(const char *line); /* of each finding; may be NULL */
};
/* -ENOTSUP: the format has nothing to check. */
int disk_check(struct disk_image *image, enum disk_repair repair,
               struct disk_check *check);

#endif
