/* qcow2_check.c - whether refcounts are what the tables say, and making them so.  See
 * qcow2.h.
 * Not modelled: bitmaps; images with some are looked at, but not repaired. */
#include "sys/block/qcow2.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct checker {
    struct disk_image *image;
    struct qcow2 *q;
    struct disk_check *check;
    enum disk_repair repair;
    struct qcow2_counts counts;
    bool must_rebuild; /* some refcounts have no place */
    bool is_active;    /* these tables are the image's, not a snapshot's */
    uint64_t next;     /* where the next cluster would be if nothing were fragmented */
    uint8_t *table;    /* a cluster */
    uint64_t lines;
};

__attribute__((format(printf, 2, 3))) static void tell(struct checker *c, const char *fmt,
                                                       ...)
{
    enum { MOST_LINES = 1000 };
    char line[256];
    va_list ap;

    if (!c->check->report || c->lines++ > MOST_LINES)
        return;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    c->check->report(c->lines > MOST_LINES ? "... and more" : line);
}

static void corrupt(struct checker *c, const char *field, uint64_t value)
{
    c->check->corruptions++;
    tell(c, "ERROR %s: 0x%llx", field, (unsigned long long)value);
}

/* Counts a reference to all clusters that `size` bytes touch. */
static int refer(struct checker *c, uint64_t offset, uint64_t size, const char *what)
{
    uint64_t first = offset >> c->q->cluster_bits, last;
    int error = 0;

    if (!size)
        return 0;
    last = (offset + size - 1) >> c->q->cluster_bits;
    if (offset + size < offset || last >= c->counts.clusters) {
        corrupt(c, what, offset);
        return 0;
    }
    for (uint64_t cluster = first; cluster <= last && !error; cluster++)
        error = counts_add(&c->counts, cluster);
    return error;
}

static void count_guest_cluster(struct checker *c, uint64_t offset, uint64_t size)
{
    if (!c->is_active)
        return;
    c->check->allocated++;
    if (c->next && offset != c->next)
        c->check->fragmented++;
    c->next = offset + size;
}

static int refer_entry(struct checker *c, uint64_t entry)
{
    uint64_t offset = entry & QCOW2_OFFSET;
    uint32_t size;

    switch (map_kind(c->q, entry)) {
    case KIND_COMPRESSED:
        map_packed(c->q, entry, &offset, &size);
        if (c->is_active) {
            c->check->compressed++;
            c->check->allocated++;
            c->check->fragmented++; /* they always are */
        }
        if (offset < c->q->cluster_size) {
            corrupt(c, "l2_table entry (compressed)", entry);
            return 0;
        }
        return refer(c, offset, size, "l2_table entry (compressed)");
    case KIND_DATA:
    case KIND_ZERO_ALLOCATED:
        if (!map_is_cluster(c->q, offset)) {
            corrupt(c, "l2_table entry", entry);
            return 0;
        }
        count_guest_cluster(c, offset, c->q->cluster_size);
        return refer(c, offset, c->q->cluster_size, "l2_table entry");
    default: return 0;
    }
}

static bool is_table_place(struct checker *c, uint64_t offset)
{
    return map_is_cluster(c->q, offset) &&
           offset >> c->q->cluster_bits < c->counts.clusters;
}

static int refer_l1(struct checker *c, uint64_t offset, uint32_t entries)
{
    uint64_t *l1 = calloc(entries ? entries : 1, sizeof(*l1));
    int error = l1 ? refer(c, offset, entries * 8ull, "l1_table") : -ENOMEM;

    if (!error && (!entries || !map_is_cluster(c->q, offset))) {
        if (entries)
            corrupt(c, "l1_table_offset", offset);
        free(l1);
        return 0;
    }
    if (!error)
        error = file_read(&c->image->file, offset, l1, entries * 8ull);
    for (uint32_t i = 0; i < entries && !error; i++) {
        uint64_t entry = be64(&l1[i]), at = entry & QCOW2_OFFSET;
        if (!at)
            continue;
        if (!is_table_place(c, at)) {
            corrupt(c, "l1_table entry", entry);
            continue;
        }
        c->next = 0; /* as QEMU's programs count */
        error = refer(c, at, c->q->cluster_size, "l1_table entry");
        if (!error)
            error = file_read(&c->image->file, at, c->table, c->q->cluster_size);
        for (uint32_t n = 0; n < c->q->cluster_size / 8 && !error; n++)
            error = refer_entry(c, be64(c->table + n * 8ull));
    }
    free(l1);
    return error;
}

