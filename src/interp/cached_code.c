/* cached_code.c - guest code that the cache keeps: in files, and in machines.
 *
 * Files: what is mapped private, executable and not writable.  Its regions are kept by
 * their offset in the file.
 *
 * Machines: any code.  What a guest's kernel, its modules and its programs are no file
 * tells, and programs are each time somewhere else: regions are kept by the first
 * CODE_HEAD bytes and where those are in their page.  Only code that begins with the same
 * bytes is compared with a region, then all that was read. */
#include "interp/cached_code.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_HEAD = 32, PAGE_MASK = (1 << PAGE_SHIFT) - 1 };

#if RHEA_TLB

enum { MACHINES = 1 }; /* the number of the one file */

static struct code_place place_of(const uint8_t head[CODE_HEAD], uint64_t pc)
{
    return (struct code_place){ MACHINES, cache_sum(head, CODE_HEAD, pc & PAGE_MASK) };
}

struct code_place code_place(struct interp *ip, uint64_t pc, struct space_area *area)
{
    uint8_t head[CODE_HEAD];
    unsigned size = sizeof head;

    (void)area;
    if (block_is_far(pc, pc + CODE_HEAD - 1) || tlb_fetch(ip->cpu, pc, head, &size))
        return (struct code_place){ 0 };
    return place_of(head, pc);
}

struct code_place code_place_of(struct interp *ip, const struct job *job, uint64_t from,
                                uint64_t to, struct space_area *area)
{
    uint64_t pc = job->request.base;
    uint8_t head[CODE_HEAD];

    (void)from, (void)to, (void)area;
    if (block_is_far(pc, pc + CODE_HEAD - 1) ||
        !code_read_job(ip, job, pc, head, sizeof head))
        return (struct code_place){ 0 };
    return place_of(head, pc);
}

struct cache_guest code_guest(const struct interp *ip, unsigned number)
{
    (void)ip, (void)number;
    return (struct cache_guest){ 0 };
}

void code_path(uintptr_t at, char *path, size_t size)
{
    (void)at;
    snprintf(path, size, "machines");
}

int code_read(void *interp, uint64_t addr, void *to, size_t size)
{
    struct interp *ip = interp;
    unsigned wanted = (unsigned)size;

    block_guard_code(ip, addr);
    block_guard_code(ip, addr + size - 1);
    return (int)tlb_fetch(ip->cpu, addr, to, &wanted);
}

/* The address of code of the job in physical memory. */
static bool physical(const struct job *job, uint64_t addr, uint64_t *at)
{
    for (uint32_t i = 0; i < job->npages; i++)
        if (job->places[i] == addr >> PAGE_SHIFT) {
            *at = job->pages[i] << PAGE_SHIFT | (addr & PAGE_MASK);
            return true;
        }
    return false;
}

bool code_read_job(struct interp *ip, const struct job *job, uint64_t addr, void *to,
                   size_t size)
{
    while (size) {
        size_t left = (size_t)(PAGE_MASK + 1 - (addr & PAGE_MASK));
        size_t n = left < size ? left : size;
        uint64_t at;

        if (!physical(job, addr, &at) || space_read(ip->cpu->space, at, to, n, NULL))
            return false;
        to = (uint8_t *)to + n;
        addr += n;
        size -= n;
    }
    return true;
}

static uint64_t page_at(struct interp *ip, uint64_t place)
{
    return code_page(ip, place << PAGE_SHIFT);
}

#else

/* The file whose code is at pc, or 0: none. */
static unsigned file_at(struct interp *ip, uint64_t pc, struct space_area *area)
{
    if (pc < area->start || pc >= area->end) {
        area->end = 0;
        if (!space_next(ip->cpu->space, pc, area) || area->start > pc)
            return area->end = 0;
        if (!(area->prot & SPACE_EXEC) || area->prot & SPACE_WRITE || area->shared)
            area->file = 0;
    }
    return area->file;
}

struct code_place code_place(struct interp *ip, uint64_t pc, struct space_area *area)
{
    unsigned file = file_at(ip, pc, area);

    return (struct code_place){ file, pc - area->file_at };
}

struct code_place code_place_of(struct interp *ip, const struct job *job, uint64_t from,
                                uint64_t to, struct space_area *area)
{
    struct code_place place = code_place(ip, job->request.base, area);

    if (place.file && (from < area->start || to > area->end))
        place.file = 0;
    return place;
}

struct cache_guest code_guest(const struct interp *ip, unsigned number)
{
    const struct host_file *is = space_file(ip->cpu->space, number);

    return (struct cache_guest){ is->dev, is->ino, is->size, is->mtime_ns };
}

void code_path(uintptr_t at, char *path, size_t size)
{
    host_mapped_path(at, path, size);
}

int code_read(void *interp, uint64_t addr, void *to, size_t size)
{
    return space_fetch(((struct interp *)interp)->cpu->space, addr, to, size, NULL);
}

bool code_read_job(struct interp *ip, const struct job *job, uint64_t addr, void *to,
                   size_t size)
{
    (void)job;
    return code_read(ip, addr, to, size) == 0;
}

static uint64_t page_at(struct interp *ip, uint64_t place)
{
    (void)ip;
    return place;
}

#endif

/* --------------------------------------------------------------------------- pages */

static bool add_page(struct interp *ip, struct loaded *region, uint64_t place)
{
    for (uint32_t i = 0; i < region->npages; i++)
        if (region->places[i] == place)
            return true;
    region->places[region->npages] = place;
    region->pages[region->npages] = page_at(ip, place);
    return region->pages[region->npages++] != UINT64_MAX;
}

bool code_pages(struct interp *ip, struct loaded *region, const struct cache_region *of)
{
    uint32_t n = 1;
    bool ok;

    for (uint32_t i = 0; i < of->nranges; i++)
        n += (of->ranges[i].size >> PAGE_SHIFT) + 2;
    region->pages = malloc(n * sizeof *region->pages);
    region->places = malloc(n * sizeof *region->places);
    ok = region->pages && region->places &&
         add_page(ip, region, region->base >> PAGE_SHIFT);
    for (uint32_t i = 0; ok && i < of->nranges; i++) {
        uint64_t start = region->base + (uint64_t)(int64_t)of->ranges[i].at;
        uint64_t last = (start + of->ranges[i].size - 1) >> PAGE_SHIFT;

        for (uint64_t place = start >> PAGE_SHIFT; ok && place <= last; place++)
            ok = add_page(ip, region, place);
    }
    return ok;
}
