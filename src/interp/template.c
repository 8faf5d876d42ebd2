/* template.c - from ops to machine code, by copying stencils and filling their holes. */
#include "interp/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "interp/jit.h"
#include "interp/stencils.h"
#include "isa/sem.h"

enum {
    CODE_SIZE = 128 << 20, /* unless somebody says how much */
    CODE_LEAST = 192 << 10,
    CODE_ALIGN = 16,
    SPARE_CODE = 64 << 10, /* what one stencil may need */
    NO_STENCIL = UINT16_MAX,
};

struct known_handler {
    interp_handler fn; /* NULL: an unused entry */
    uint16_t number;
};

struct template
{
    const struct stencil_file *file;
    const struct stencil *stencils;
    const struct stencil_hole *holes;
    const uint8_t *data, *code;
    const struct interp_isa *tables;
    uint32_t own;                /* the number of STENCIL_GOTO */
    struct known_handler *known; /* open hash */
    uint32_t known_mask;
    struct host_code memory;
    size_t used;
    bool is_inherited; /* the memory is the parent's, too */
    bool has_failed;   /* no memory for code: there will be none */
    bool is_full;      /* no room, until all is made anew */
    struct template_counts counts;
};

#define ADDRESS(name) (uintptr_t) name,
#define RARE_ADDRESS(name) ADDRESS(HOST_RARE_NAME(name))
static const uintptr_t helpers[] = { STENCIL_HELPERS(ADDRESS)
#if RHEA_TLB
                                         TLB_RARE(RARE_ADDRESS)
#endif
};

/* -------------------------------------------------------------------- handlers */

/* Nobody asks for that of STENCIL_LEAVE: it is put where a row ends. */
static interp_handler handler_of(const struct template *t, uint32_t number)
{
    static const interp_handler own[] = {
        [STENCIL_GOTO] = x_goto,
        [STENCIL_TALLY] = x_tally,
        [STENCIL_COUNT] = x_count,
    };
    uint32_t handlers = t->own - t->tables->nfused;

    if (number >= t->own)
        return own[number - t->own];
    return number < handlers ? t->tables->handlers[number]
                             : t->tables->fused[number - handlers].handler;
}

static struct known_handler *known_entry(const struct template *t, interp_handler fn)
{
    uint32_t i = block_hash((uint64_t)(uintptr_t)fn);

    while (t->known[i & t->known_mask].fn && t->known[i & t->known_mask].fn != fn)
        i++;
    return &t->known[i & t->known_mask];
}

static unsigned stencil_of(const struct template *t, interp_handler fn)
{
    const struct known_handler *known = known_entry(t, fn);

    return known->fn ? known->number : NO_STENCIL;
}

static bool know_handlers(struct template *t)
{
    uint32_t size = 1;

    while (size < 2 * t->file->count + 1)
        size *= 2;
    t->known_mask = size - 1;
    t->known = calloc(size, sizeof *t->known);
    if (!t->known)
        return false;
    for (uint32_t i = 0; i < t->own + STENCIL_LEAVE; i++)
        if (t->stencils[i].size || t->stencils[i].units)
            *known_entry(t, handler_of(t, i)) =
                (struct known_handler){ handler_of(t, i), (uint16_t)i };
    return true;
}

/* ------------------------------------------------------------------------ file */

static uint64_t stamp_of(const char *isa)
{
    for (const struct stencil_stamp *s = stencil_stamps; s->isa; s++)
        if (!strcmp(s->isa, isa))
            return s->stamp;
    return 0;
}

/* Beside the program, where it is installed, or where tests are built.  NULL: is not
 * there, or not what this program was built with. */
static const void *read_file(const char *isa, uint64_t stamp)
{
    static const char *const where[] = { "", "../lib/rhea/", "../../" };
    const struct stencil_file *file;
    char name[64];
    size_t size;

    for (unsigned i = 0; i < sizeof where / sizeof *where; i++) {
        snprintf(name, sizeof name, "%s%s%s.stencils", where[i], isa,
                 RHEA_TLB ? "-system" : "");
        file = host_map_beside(name, &size);
        if (!file)
            continue;
        if (size > sizeof *file && file->stamp == stamp)
            return file;
        host_unmap((uintptr_t)file, size);
    }
    return NULL;
}

