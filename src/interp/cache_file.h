/* cache_file.h - the bytes of a file of the cache.
 *
 *   header | key | path | 0 to 7 zeros | rows | places | data of each row, in their order
 *
 * Numbers are the host's.  `sum` is that of all from `size` to the end of the places;
 * each row has the sum of its data, which is looked at when the row is used. */
#ifndef RHEA_INTERP_CACHE_FILE_H
#define RHEA_INTERP_CACHE_FILE_H

#include "interp/cache.h"

enum { CACHE_VERSION = 1 };
#define CACHE_MAGIC "rheacode"

struct cache_header {
    char magic[8];
    uint64_t version; /* CACHE_VERSION: byte order, too */
    uint64_t sum;
    uint64_t size; /* of the file */
    struct cache_guest guest;
    uint32_t key_size, path_size;
    uint32_t nrows, nplaces;
};

/* A region.  Its data: cells, entries, ranges, pcs, bytes, code, 0 to 7 zeros.
 * By offset, then mode, then `where`. */
struct cache_row {
    uint64_t offset, mode, where;
    uint64_t data, sum; /* where it is in the file */
    uint32_t size;      /* a multiple of 8 */
    uint32_t ncells, nentries, nranges, npcs, nbytes;
    uint32_t code_size, cells_at, base_at, unused;
};

/* An entry, by the offset in the guest's file. */
struct cache_place {
    uint64_t offset;
    uint32_t row, unused;
};

_Static_assert(sizeof(struct cache_header) % 8 == 0, "what follows is aligned");
_Static_assert(sizeof(struct cache_row) == 80, "the same on all hosts");
_Static_assert(sizeof(struct cache_place) == 16, "the same on all hosts");

/* Where parts of a row's data begin. */
struct cache_layout {
    uint64_t entries, ranges, pcs, bytes, code, size;
};
struct cache_layout cache_layout(const struct cache_row *row);
/* A row's data, which may be anything: 0, and what it says; or -1. */
int cache_row_read(const struct cache_row *row, const uint8_t *data,
                   struct cache_region *region);
/* The same of a file's row, as cache_get(). */
int cache_get_row(const struct cache_file *file, uint32_t row,
                  struct cache_region *region);

/* Of a header whose tables are there. */
uint64_t cache_header_sum(const struct cache_header *header);
/* Where the data of rows begins. */
uint64_t cache_data_at(const struct cache_header *header);

/* Folder and key of this process. */
struct cache {
    char *folder;
    bool debug; /* RHEA_CACHE_DEBUG */
    uint32_t key_size;
    char key[];
};
enum { CACHE_NAME = 33 };
void cache_name(const struct cache *cache, const struct cache_guest *guest,
                char name[CACHE_NAME]);

#endif
