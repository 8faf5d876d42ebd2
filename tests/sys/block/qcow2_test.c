/* qcow2_test.c - images of every shape against plain arrays. */
#include "scratch.h"

#include <errno.h>

#include "run_cases.h"

/* ------------------------------------------------------------------- shadow model */

struct shape {
    unsigned version;
    uint32_t cluster_size;
    unsigned refcount_bits;
    bool lazy, zstd, backing, unmap;
};

struct model {
    struct shape shape;
    struct disk_image *image;
    uint8_t *bytes;
    uint64_t size, room;
    uint8_t *backing;
    uint64_t backing_size;
};

static const char *model_path(void)
{
    return scratch("image.qcow2");
}

static void model_open(struct model *m)
{
    m->image =
        open_image(model_path(), DISK_WRITABLE | (m->shape.unmap ? DISK_UNMAP : 0));
    ck_assert_uint_eq(disk_size(m->image), m->size);
}

static void model_create(struct model *m, const struct shape *shape, uint64_t size)
{
    struct disk_create options;
    char error[DISK_ERROR];

    memset(m, 0, sizeof(*m));
    m->shape = *shape;
    m->size = size;
    m->room = size * 2;
    m->bytes = calloc(1, m->room);
    disk_create_defaults(&options);
    if (shape->backing) {
        m->backing_size = size / 4 * 3 / 512 * 512 + 512;
        m->backing = malloc(m->backing_size);
        for (uint64_t i = 0; i < m->backing_size; i++)
            m->backing[i] = (uint8_t)(1 + i / 512 % 251);
        memcpy(m->bytes, m->backing, m->backing_size);
        options.size = m->backing_size;
        create_image(scratch("base.raw"), "raw", &options);
        m->image = open_image(scratch("base.raw"), DISK_WRITABLE);
        ck_assert_int_eq(disk_write(m->image, 0, m->backing, m->backing_size), 0);
        ck_assert_int_eq(disk_close(m->image), 0);
        options.backing = "base.raw";
        options.backing_format = "raw";
    }
    options.size = size;
    options.version = shape->version;
    options.cluster_size = shape->cluster_size;
    options.refcount_bits = shape->refcount_bits;
    options.lazy_refcounts = shape->lazy;
    options.use_zstd = shape->zstd;
    if (disk_create(model_path(), "qcow2", &options, error) == -ENOTSUP)
        options.use_zstd = false; /* built without it */
    create_image(model_path(), "qcow2", &options);
    model_open(m);
}

static void model_free(struct model *m)
{
    free(m->bytes);
    free(m->backing);
}

static void model_compare(struct model *m, uint64_t offset, uint64_t size)
{
    uint8_t *got = malloc(size + 1);

    ck_assert_int_eq(disk_read(m->image, offset, got, size), 0);
    for (uint64_t i = 0; i < size; i++)
        if (got[i] != m->bytes[offset + i])
            ck_abort_msg("byte 0x%llx: got %02x, want %02x",
                         (unsigned long long)(offset + i), got[i], m->bytes[offset + i]);
    free(got);
}

static void model_write(struct model *m, uint64_t offset, uint64_t size)
{
    struct host_iov iov[3] = { { m->bytes + offset, size / 3 },
                               { m->bytes + offset + size / 3, 0 },
                               { m->bytes + offset + size / 3, size - size / 3 } };

    for (uint64_t i = 0; i < size; i++)
        m->bytes[offset + i] = (uint8_t)scratch_random(256);
    ck_assert_int_eq(disk_writev(m->image, offset, iov, 3), 0);
}

/* What is discarded may stay or become zeros, but not the backing file's. */
static void model_discard(struct model *m, uint64_t offset, uint64_t size)
{
    uint8_t *got = malloc(size + 1);

    ck_assert_int_eq(disk_discard(m->image, offset, size), 0);
    ck_assert_int_eq(disk_read(m->image, offset, got, size), 0);
    for (uint64_t i = 0; i < size; i++) {
        if (got[i] != 0 && got[i] != m->bytes[offset + i])
            ck_abort_msg("discarded byte 0x%llx: got %02x",
                         (unsigned long long)(offset + i), got[i]);
        m->bytes[offset + i] = got[i];
    }
    free(got);
}

