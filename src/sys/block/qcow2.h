/* qcow2.h - the parts of the qcow2 format, versions 2 and 3.  Of qcow2*.c only.
 *
 * Spec: QEMU's docs/interop/qcow2.txt.  Numbers in the file are big-endian; "cluster"
 * means one of the file unless it says "guest cluster".
 * Not modelled: encryption, external data files, extended L2 entries, bitmaps (all
 * refused or left out as the format allows); internal snapshots are kept, not made.
 *
 * What is on the medium is always consistent, but for leaks.  Tables change in memory,
 * and qcow2_sync() writes them in an order of which any beginning is correct:
 *     data and refcount blocks | the refcount table | L2 tables | L1 table
 * with a sync at each bar.  A cluster that is not referenced any more is freed after
 * that, so nothing on the medium refers to what is free or another's.  With lazy
 * refcounts the first two are left out, and a bit in the header says so.
 *
 * One lock for all of an image.  It is given up for the I/O of data whose cluster is
 * there; `in_flight` counts them, and no cluster is freed while there are any. */
#ifndef RHEA_BLOCK_QCOW2_H
#define RHEA_BLOCK_QCOW2_H

#include "sys/block/format.h"

enum {
    QCOW2_MAGIC = 0x514649fb,
    QCOW2_V2_HEADER = 72,
    QCOW2_V3_HEADER = 104,
    QCOW2_OUR_HEADER = 112, /* and the kind of compression */
    QCOW2_MIN_BITS = 9,
    QCOW2_MAX_BITS = 21,
    QCOW2_MAX_L1 = 32 << 20,      /* bytes; these four are QEMU's limits, too */
    QCOW2_MAX_REFTABLE = 8 << 20, /* bytes */
    QCOW2_MAX_SNAPSHOTS = 65536,
    QCOW2_MAX_SNAPSHOT_TABLE = 64 << 20, /* bytes */
    QCOW2_MAX_NAME = 1023,               /* of a backing file */
};

enum qcow2_incompatible {
    QCOW2_DIRTY = 1,
    QCOW2_CORRUPT = 2,
    QCOW2_DATA_FILE = 4,
    QCOW2_COMPRESSION = 8,
    QCOW2_EXTENDED_L2 = 16,
};
enum { QCOW2_LAZY = 1 }; /* compatible features */

#define QCOW2_COPIED ((uint64_t)1 << 63)
#define QCOW2_COMPRESSED ((uint64_t)1 << 62)
#define QCOW2_ZERO ((uint64_t)1)
#define QCOW2_OFFSET ((uint64_t)0x00fffffffffffe00)

/* Where fields of the header are. */
enum qcow2_header {
    H_MAGIC = 0,
    H_VERSION = 4,
    H_BACKING_OFFSET = 8,
    H_BACKING_SIZE = 16,
    H_CLUSTER_BITS = 20,
    H_SIZE = 24,
    H_CRYPT = 32,
    H_L1_SIZE = 36,
    H_L1_OFFSET = 40,
    H_REFTABLE_OFFSET = 48,
    H_REFTABLE_CLUSTERS = 56,
    H_SNAPSHOTS = 60,
    H_SNAPSHOT_OFFSET = 64,
    H_INCOMPATIBLE = 72,
    H_COMPATIBLE = 80,
    H_AUTOCLEAR = 88,
    H_REFCOUNT_ORDER = 96,
    H_HEADER_LENGTH = 100,
    H_COMPRESSION_TYPE = 104,
};
enum { EXT_END = 0 };
#define EXT_BACKING_FORMAT 0xe2792acau
#define EXT_BITMAPS 0x23852875u

uint32_t be32(const void *at);
uint64_t be64(const void *at);
void put_be32(void *at, uint32_t value);
void put_be64(void *at, uint64_t value);

/* A cluster of the file in memory: an L2 table or a refcount block. */
struct qcow2_table {
    uint64_t offset;
    uint8_t *bytes; /* as in the file */
    bool is_dirty;
    uint32_t dirty_from, dirty_to;
    uint64_t used; /* when: the smallest goes first */
    struct qcow2_table *next;
};
struct qcow2_cache {
    struct qcow2_table **buckets; /* by offset */
    unsigned bucket_count;        /* a power of two */
    unsigned count, dirty_count, limit;
    uint64_t clock;
};