static struct template *template_new(const struct interp *ip)
{
    uint64_t stamp = stamp_of(ip->isa->name);
    const struct stencil_file *file = stamp ? read_file(ip->isa->name, stamp) : NULL;
    struct template *t = file ? calloc(1, sizeof *t) : NULL;

    if (!t)
        return NULL;
    t->file = file;
    t->stencils = (const struct stencil *)(file + 1);
    t->holes = (const struct stencil_hole *)(t->stencils + file->count);
    t->data = (const uint8_t *)(t->holes + file->nholes);
    t->code = t->data + file->data_size;
    t->tables = ip->tables;
    t->own = file->count - STENCIL_OWN;
    return t;
}

void template_load(struct interp *ip)
{
    if (ip->wants_template)
        ip->template = template_new(ip);
    ip->wants_template = false;
}

void template_free(struct template *t)
{
    if (!t)
        return;
    host_code_unmap(&t->memory);
    free(t->known);
    free(t);
}

/* ---------------------------------------------------------------------- memory */

/* The constants come first. */
static void begin_memory(struct template *t)
{
    memcpy(t->memory.write, t->data, t->file->data_size);
    t->used = t->file->data_size;
    t->is_full = false;
}

static size_t memory_size(void)
{
    size_t size = HAS_JIT && jit_options.templates && jit_options.templates < CODE_SIZE
                      ? (size_t)jit_options.templates
                      : CODE_SIZE;

    return size < CODE_LEAST ? CODE_LEAST : size & ~(size_t)(SPARE_CODE - 1);
}

/* For another stencil, and what ends a row. */
static bool has_room(struct template *t)
{
    t->is_full = t->memory.size - t->used <= 2 * SPARE_CODE;
    return !t->is_full;
}

bool template_is_full(const struct template *t)
{
    return t && t->is_full;
}

static bool get_memory(struct template *t)
{
    if (t->memory.write && !t->is_inherited)
        return true;
    if (t->has_failed)
        return false;
    if (t->is_inherited)
        t->has_failed = host_code_unshare(&t->memory, t->used) < 0;
    else
        t->has_failed =
            (!t->known && !know_handlers(t)) ||
            host_code_map(&t->memory, memory_size(), (uintptr_t)helpers[0]) < 0;
    if (t->has_failed)
        return false;
    if (!t->is_inherited)
        begin_memory(t);
    t->is_inherited = false;
    return true;
}

void template_flush(struct template *t)
{
    if (!t || !t->memory.write)
        return;
    host_code_unmap(&t->memory); /* children may use it */
    t->is_inherited = t->is_full = false;
}

void template_forked(struct template *t)
{
    if (t)
        t->is_inherited = t->memory.write != NULL;
}

/* ----------------------------------------------------------------------- holes */

static uint64_t field(const struct op *op, const struct stencil_hole *hole)
{
    const uint8_t *at = (const uint8_t *)op + hole->what;
    uint16_t v16;
    uint32_t v32;

    switch (hole->width) {
    case 8: return *at;
    case 16: memcpy(&v16, at, 2); return v16;
    default: memcpy(&v32, at, 4); return v32;
    }
}

/* The code of `op` is to be at `at` in the memory, behind that of ops from `first` on. */
static uint64_t hole_value(const struct template *t, const struct stencil *stencil,
                           const struct stencil_hole *hole, const struct op *first,
                           const struct op *op, size_t at)
{
    uintptr_t here = (uintptr_t)t->memory.run + at + hole->at;

    switch (hole->kind) {
    case HOLE_UNSIGNED: return field(op, hole);
    case HOLE_SIGNED: return sext64(field(op, hole), hole->width);
    case HOLE_OP: return (uint64_t)((const uint8_t *)op - (const uint8_t *)first);
    case HOLE_NEXT: return stencil->size - hole->at;
    case HOLE_HANDLER: return (uintptr_t)handler_of(t, hole->what) - here;
    case HOLE_HELPER: return helpers[hole->what] - here;
    default: return (uintptr_t)t->memory.run + hole->what - here;
    }
}