/* Everything but the refcounts' own clusters. */
static int refer_all(struct checker *c)
{
    struct qcow2 *q = c->q;
    int error = refer(c, 0, q->cluster_size, "header");

    c->is_active = true;
    if (!error)
        error = refer_l1(c, q->l1_offset, q->l1_entries);
    c->is_active = false;
    if (!error && q->snapshot_count)
        error = refer(c, q->snapshot_offset, q->snapshot_table_size, "snapshots_offset");
    for (uint32_t i = 0; i < q->snapshot_count && !error; i++)
        error = refer_l1(c, q->snapshot_l1[i].offset, q->snapshot_l1[i].entries);
    return error;
}

static int refer_refcounts(struct checker *c)
{
    struct qcow2 *q = c->q;
    int error =
        refer(c, q->reftable_offset, (uint64_t)q->reftable_clusters << q->cluster_bits,
              "refcount_table_offset");

    for (uint32_t i = 0; i < q->reftable_entries && !error; i++) {
        uint64_t offset = q->reftable[i];
        if (!offset)
            continue;
        if (!is_table_place(c, offset)) {
            corrupt(c, "refcount_table entry", offset);
            c->must_rebuild = true;
            q->reftable[i] = 0; /* not to be read */
            continue;
        }
        error = refer(c, offset, q->cluster_size, "refcount_table entry");
        if (!error && counts_get(&c->counts, offset >> q->cluster_bits) > 1) {
            corrupt(c, "refcount_table entry", offset);
            c->must_rebuild = true;
        }
    }
    return error;
}

/* ------------------------------------------------------------------------- compare */

static int compare_one(struct checker *c, uint64_t cluster)
{
    uint64_t want = counts_get(&c->counts, cluster), got;
    bool leak, fix;
    int error = refcount_get(c->image, cluster, &got);

    if (error)
        return error;
    if (got || want)
        c->check->end_offset = (cluster + 1) << c->q->cluster_bits;
    if (got == want)
        return 0;
    leak = got > want;
    fix = leak ? c->repair != DISK_REPAIR_NOTHING : c->repair == DISK_REPAIR_ALL;
    tell(c, "%s cluster %llu refcount=%llu reference=%llu",
         fix    ? "Repairing"
         : leak ? "Leaked"
                : "ERROR",
         (unsigned long long)cluster, (unsigned long long)got, (unsigned long long)want);
    if (fix && !c->must_rebuild) {
        error = refcount_set(c->image, cluster, want);
        if (error == -ENOENT || error == -ERANGE) {
            c->must_rebuild = error == -ENOENT;
            error = 0;
        } else if (!error) {
            *(leak ? &c->check->leaks_fixed : &c->check->corruptions_fixed) += 1;
            return qcow2_begin(c->image);
        }
    }
    *(leak ? &c->check->leaks : &c->check->corruptions) += 1;
    return error;
}

static int compare(struct checker *c)
{
    struct qcow2 *q = c->q;
    uint64_t per_block = (uint64_t)1 << q->refblock_bits, cluster;
    uint32_t used = q->reftable_entries;
    int error = 0;

    for (cluster = 0; cluster < c->counts.clusters && !error; cluster++)
        error = compare_one(c, cluster);
    while (used && !q->reftable[used - 1])
        used--;
    while (cluster >> q->refblock_bits < used && !error) { /* behind the file's end */
        if (q->reftable[cluster >> q->refblock_bits])
            error = compare_one(c, cluster++);
        else
            cluster = (cluster / per_block + 1) * per_block;
    }
    return error;
}

/* Whether the flag of an entry of the image's own tables says that only it refers there;
 * -1: fixed. */
static int check_copied(struct checker *c, uint64_t *entry, const char *field)
{
    uint64_t refcount;
    int error =
        refcount_get(c->image, (*entry & QCOW2_OFFSET) >> c->q->cluster_bits, &refcount);

    if (error || (refcount == 1) == !!(*entry & QCOW2_COPIED))
        return error;
    if (c->repair != DISK_REPAIR_ALL) {
        tell(c, "ERROR copied flag of %s: 0x%llx refcount=%llu", field,
             (unsigned long long)*entry, (unsigned long long)refcount);
        c->check->corruptions++;
        return 0;
    }
    *entry ^= QCOW2_COPIED;
    c->check->corruptions_fixed++;
    return 1;
}