/* Clusters that lose a reference when nothing on the medium refers to them. */
struct qcow2_free {
    uint64_t cluster, count;
    bool is_discard; /* the guest's: the host gets the space back */
};

struct qcow2 {
    unsigned version, cluster_bits, l2_bits;
    uint32_t cluster_size;
    uint64_t incompatible, compatible, autoclear;
    uint32_t header_length;
    unsigned refcount_bits, refblock_bits; /* refcounts in a block: 1 << refblock_bits */
    bool use_zstd;
    uint32_t crypt;

    uint64_t *l1; /* in the host's order */
    uint64_t l1_offset;
    uint32_t l1_entries;
    uint32_t l1_dirty_from, l1_dirty_to; /* equal: clean */
    uint64_t *reftable;
    uint64_t reftable_offset;
    uint32_t reftable_entries, reftable_clusters;
    uint32_t reftable_dirty_from, reftable_dirty_to;

    struct disk_snapshot *snapshots;
    uint32_t snapshot_count;
    uint64_t snapshot_offset, snapshot_table_size;
    struct qcow2_l1_place {
        uint64_t offset;
        uint32_t entries;
    } * snapshot_l1;
    bool has_bitmaps;

    struct host_lock *lock;
    struct qcow2_cache l2_cache, ref_cache;
    unsigned in_flight;
    bool is_freeing; /* waits for in_flight to be 0 */
    struct qcow2_free *frees;
    size_t free_count, free_room;
    uint64_t free_hint; /* no free cluster is before it */
    uint64_t file_end;  /* what is behind it reads as zeros, and nothing was written */
    bool is_lazy;       /* refcounts are written at the close */
    bool is_broken;     /* something was corrupt: no more writes */

    uint64_t packed_next; /* where the next compressed cluster may begin; 0: nowhere */
    uint64_t expanded;    /* L2 entry of what is in expanded_bytes; 0: none */
    uint8_t *expanded_bytes, *packed_bytes;
};

static inline struct qcow2 *qcow2_of(struct disk_image *image)
{
    return image->state;
}

/* qcow2_cache.c.  NULL: *error says why. */
void tables_init(struct qcow2_cache *cache, uint32_t cluster_size, uint64_t bytes);
void tables_free(struct qcow2_cache *cache);
struct qcow2_table *tables_get(struct disk_image *image, struct qcow2_cache *cache,
                               uint64_t offset, int *error);
/* One of zeros, dirty as a whole. */
struct qcow2_table *tables_new(struct disk_image *image, struct qcow2_cache *cache,
                               uint64_t offset, int *error);
void tables_drop(struct qcow2_cache *cache, uint64_t offset); /* not to be written */
void tables_dirty(struct qcow2_cache *cache, struct qcow2_table *table, uint32_t from,
                  uint32_t to);
int tables_write(struct disk_image *image, struct qcow2_cache *cache);
void tables_trim(struct qcow2_cache *cache);

/* qcow2_refcount.c: with the lock. */
int refcount_get(struct disk_image *image, uint64_t cluster, uint64_t *refcount);
int refcount_add(struct disk_image *image, uint64_t cluster, int change);
int refcount_set(struct disk_image *image, uint64_t cluster, uint64_t refcount);
uint64_t refcount_max(const struct qcow2 *q);
uint64_t refcount_load(const struct qcow2 *q, const uint8_t *block, uint64_t index);
void refcount_store(const struct qcow2 *q, uint8_t *block, uint64_t index,
                    uint64_t refcount);
/* Up to `want` clusters in one piece, with a refcount of one. */
int clusters_alloc(struct disk_image *image, uint64_t want, uint64_t *offset,
                   uint64_t *got);
/* Exactly so many. */
int clusters_alloc_all(struct disk_image *image, uint64_t want, uint64_t *offset);
/* Gives back at once what nothing ever referred to. */
void clusters_unalloc(struct disk_image *image, uint64_t offset, uint64_t count);
/* Gives back one reference of each after the next qcow2_sync(). */
int clusters_free(struct disk_image *image, uint64_t offset, uint64_t count,
                  bool is_discard);

/* qcow2_sync.c: with the lock. */
int qcow2_sync(struct disk_image *image);
/* Before a change of tables: makes room in caches and lists, and marks the image. */
int qcow2_begin(struct disk_image *image);
int qcow2_end_lazy(struct disk_image *image); /* refcounts are right again */
int qcow2_set_incompatible(struct disk_image *image, uint64_t features);
/* The image is corrupt: says so once, no more writes.  Returns -EIO. */
int qcow2_broken(struct disk_image *image, const char *field, uint64_t value);

