/* format.h - what an image format is, and what formats share.  Of src/sys/block/ only. */
#ifndef RHEA_BLOCK_FORMAT_H
#define RHEA_BLOCK_FORMAT_H

#include "base/host.h"
#include "sys/block/block.h"

/* The file that an image is in. */
struct disk_file {
    int fd;
    bool is_writable, is_device;
    bool is_unsafe;  /* no syncs: it goes away, or the user said so */
    int sync_failed; /* atomic: the error of the first sync that failed */
};

/* These fill up with zeros what is past the end; a write makes the file longer. */
int file_read(struct disk_file *file, uint64_t offset, void *to, size_t size);
int file_write(struct disk_file *file, uint64_t offset, const void *from, size_t size);
int file_sync(struct disk_file *file);
int file_zero(struct disk_file *file, uint64_t offset, uint64_t size);

/* Memory of a request, read or filled from front to back. */
struct disk_data {
    const struct host_iov *iov;
    unsigned count;
    size_t skip; /* bytes of the first one that are done */
};
void data_zero(struct disk_data *data, uint64_t size);
void data_put(struct disk_data *data, const void *from, size_t size);
void data_get(struct disk_data *data, void *to, size_t size);
int data_read(struct disk_data *data, struct disk_file *file, uint64_t offset,
              uint64_t size);
int data_write(struct disk_data *data, struct disk_file *file, uint64_t offset,
               uint64_t size);

struct disk_format {
    const char *name;
    bool (*probe)(const uint8_t *head, size_t size);
    int (*open)(struct disk_image *image, char error[DISK_ERROR]);
    int (*close)(struct disk_image *image);
    /* Of ranges within the image, as large as memory: `data` has as many bytes. */
    int (*read)(struct disk_image *image, struct disk_data *data, uint64_t offset,
                uint64_t size);
    int (*write)(struct disk_image *image, struct disk_data *data, uint64_t offset,
                 uint64_t size);
    int (*flush)(struct disk_image *image);
    int (*discard)(struct disk_image *image, uint64_t offset, uint64_t size);
    int (*zero)(struct disk_image *image, uint64_t offset, uint64_t size, bool may_unmap);
    int (*resize)(struct disk_image *image, uint64_t size,
                  enum disk_preallocation preallocation, char error[DISK_ERROR]);
    int (*write_compressed)(struct disk_image *image, uint64_t offset, const void *from,
                            size_t size); /* may be NULL */
    int (*extent)(struct disk_image *image, uint64_t offset, uint64_t size,
                  struct disk_extent *extent);
    /* `file` is empty. */
    int (*create)(struct disk_file *file, const struct disk_create *options,
                  char error[DISK_ERROR]);
    void (*info)(struct disk_image *image, struct disk_info *info); /* may be NULL */
    int (*check)(struct disk_image *image, enum disk_repair repair,
                 struct disk_check *check); /* may be NULL */
};
extern const struct disk_format format_raw, format_qcow2;

/* `size` changes in resize only, under the machine's rule that nobody else is inside. */
struct disk_image {
    const struct disk_format *format;
    struct disk_file file;
    char *path;
    uint64_t size;
    unsigned flags;
    bool was_probed;
    struct disk_image *backing;
    char *backing_name, *backing_format; /* as the format's open found them, or NULL */
    void *state;                         /* the format's */
};

/* Reads what the backing file has there, zeros past its end. */
int backing_read(struct disk_image *image, struct disk_data *data, uint64_t offset,
                 uint64_t size);

/* Says what is wrong, behind the path: returns `code`. */
int format_error(struct disk_image *image, char error[DISK_ERROR], int code,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* ------------------------------------------------------------------- compression */

/* Makes exactly `size` bytes of the `from_size` at `from`, of which the last ones may be
 * nothing's.  -EIO: they are not of the kind; -ENOTSUP: not in this build. */
int squeeze_expand(bool zstd, const void *from, size_t from_size, void *to, size_t size);
/* How many bytes; -E2BIG: more than `room`. */
int64_t squeeze_pack(bool zstd, const void *from, size_t size, void *to, size_t room);
bool squeeze_has(bool zstd);

#endif
