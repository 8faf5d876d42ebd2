/* cache.h - compiled regions that outlive their process, and are shared by all of a user.
 *
 * In one folder, a file for each guest file whose code was compiled and each KEY, which
 * is all that compiled code depends on but guest bytes.  Those are kept with each region
 * and compared before it is used.  A file is written whole, under another name, then
 * renamed; what is read is believed only if the folder and the file are this user's own,
 * and all sums and places in it are right.  All else is as if it were not there: no
 * function here ends the program, and what fails says so only where RHEA_CACHE_DEBUG is
 * set.
 *
 * The code in a file is as trusted as the program itself: whoever can write files of this
 * user's can do all that it does.  That is why there is no cache for privileged programs.
 *
 * Descriptors are open only while a function here runs.  In a guest's process, which may
 * close any, call them before there are further threads or from a thread with
 * host_thread_own_files(). */
#ifndef RHEA_INTERP_CACHE_H
#define RHEA_INTERP_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "interp/region.h"
#include "isa/isa.h"

struct cache_header;
struct cache_row;
struct cache_place;

/* ------------------------------------------------------------------------- names */

enum cache_variant { /* of code, in cache_key.variants; more may follow */
                     CACHE_PRECISE = 1,
                     CACHE_TSO = 2,
                     CACHE_ICOUNT = 4,
                     CACHE_PAGED = 8,
};

/* What decides, besides guest bytes, mode and place, what code is made.  The build of
 * rhea, its structs and tables and the versions of interfaces are added. */
struct cache_key {
    const struct isa *isa;
    const struct isa_features *features; /* of the guest's CPU */
    const char *compiler;                /* its version and passes: any text */
    const char *host;                    /* the processor that code is made for */
    unsigned variants;
};

/* A guest file as it was when its code was read. */
struct cache_guest {
    uint64_t dev, ino, size;
    int64_t mtime_ns;
};

/* The cache of one process; it does not change.  NULL: there is none (privileged, no
 * folder, empty RHEA_CACHE), or no memory. */
struct cache;
struct cache *cache_new(const struct cache_key *key);
void cache_free(struct cache *cache);

/* The folder's path: RHEA_CACHE, XDG_CACHE_HOME/rhea or HOME/.cache/rhea; free() it.
 * NULL: there is to be none, and why. */
char *cache_folder(const char **why);
/* It is opened (see host.h): a descriptor or a negated errno. */
int cache_open_folder(const char *path, bool make);

/* ----------------------------------------------------------------------- regions */

struct cache_range { /* guest bytes that were read; `at` is relative to the base */
    int32_t at;
    uint32_t size;
};

/* One as it is kept: the same to be added and when it is found.  A base is an address,
 * region_request.base; found at another address, all moves with it. */
struct cache_region {
    uint64_t offset; /* in the guest's file of the byte that is at the base */
    uint64_t mode;   /* mode key */
    uint64_t where;  /* the one base that it is right for, or CACHE_ANYWHERE; or
                        CACHE_BY_CODE: anywhere, too, and `offset` is any number that can
                        be made of the code at the base */
    uint32_t nranges, npcs;
    const struct cache_range *ranges;
    const uint8_t *bytes;    /* of all ranges, one behind the other */
    const int32_t *pcs;      /* of the instructions, relative to the base */
    struct region_code code; /* found: to be read only, valid until the file is closed */
};
#define CACHE_ANYWHERE UINT64_MAX
#define CACHE_BY_CODE (UINT64_MAX - 1)

/* ----------------------------------------------------------------------- reading */

struct cache_file {
    const uint8_t *at; /* mapped; NULL: none */
    size_t size;
    const struct cache_header *header;
    const struct cache_row *rows;
    const struct cache_place *places;
};

/* What is there of a guest file.  0, or -1: nothing, and file->at is NULL. */
int cache_open(const struct cache *cache, const struct cache_guest *guest,
               struct cache_file *file);
void cache_close(struct cache_file *file);

/* The region after `last` (first CACHE_NONE) that can be entered in that mode at the byte
 * at `offset` of the guest's file, or CACHE_NONE.  Looks at no region. */
#define CACHE_NONE UINT32_MAX
uint32_t cache_find(const struct cache_file *file, uint64_t offset, uint64_t mode,
                    uint32_t last);
/* Its base: where that is in the guest's file.  Looks at no region, either. */
uint64_t cache_base(const struct cache_file *file, uint32_t found);
/* Looks at it: 0, or -1 if it is damaged. */
int cache_get(const struct cache_file *file, uint32_t found, struct cache_region *region);
/* Whether guest memory is now, with the region's base at `base`, what was compiled.
 * `read` copies guest code: 0, or not 0 where there is none. */
bool cache_matches(const struct cache_region *region, uint64_t base,
                   int (*read)(void *context, uint64_t addr, void *to, size_t size),
                   void *context);

/* Any single word of the data that changes changes it. */
uint64_t cache_sum(const void *data, size_t size, uint64_t seed);

/* ----------------------------------------------------------------------- writing */

/* Adds regions to what is there of a guest file, and replaces those with the same offset,
 * mode and `where` (CACHE_BY_CODE: and of the same code).  `path`: the guest file's, for
 * people.  Then removes what was not used for longest until the folder keeps its limit.
 * 0, or a negated errno. */
int cache_add(const struct cache *cache, const struct cache_guest *guest,
              const char *path, const struct cache_region *regions, uint32_t count);

/* How many bytes may be added to what is there of a guest file, about; what is more makes
 * it begin anew. */
uint64_t cache_room(const struct cache *cache, const struct cache_guest *guest);

/* Of the folder, in bytes; 0: nothing is kept. */
#define CACHE_LIMIT ((uint64_t)512 << 20)
uint64_t cache_limit(int folder);
int cache_set_limit(int folder, uint64_t limit); /* and keeps it at once */
/* Removes all, but not the limit; how many files and bytes that was. */
int cache_clear(int folder, uint32_t *files, uint64_t *bytes);

/* ------------------------------------------------------------------- looking at it */

bool cache_is_name(const char *name); /* of a file with regions */
int cache_open_name(int folder, const char *name, struct cache_file *file);
/* 0: they are the bytes of a file.  At an address that is a multiple of 8. */
int cache_read(struct cache_file *file, const void *bytes, size_t size);
/* Texts that are not zero-terminated. */
const char *cache_path(const struct cache_file *file, int *length);
const char *cache_key_text(const struct cache_file *file, int *length);
uint32_t cache_regions(const struct cache_file *file);
struct cache_guest cache_guest(const struct cache_file *file);

#endif