static void model_resize(struct model *m)
{
    uint64_t size = (scratch_random(m->room / 512) + 1) * 512;
    char error[DISK_ERROR];

    if (disk_resize(m->image, size, DISK_SPARSE, error))
        ck_abort_msg("%s", error);
    if (size < m->size)
        memset(m->bytes + size, 0, m->size - size);
    m->size = size;
}

static void model_pack(struct model *m)
{
    uint32_t cluster = m->shape.cluster_size;
    uint64_t offset = scratch_random(m->size) / cluster * cluster;
    uint64_t size = m->size - offset < cluster ? m->size - offset : cluster;
    int error;

    for (uint64_t i = 0; i < size; i++)
        m->bytes[offset + i] = (uint8_t)(scratch_random(16) ? 7 : scratch_random(256));
    error = disk_write_compressed(m->image, offset, m->bytes + offset, size);
    if (error == -ENOTSUP) /* built without it */
        error = disk_write(m->image, offset, m->bytes + offset, size);
    ck_assert_int_eq(error, 0);
}

static void model_step(struct model *m)
{
    uint64_t unit = scratch_random(4) ? 512 : 1;
    uint64_t offset = scratch_random(m->size) / unit * unit;
    uint64_t most = scratch_random(8) ? m->shape.cluster_size * 3ull : m->size;
    uint64_t size = (scratch_random(most) + 1) / unit * unit;

    if (size > m->size - offset)
        size = m->size - offset;
    switch (scratch_random(16)) {
    case 0: model_discard(m, offset, size); break;
    case 1:
        memset(m->bytes + offset, 0, size);
        ck_assert_int_eq(disk_zero(m->image, offset, size, scratch_random(2)), 0);
        break;
    case 2:
        if (scratch_random(8) == 0)
            model_resize(m);
        break;
    case 3:
        if (scratch_random(8) == 0) {
            ck_assert_int_eq(disk_close(m->image), 0);
            model_open(m);
        }
        break;
    case 4: ck_assert_int_eq(disk_flush(m->image), 0); break;
    case 5: model_pack(m); break;
    case 6:
    case 7:
    case 8: model_compare(m, offset, size); break;
    default: model_write(m, offset, size < 300000 ? size : 300000); break;
    }
}

static void model_run(const struct shape *shape, uint64_t size, unsigned steps)
{
    struct model m;

    model_create(&m, shape, size);
    for (unsigned i = 0; i < steps; i++)
        model_step(&m);
    model_compare(&m, 0, m.size);
    ck_assert_int_eq(disk_close(m.image), 0);
    check_clean(model_path());
    model_open(&m);
    model_compare(&m, 0, m.size);
    ck_assert_int_eq(disk_close(m.image), 0);
    model_free(&m);
}

static const struct shape shapes[] = {
    { 3, 65536, 16, false, false, false, false },
    { 3, 65536, 16, false, false, true, true },
    { 2, 65536, 16, false, false, true, false },
    { 2, 512, 16, false, false, false, true },
    { 3, 512, 64, false, false, false, false },
    { 3, 512, 64, true, false, true, true },
    { 3, 4096, 1, false, false, true, true },
    { 3, 4096, 2, false, false, false, false },
    { 3, 1024, 4, true, false, false, true },
    { 3, 8192, 8, false, true, true, true },
    { 3, 2048, 32, false, true, false, true },
    { 3, 65536, 16, true, false, true, false },
    { 3, 2097152, 16, false, false, true, true },
};

START_TEST(random_operations_are_those_of_an_array)
{
    const struct shape *shape = &shapes[_i];
    uint64_t size = shape->cluster_size > 1000000 ? 9 << 20 : 3 << 20;

    model_run(shape, size + 1536, shape->cluster_size > 1000000 ? 300 : 1500);
}
END_TEST

/* ---------------------------------------------------------------------- one by one */

static struct disk_image *simple_image(uint64_t size)
{
    struct disk_create options;

    disk_create_defaults(&options);
    options.size = size;
    create_image(model_path(), "qcow2", &options);
    return open_image(model_path(), DISK_WRITABLE);
}