/* qcow2_map.c: with the lock. */
enum qcow2_kind {
    KIND_ABSENT, /* the backing file's */
    KIND_ZERO,   /* nothing behind it */
    KIND_ZERO_ALLOCATED,
    KIND_DATA,
    KIND_COMPRESSED,
};
/* Guest clusters of one kind, one behind the other in the file where they have a place,
 * and all writable in place or none. */
struct qcow2_run {
    enum qcow2_kind kind;
    bool is_copied; /* writable in place */
    uint64_t host;  /* of the byte asked for; of compressed ones the entry */
    uint64_t size;  /* bytes, from the one asked for, at most as asked */
    uint64_t entry; /* of the first guest cluster */
};
int map_find(struct disk_image *image, uint64_t offset, uint64_t size,
             struct qcow2_run *run);
/* The L2 table of a guest offset, to be written to, new if need be. */
int map_table(struct disk_image *image, uint64_t offset, struct qcow2_table **table);
unsigned map_index(const struct qcow2 *q, uint64_t offset); /* in it */
void map_set(struct disk_image *image, struct qcow2_table *table, unsigned index,
             uint64_t entry);
uint64_t map_get(const struct qcow2_table *table, unsigned index);
/* What an entry held is not referred to any more. */
int map_release(struct disk_image *image, uint64_t entry, bool is_discard);
enum qcow2_kind map_kind(const struct qcow2 *q, uint64_t entry);
/* Where a compressed entry's bytes are. */
void map_packed(const struct qcow2 *q, uint64_t entry, uint64_t *offset, uint32_t *size);
/* Whether `offset` can be that of a cluster which is not the header. */
bool map_is_cluster(const struct qcow2 *q, uint64_t offset);

/* qcow2_io.c and the rest: the format's functions. */
int qcow2_read(struct disk_image *image, struct disk_data *data, uint64_t offset,
               uint64_t size);
int qcow2_write(struct disk_image *image, struct disk_data *data, uint64_t offset,
                uint64_t size);
int qcow2_discard(struct disk_image *image, uint64_t offset, uint64_t size);
int qcow2_zero(struct disk_image *image, uint64_t offset, uint64_t size, bool may_unmap);
/* Whole guest clusters, the last ones: nothing is left of them. */
int qcow2_forget(struct disk_image *image, uint64_t offset, uint64_t size);
int qcow2_write_compressed(struct disk_image *image, uint64_t offset, const void *from,
                           size_t size);
int qcow2_extent(struct disk_image *image, uint64_t offset, uint64_t size,
                 struct disk_extent *extent);
int qcow2_resize(struct disk_image *image, uint64_t size,
                 enum disk_preallocation preallocation, char error[DISK_ERROR]);
int qcow2_preallocate(struct disk_image *image, uint64_t from, uint64_t to,
                      enum disk_preallocation preallocation);
int qcow2_create(struct disk_file *file, const struct disk_create *options,
                 char error[DISK_ERROR]);
int qcow2_open(struct disk_image *image, char error[DISK_ERROR]);
int qcow2_close(struct disk_image *image);
bool qcow2_probe(const uint8_t *head, size_t size);
int qcow2_check(struct disk_image *image, enum disk_repair repair,
                struct disk_check *check);
/* qcow2_rebuild.c: how often each cluster is referred to. */
struct qcow2_counts {
    uint32_t **chunks; /* NULL: zeros */
    uint64_t clusters;
};
int counts_init(struct qcow2_counts *counts, uint64_t clusters);
void counts_free(struct qcow2_counts *counts);
uint32_t counts_get(const struct qcow2_counts *counts, uint64_t cluster);
int counts_add(struct qcow2_counts *counts, uint64_t cluster); /* -EINVAL: too large */
/* Makes a refcount table and blocks that say the same, but for the old ones. */
int qcow2_rebuild(struct disk_image *image, const struct qcow2_counts *counts);

int qcow2_open_snapshots(struct disk_image *image, const uint8_t *header,
                         char error[DISK_ERROR]);
void qcow2_free_snapshots(struct qcow2 *q);

#endif