static int check_l2_flags(struct checker *c, uint64_t offset)
{
    struct qcow2 *q = c->q;
    int error = file_read(&c->image->file, offset, c->table, q->cluster_size), changed;

    for (uint32_t i = 0; i < q->cluster_size / 8 && !error; i++) {
        uint64_t entry = be64(c->table + i * 8ull);
        enum qcow2_kind kind = map_kind(q, entry);
        if ((kind != KIND_DATA && kind != KIND_ZERO_ALLOCATED) ||
            !map_is_cluster(q, entry & QCOW2_OFFSET))
            continue;
        changed = check_copied(c, &entry, "l2_table entry");
        put_be64(c->table + i * 8ull, entry);
        if (changed < 0)
            error = changed;
        else if (changed)
            error =
                file_write(&c->image->file, offset + i * 8ull, c->table + i * 8ull, 8);
    }
    return error;
}

static int check_flags(struct checker *c)
{
    struct qcow2 *q = c->q;
    int error = 0;

    for (uint32_t i = 0; i < q->l1_entries && !error; i++) {
        uint8_t bytes[8];
        int changed;
        if (!is_table_place(c, q->l1[i] & QCOW2_OFFSET))
            continue;
        changed = check_copied(c, &q->l1[i], "l1_table entry");
        put_be64(bytes, q->l1[i]);
        if (changed > 0)
            changed = file_write(&c->image->file, q->l1_offset + i * 8ull, bytes, 8);
        error = changed ? changed : check_l2_flags(c, q->l1[i] & QCOW2_OFFSET);
    }
    return error;
}

/* ------------------------------------------------------------------------- a check */

static int rebuild(struct checker *c)
{
    struct qcow2_counts old = c->counts;
    uint64_t found = c->check->corruptions;
    int error = counts_init(&c->counts, old.clusters);

    counts_free(&old);
    if (!error)
        error = refer_all(c);
    if (!error)
        error = qcow2_rebuild(c->image, &c->counts);
    c->check->corruptions_fixed += error ? 0 : found;
    tell(c, error ? "The refcounts cannot be rebuilt" : "The refcounts were rebuilt");
    return error;
}

static int check_once(struct disk_image *image, enum disk_repair repair,
                      struct disk_check *check)
{
    struct qcow2 *q = qcow2_of(image);
    struct checker c = { .image = image, .q = q, .check = check, .repair = repair };
    int error =
        counts_init(&c.counts, (q->file_end + q->cluster_size - 1) >> q->cluster_bits);

    c.table = malloc(q->cluster_size);
    check->total_clusters =
        image->size / q->cluster_size + (image->size % q->cluster_size != 0);
    if (!error && !c.table)
        error = -ENOMEM;
    if (!error)
        error = refer_all(&c);
    if (!error)
        error = refer_refcounts(&c);
    if (!error)
        error = compare(&c);
    if (!error && c.must_rebuild && repair == DISK_REPAIR_ALL)
        error = rebuild(&c);
    else if (!error && repair)
        error = qcow2_sync(image);
    if (!error)
        error = check_flags(&c);
    free(c.table);
    counts_free(&c.counts);
    return error;
}

/* Nothing is wrong any more: the marks go. */
static int clear_marks(struct disk_image *image)
{
    struct qcow2 *q = qcow2_of(image);
    uint64_t clean = q->incompatible & ~(uint64_t)(QCOW2_DIRTY | QCOW2_CORRUPT);
    int error = file_sync(&image->file);

    if (error || clean == q->incompatible)
        return error;
    return qcow2_set_incompatible(image, clean);
}

int qcow2_check(struct disk_image *image, enum disk_repair repair,
                struct disk_check *check)
{
    struct qcow2 *q = qcow2_of(image);
    struct disk_check first;
    uint64_t compatible = q->compatible;
    int error;

    if (q->has_bitmaps && repair)
        return -ENOTSUP;                    /* their clusters would look like leaks */
    q->compatible &= ~(uint64_t)QCOW2_LAZY; /* these refcounts are to be written */
    host_lock_take(q->lock);
    error = image->file.is_writable ? qcow2_sync(image) : 0;
    if (!error)
        error = check_once(image, repair, check);
    if (!error && (check->leaks_fixed || check->corruptions_fixed)) {
        first = *check; /* what is left? */
        memset(check, 0, sizeof(*check));
        check->report = first.report;
        tables_free(&q->l2_cache);
        tables_init(&q->l2_cache, q->cluster_size, 32 << 20);
        error =
            q->l2_cache.buckets ? check_once(image, DISK_REPAIR_NOTHING, check) : -ENOMEM;
        check->leaks_fixed = first.leaks_fixed;
        check->corruptions_fixed = first.corruptions_fixed;
    }
    if (!error && repair == DISK_REPAIR_ALL && !check->corruptions)
        error = clear_marks(image);
    host_lock_give(q->lock);
    q->compatible = compatible;
    check->errors += error != 0;
    return error;
}