static void add_stencil(struct template *t, unsigned number, const struct op *first,
                        const struct op *op)
{
    const struct stencil *stencil = &t->stencils[number];
    const struct stencil_hole *hole = &t->holes[stencil->holes];
    uint8_t *code = t->memory.write + t->used;

    memcpy(code, t->code + stencil->code, stencil->size);
    for (unsigned i = 0; i < stencil->nholes; i++, hole++) {
        uint64_t value = hole_value(t, stencil, hole, first, op, t->used);

        value += (uint64_t)(int64_t)hole->addend;
        memcpy(code + hole->at, &value, hole->size);
    }
    t->used += stencil->size;
}

/* ------------------------------------------------------------------------ rows */

/* The number of the first position behind the op at `unit`. */
static uint32_t position_behind(const struct interp *ip, uint32_t unit)
{
    uint32_t low = 0, high = ip->npositions;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (ip->positions[middle].unit <= unit)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of the first op behind the one at `unit`, which is no group. */
static uint32_t unit_behind(const struct interp *ip, uint32_t unit, uint32_t end)
{
    uint32_t next = position_behind(ip, unit);

    return next < ip->npositions ? ip->positions[next].unit : end;
}

/* The same of one that has a stencil. */
static uint32_t unit_behind_stencil(const struct template *t, const struct interp *ip,
                                    unsigned number, uint32_t unit, uint32_t end)
{
    const struct interp_fused *group =
        &t->tables->fused[number - (t->own - t->tables->nfused)];

    if (t->stencils[number].units)
        return unit + t->stencils[number].units;
    if (number < t->own - t->tables->nfused || number >= t->own)
        return unit_behind(ip, unit, end);
    for (unsigned i = 0; i < group->count; i++)
        unit +=
            ip->isa->variants[t->tables->fused_ops[group->first + i].variant].op_units;
    return unit;
}

/* Where a row of ops that begins at `unit` ends; its code is made. */
static uint32_t make_row(struct template *t, struct interp *ip, uint32_t unit,
                         uint32_t end)
{
    struct op *first = &ip->ops[unit];
    size_t at = t->used + (-t->used & (CODE_ALIGN - 1));
    bool goes_on = true;

    t->used = at;
    while (goes_on && unit < end && has_room(t)) {
        unsigned number = stencil_of(t, ip->ops[unit].fn);

        if (number == NO_STENCIL)
            break;
        add_stencil(t, number, first, &ip->ops[unit]);
        goes_on = t->stencils[number].units != 0;
        unit = unit_behind_stencil(t, ip, number, unit, end);
    }
    if (t->used == at)
        return unit_behind(ip, unit, end);
    if (goes_on)
        add_stencil(t, t->own + STENCIL_LEAVE, first, &ip->ops[unit]);
    __builtin___clear_cache((char *)t->memory.run + at, (char *)t->memory.run + t->used);
    __atomic_store_n(&first->fn, (interp_handler)(uintptr_t)(t->memory.run + at),
                     __ATOMIC_RELEASE);
    if (HAS_JIT)
        told_code(ip, op_position(ip, first).pc, t->memory.run + at, t->used - at);
    return unit;
}

static void make_rows(struct template *t, struct interp *ip, uint32_t first, uint32_t end)
{
    while (first < end && has_room(t))
        first = make_row(t, ip, first, end);
}

/* The same, measured. */
static void make_counted(struct template *t, struct interp *ip, uint32_t first,
                         uint32_t end)
{
    uint64_t start = host_thread_time();

    make_rows(t, ip, first, end);
    t->counts.ns += host_thread_time() - start;
    for (uint32_t i = position_behind(ip, first);
         i < ip->npositions && ip->positions[i].unit < end; i++)
        t->counts.insns += ip->positions[i].ilen != 0;
    t->counts.insns++; /* the first one */
}

void template_make(struct interp *ip, uint32_t first, uint32_t end)
{
    struct template *t = ip->template;

    if (!t || !get_memory(t))
        return;
    if (HAS_JIT && jit_options.stats)
        make_counted(t, ip, first, end);
    else
        make_rows(t, ip, first, end);
}

bool template_has(const struct template *t, interp_handler fn)
{
    return t && t->memory.run &&
           (uintptr_t)fn - (uintptr_t)t->memory.run < t->memory.size;
}

struct template_counts template_counts(const struct template *t)
{
    return t ? t->counts : (struct template_counts){ 0 };
}