START_TEST(a_refcount_table_grows)
{
    struct disk_create options;
    struct disk_image *image;
    uint8_t bytes[512];

    disk_create_defaults(&options);
    options.size = 64 << 20;
    options.cluster_size = 512;
    options.refcount_bits = 64;
    create_image(model_path(), "qcow2", &options);
    image = open_image(model_path(), DISK_WRITABLE);
    for (uint64_t i = 0; i < 40000; i++) {
        memset(bytes, (int)(i % 255) + 1, sizeof(bytes));
        ck_assert_int_eq(disk_write(image, i * 1536 / 512 * 512, bytes, 512), 0);
    }
    ck_assert_int_eq(disk_close(image), 0);
    check_clean(model_path());
    image = open_image(model_path(), 0);
    for (uint64_t i = 0; i < 40000; i++) {
        ck_assert_int_eq(disk_read(image, i * 1536 / 512 * 512, bytes, 512), 0);
        ck_assert_uint_eq(bytes[511], i % 255 + 1);
    }
    ck_assert_int_eq(disk_close(image), 0);
}
END_TEST

START_TEST(preallocated_images_are_zeros)
{
    static const enum disk_preallocation kinds[] = { DISK_METADATA, DISK_FALLOC,
                                                     DISK_FULL };
    struct disk_create options;
    struct disk_image *image;
    struct disk_extent extent;
    char error[DISK_ERROR];
    uint8_t byte = 1;

    disk_create_defaults(&options);
    options.size = 5 << 20;
    options.preallocation = kinds[_i];
    create_image(model_path(), "qcow2", &options);
    check_clean(model_path());
    image = open_image(model_path(), DISK_WRITABLE);
    ck_assert_int_eq(disk_extent(image, 65536, 4 << 20, &extent), 0);
    ck_assert(extent.is_present && extent.has_offset);
    ck_assert_int_eq(disk_read(image, (5 << 20) - 1, &byte, 1), 0);
    ck_assert_uint_eq(byte, 0);
    ck_assert_int_eq(disk_resize(image, 6 << 20, kinds[_i], error), 0);
    ck_assert_int_eq(disk_close(image), 0);
    check_clean(model_path());
}
END_TEST

START_TEST(writes_through_a_snapshot_go_away)
{
    struct disk_image *image = simple_image(1 << 20);
    char text[6];

    ck_assert_int_eq(disk_write(image, 70000, "before", 6), 0);
    ck_assert_int_eq(disk_close(image), 0);
    image = open_image(model_path(), DISK_WRITABLE | DISK_SNAPSHOT);
    ck_assert(disk_is_writable(image));
    ck_assert_int_eq(disk_write(image, 70000, "after", 5), 0);
    ck_assert_int_eq(disk_read(image, 70000, text, 6), 0);
    ck_assert_int_eq(memcmp(text, "after", 5), 0);
    ck_assert_int_eq(text[5], 'e');
    ck_assert_int_eq(disk_flush(image), 0);
    ck_assert_int_eq(disk_close(image), 0);
    image = open_image(model_path(), 0);
    ck_assert_int_eq(disk_read(image, 70000, text, 6), 0);
    ck_assert_int_eq(memcmp(text, "before", 6), 0);
    ck_assert_int_eq(disk_close(image), 0);
}
END_TEST

