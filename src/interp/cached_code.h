/* cached_code.h - which guest code the cache keeps, and how it is found again: code of
 * files by where it is in its file; a machine's, which is of no file, by what it is. */
#ifndef RHEA_INTERP_CACHED_CODE_H
#define RHEA_INTERP_CACHED_CODE_H

#include "interp/cache.h"
#include "interp/jit.h"
#include "isa/space.h"

struct code_place {
    unsigned file;   /* number, as space_file()'s; 0: it is not kept */
    uint64_t offset; /* struct cache_region's */
};

/* Of the code at pc.  *area: empty at first, and when the map of code has changed. */
struct code_place code_place(struct interp *ip, uint64_t pc, struct space_area *area);
/* Of a region that was compiled, whose code is in [from, to). */
struct code_place code_place_of(struct interp *ip, const struct job *job, uint64_t from,
                                uint64_t to, struct space_area *area);
/* What cache_region.where is of all of them. */
#define CODE_WHERE (RHEA_TLB ? CACHE_BY_CODE : CACHE_ANYWHERE)

/* What the cache's file of that number is of; and its name, for people, of code that is
 * at that address of the host's, or an empty one. */
struct cache_guest code_guest(const struct interp *ip, unsigned number);
void code_path(uintptr_t at, char *path, size_t size);

/* Code that may run now; with an interp, for cache_matches().  0, or there is none. */
int code_read(void *interp, uint64_t addr, void *to, size_t size);
/* Code of the job, wherever it is mapped now.  false: it cannot be read. */
bool code_read_job(struct interp *ip, const struct job *job, uint64_t addr, void *to,
                   size_t size);

/* The pages of a region, as loaded.c wants them: its base's first.  false: no memory, or
 * too many. */
bool code_pages(struct interp *ip, struct loaded *region, const struct cache_region *of);

#endif
