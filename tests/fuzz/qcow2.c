/* qcow2.c - images with wrong headers and tables: opened, read, written, checked,
 * repaired.
 *
 * An input is a list of bytes to overwrite in a sound image that has everything (backing
 * format, compressed and zero clusters, several tables): records of 2 bytes of place, 1
 * of length, and so many bytes.  So every mutation is near something that opens. */
#define FUZZ_MAX 512
#include "fuzz.h"

#include "base/report.h"
#include "sys/block/block.h"

static char path[64];
static uint8_t sound[96 << 10];
static size_t sound_size;

static time_t one_second(void) /* so that few messages are printed */
{
    return 1;
}

static void remove_image(void)
{
    unlink(path);
}

static void make_sound(void)
{
    struct disk_create options;
    char error[DISK_ERROR];
    static uint8_t bytes[64 << 10];
    struct disk_image *image;
    FILE *file;

    report_set_clock(one_second);
    snprintf(path, sizeof(path), "/tmp/rhea-fuzz-qcow2-%ld", (long)getpid());
    atexit(remove_image);
    disk_create_defaults(&options);
    options.size = 300 << 10;
    options.cluster_size = 1024;
    if (disk_create(path, "qcow2", &options, error))
        abort();
    image = disk_open(path, "qcow2", DISK_WRITABLE, error);
    if (!image)
        abort();
    memset(bytes, 7, sizeof(bytes));
    disk_write(image, 0, bytes, 9000);
    disk_write(image, 200000, bytes, 3000);
    disk_zero(image, 2048, 2048, false);
    for (uint64_t at = 20480; at < 26624; at += 1024)
        disk_write_compressed(image, at, bytes, 1024);
    disk_close(image);
    file = fopen(path, "rb");
    if (!file)
        abort();
    sound_size = fread(sound, 1, sizeof(sound), file);
    fclose(file);
}

static void write_image(const uint8_t *data, size_t size)
{
    static uint8_t bytes[sizeof(sound)];
    FILE *file;

    memcpy(bytes, sound, sound_size);
    for (size_t at = 0; at + 3 <= size;) {
        size_t place = (data[at] << 8 | data[at + 1]) % sound_size, length = data[at + 2];
        for (at += 3; length-- && at < size && place < sound_size; at++)
            bytes[place++] = data[at];
    }
    file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, sound_size, file) != sound_size)
        abort();
    fclose(file);
}

static void use(struct disk_image *image)
{
    static uint8_t bytes[400 << 10];
    uint64_t size = disk_size(image) < sizeof(bytes) ? disk_size(image) : sizeof(bytes);
    struct disk_extent extent;
    char error[DISK_ERROR];

    disk_read(image, 0, bytes, size);
    for (uint64_t at = 0, n = 0; at < size && n < 64; at += extent.size, n++)
        if (disk_extent_chain(image, at, size - at, &extent) || !extent.size)
            break;
    if (!disk_is_writable(image))
        return;
    disk_write(image, size / 2, bytes, size / 4);
    disk_discard(image, 0, size / 3);
    disk_flush(image);
    disk_zero(image, size / 3, size / 3, true);
    disk_write_compressed(image, 0, bytes, 1024);
    disk_write(image, 1000, bytes, size / 5);
    disk_resize(image, 500 << 10, DISK_SPARSE, error);
}

static void fuzz_one(const uint8_t *data, size_t size)
{
    static const unsigned flags[] = { DISK_NO_DATA, 0, DISK_CHECK, DISK_WRITABLE,
                                      DISK_CHECK | DISK_WRITABLE };
    struct disk_check check = { .report = NULL };
    char error[DISK_ERROR];

    if (!sound_size)
        make_sound();
    write_image(data, size);
    for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        struct disk_image *image =
            disk_open(path, "qcow2", flags[i] | DISK_NO_BACKING | DISK_UNSAFE, error);
        if (!image)
            continue;
        if (flags[i] & DISK_CHECK)
            disk_check(image,
                       flags[i] & DISK_WRITABLE ? DISK_REPAIR_ALL : DISK_REPAIR_NOTHING,
                       &check);
        else if (flags[i] != DISK_NO_DATA)
            use(image);
        disk_close(image);
    }
}