/* Copies the file as it is while the image is open: what a kill would leave. */
static void copy_file(const char *from, const char *to)
{
    char command[512];

    snprintf(command, sizeof(command), "cp %s %s", from, to);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(a_dirty_image_is_repaired_at_open)
{
    struct disk_create options;
    struct disk_image *image;
    struct disk_info info;
    char text[4];

    disk_create_defaults(&options);
    options.size = 10 << 20;
    options.lazy_refcounts = true;
    create_image(model_path(), "qcow2", &options);
    image = open_image(model_path(), DISK_WRITABLE);
    ck_assert_int_eq(disk_write(image, 3 << 20, "here", 4), 0);
    ck_assert_int_eq(disk_flush(image), 0);
    copy_file(model_path(), scratch("copy.qcow2"));
    ck_assert_int_eq(disk_close(image), 0);
    check_clean(model_path());

    image = open_image(scratch("copy.qcow2"), 0);
    disk_get_info(image, &info);
    ck_assert(info.is_dirty);
    ck_assert_int_eq(disk_read(image, 3 << 20, text, 4), 0);
    ck_assert_int_eq(memcmp(text, "here", 4), 0);
    ck_assert_int_eq(disk_close(image), 0);

    image = open_image(scratch("copy.qcow2"), DISK_WRITABLE);
    ck_assert_int_eq(disk_read(image, 3 << 20, text, 4), 0);
    ck_assert_int_eq(memcmp(text, "here", 4), 0);
    disk_get_info(image, &info);
    ck_assert(!info.is_dirty);
    ck_assert_int_eq(disk_close(image), 0);
    check_clean(scratch("copy.qcow2"));
}
END_TEST

static void poke(const char *path, long at, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "r+b");

    ck_assert_int_eq(fseek(file, at, SEEK_SET), 0);
    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

START_TEST(lost_refcounts_are_rebuilt)
{
    struct disk_image *image = simple_image(10 << 20);
    struct disk_check check = { 0 };
    char text[4] = "";

    ck_assert_int_eq(disk_write(image, 5 << 20, "here", 4), 0);
    ck_assert_int_eq(disk_close(image), 0);
    poke(model_path(), 65536, "\0\0\0\0\0\0\0\0", 8);
    image = open_image(model_path(), DISK_CHECK);
    ck_assert_int_eq(disk_check(image, DISK_REPAIR_NOTHING, &check), 0);
    ck_assert_uint_gt(check.corruptions, 0);
    ck_assert_int_eq(disk_close(image), 0);
    image = open_image(model_path(), DISK_CHECK | DISK_WRITABLE);
    ck_assert_int_eq(disk_check(image, DISK_REPAIR_ALL, &check), 0);
    ck_assert_uint_gt(check.corruptions_fixed, 0);
    ck_assert_uint_eq(check.corruptions, 0);
    ck_assert_int_eq(disk_close(image), 0);
    check_clean(model_path());
    image = open_image(model_path(), DISK_WRITABLE);
    ck_assert_int_eq(disk_write(image, 0, "more", 4), 0);
    ck_assert_int_eq(disk_read(image, 5 << 20, text, 4), 0);
    ck_assert_int_eq(memcmp(text, "here", 4), 0);
    ck_assert_int_eq(disk_close(image), 0);
    check_clean(model_path());
}
END_TEST

START_TEST(a_leak_is_repaired)
{
    struct disk_image *image = simple_image(10 << 20);
    struct disk_check check = { 0 };

    ck_assert_int_eq(disk_close(image), 0);
    poke(model_path(), 2 * 65536 + 40, "\0\1", 2);
    image = open_image(model_path(), DISK_CHECK | DISK_WRITABLE);
    ck_assert_int_eq(disk_check(image, DISK_REPAIR_NOTHING, &check), 0);
    ck_assert_uint_eq(check.leaks, 1);
    ck_assert_int_eq(disk_check(image, DISK_REPAIR_LEAKS, &check), 0);
    ck_assert_uint_eq(check.leaks, 0);
    ck_assert_uint_eq(check.leaks_fixed, 1);
    ck_assert_int_eq(disk_close(image), 0);
    check_clean(model_path());
}
END_TEST

/* Fields of the header that are wrong, and what the message must name. */
static const struct {
    long at;
    size_t size;
    const char *bytes, *field;
} wrong[] = {
    { 4, 4, "\0\0\0\4", "version" },
    { 20, 4, "\0\0\0\0", "cluster_bits" },
    { 20, 4, "\0\0\0\10", "cluster_bits" },
    { 20, 4, "\0\0\0\26", "cluster_bits" },
    { 20, 4, "\0\0\0\77", "cluster_bits" },
    { 24, 8, "\200\0\0\0\0\0\0\0", "size" },
    { 24, 8, "\177\377\377\377\377\377\377\377", "l1_size" },
    { 32, 4, "\0\0\0\1", "crypt_method" },
    { 32, 4, "\0\0\0\2", "crypt_method" },
    { 32, 4, "\0\0\0\3", "crypt_method" },
    { 36, 4, "\377\377\377\377", "l1_size" },
    { 36, 4, "\0\0\0\0", "l1_size" },
    { 40, 8, "\0\0\0\0\0\3\0\1", "l1_table_offset" },
    { 40, 8, "\0\0\0\0\0\0\0\0", "l1_table_offset" },
    { 40, 8, "\0\0\0\1\0\0\0\0", "l1_table_offset" },
    { 48, 8, "\0\0\0\1\0\0\0\0", "refcount_table_offset" },
    { 48, 8, "\0\0\0\0\0\1\0\1", "refcount_table_offset" },
    { 56, 4, "\0\0\0\0", "refcount_table_clusters" },
    { 56, 4, "\377\377\377\377", "refcount_table_clusters" },
    { 60, 4, "\377\377\377\377", "nb_snapshots" },
    { 60, 4, "\0\0\0\1", "snapshots_offset" },
    { 72, 8, "\0\0\0\0\0\0\0\40", "incompatible_features" },
    { 72, 8, "\0\0\0\0\0\0\0\4", "incompatible_features" },
    { 72, 8, "\0\0\0\0\0\0\0\20", "incompatible_features" },
    { 72, 8, "\0\0\0\0\0\0\0\10", "compression_type" },
    { 96, 4, "\0\0\0\7", "refcount_order" },
    { 100, 4, "\0\0\0\110", "header_length" },
    { 100, 4, "\377\377\377\377", "header_length" },
    { 104, 1, "\1", "compression_type" },
    { 8, 8, "\0\0\0\0\0\0\0\10", "backing_file_offset" },
    { 8, 12, "\0\0\0\0\0\0\2\0\0\0\377\377", "backing_file_size" },
    { 112, 8, "\342\171\52\312\377\377\377\360", "extension" },
};

START_TEST(a_wrong_field_is_named)
{
    struct disk_image *image = simple_image(10 << 20);
    char error[DISK_ERROR];

    ck_assert_int_eq(disk_close(image), 0);
    poke(model_path(), wrong[_i].at, wrong[_i].bytes, wrong[_i].size);
    image = disk_open(model_path(), "qcow2", DISK_WRITABLE, error);
    ck_assert_ptr_null(image);
    ck_assert_msg(strstr(error, wrong[_i].field) && strstr(error, "field="),
                  "want %s, got: %s", wrong[_i].field, error);
}
END_TEST

START_TEST(wrong_tables_are_errors_of_the_device)
{
    static const uint64_t entries[] = { 0x123456789abc, 0x0080000000000000, 512 };
    struct disk_image *image = simple_image(10 << 20);
    uint8_t bytes[8], sector[512];

    ck_assert_int_eq(disk_close(image), 0);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(entries[_i] >> (56 - 8 * i));
    poke(model_path(), 3 * 65536, bytes, 8);
    image = open_image(model_path(), DISK_WRITABLE);
    if (entries[_i] & 0xfffffffffffe00) {
        ck_assert_int_eq(disk_read(image, 0, sector, 512), -EIO);
        ck_assert_int_eq(disk_write(image, 0, sector, 512), -EIO);
        ck_assert_int_eq(disk_write(image, 4096, sector, 512), -EIO);
    }
    disk_close(image);
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("qcow2", USUAL_LIMIT);

    tcase_add_checked_fixture(cases.all, scratch_make, scratch_remove);
    tcase_add_loop_test(cases.all, random_operations_are_those_of_an_array, 0,
                        sizeof(shapes) / sizeof(shapes[0]));
    tcase_add_test(cases.all, a_refcount_table_grows);
    tcase_add_loop_test(cases.all, preallocated_images_are_zeros, 0, 3);
    tcase_add_test(cases.all, writes_through_a_snapshot_go_away);
    tcase_add_test(cases.all, a_dirty_image_is_repaired_at_open);
    tcase_add_test(cases.all, lost_refcounts_are_rebuilt);
    tcase_add_test(cases.all, a_leak_is_repaired);
    tcase_add_loop_test(cases.all, a_wrong_field_is_named, 0,
                        sizeof(wrong) / sizeof(wrong[0]));
    tcase_add_loop_test(cases.all, wrong_tables_are_errors_of_the_device, 0, 3);
    return cases_run(cases);
}
