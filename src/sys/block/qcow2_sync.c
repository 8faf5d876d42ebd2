/* qcow2_sync.c - tables go to the file, in an order that is safe.  See qcow2.h. */
#include "sys/block/qcow2.h"

#include <errno.h>
#include <stdlib.h>

#include "base/report.h"

enum { FREES = 4096 };

int qcow2_broken(struct disk_image *image, const char *field, uint64_t value)
{
    struct qcow2 *q = qcow2_of(image);

    if (!q->is_broken)
        guest_error("%s: corrupt: field=%s: 0x%llx; nothing more is written to it",
                    image->path, field, (unsigned long long)value);
    q->is_broken = true;
    return -EIO;
}

int qcow2_set_incompatible(struct disk_image *image, uint64_t features)
{
    struct qcow2 *q = qcow2_of(image);
    uint8_t bytes[8];
    int error;

    put_be64(bytes, features);
    error = file_write(&image->file, H_INCOMPATIBLE, bytes, sizeof(bytes));
    if (!error)
        error = file_sync(&image->file);
    if (!error)
        q->incompatible = features;
    return error;
}

/* Of a table of 64-bit numbers, the part that changed. */
static int write_numbers(struct disk_image *image, uint64_t offset,
                         const uint64_t *numbers, uint32_t *from, uint32_t *to)
{
    enum { PIECE = 512 };
    uint8_t bytes[PIECE * 8];
    int error = 0;

    while (*from < *to && !error) {
        uint32_t n = *to - *from < PIECE ? *to - *from : PIECE;
        for (uint32_t i = 0; i < n; i++)
            put_be64(bytes + i * 8, numbers[*from + i]);
        error = file_write(&image->file, offset + *from * 8ull, bytes, n * 8);
        if (!error)
            *from += n;
    }
    return error;
}

static int write_refcounts(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);
    int error;

    if (q->is_lazy)
        return 0;
    error = tables_write(image, &q->ref_cache);
    if (error || q->reftable_dirty_from == q->reftable_dirty_to)
        return error;
    error = file_sync(&image->file);
    return error ? error
                 : write_numbers(image, q->reftable_offset, q->reftable,
                                 &q->reftable_dirty_from, &q->reftable_dirty_to);
}

static int write_maps(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);
    bool has_l1 = q->l1_dirty_from != q->l1_dirty_to;
    int error;

    if (!q->l2_cache.dirty_count && !has_l1)
        return 0;
    error = file_sync(&image->file);
    if (!error && q->l2_cache.dirty_count) {
        error = tables_write(image, &q->l2_cache);
        if (!error && has_l1)
            error = file_sync(&image->file);
    }
    return error ? error
                 : write_numbers(image, q->l1_offset, q->l1, &q->l1_dirty_from,
                                 &q->l1_dirty_to);
}

static int apply_frees(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);
    int error = 0;

    if (!q->free_count)
        return 0;
    q->is_freeing = true;
    while (q->in_flight)
        host_lock_wait(q->lock);
    q->is_freeing = false;
    host_lock_wake(q->lock);
    for (size_t i = 0; i < q->free_count && !error; i++) {
        struct qcow2_free *run = &q->frees[i];
        bool all = true;
        for (uint64_t n = 0; n < run->count && !error; n++) {
            uint64_t left = 0;
            error = refcount_add(image, run->cluster + n, -1);
            if (!error)
                error = refcount_get(image, run->cluster + n, &left);
            all = all && !left;
        }
        if (!error && run->is_discard && all && image->flags & DISK_UNMAP)
            host_disk_punch(image->file.fd, run->cluster << q->cluster_bits,
                            run->count << q->cluster_bits);
    }
    q->free_count = 0;
    q->packed_next = 0; /* its cluster may be free now */
    q->expanded = 0;
    return error;
}

int qcow2_sync(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);
    int error = q->is_broken ? -EIO : write_refcounts(image);

    if (!error)
        error = write_maps(image);
    if (!error)
        error = file_sync(&image->file);
    if (!error && q->free_count) {
        error = apply_frees(image);
        if (!error && !q->is_lazy)
            error = tables_write(image, &q->ref_cache);
    }
    tables_trim(&q->l2_cache);
    tables_trim(&q->ref_cache);
    return error;
}

/* What other programs keep about the content is not true any more. */
static int clear_autoclear(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);
    static const uint8_t none[8];
    int error;

    if (!q->autoclear)
        return 0;
    error = file_write(&image->file, H_AUTOCLEAR, none, sizeof(none));
    if (!error)
        error = file_sync(&image->file);
    if (!error)
        q->autoclear = 0;
    return error;
}

int qcow2_begin(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);
    int error = q->is_broken ? -EIO : clear_autoclear(image);

    if (!error && q->compatible & QCOW2_LAZY && !q->is_lazy) {
        error = qcow2_set_incompatible(image, q->incompatible | QCOW2_DIRTY);
        q->is_lazy = !error;
    }
    if (!error && q->is_lazy && q->ref_cache.dirty_count > q->ref_cache.limit / 2)
        error = tables_write(image, &q->ref_cache); /* in any order: nobody reads it */
    if (!error &&
        (q->l2_cache.dirty_count > q->l2_cache.limit / 2 ||
         q->ref_cache.dirty_count > q->ref_cache.limit / 2 || q->free_count > FREES))
        error = qcow2_sync(image);
    return error;
}

int qcow2_end_lazy(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);
    bool was_lazy = q->is_lazy;
    int error;

    q->is_lazy = false;
    error = qcow2_sync(image);
    if (!error && was_lazy)
        error = file_sync(&image->file);
    if (!error && was_lazy)
        error = qcow2_set_incompatible(image, q->incompatible & ~(uint64_t)QCOW2_DIRTY);
    return error;
}
