/* state.c - guest CPUs: made, copied, compared, and their registers by name. */
#include "isa/state.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/eval.h"
#include "isa/sem.h"

_Static_assert(sizeof(struct cpu) <= CPU_STATE,
               "the head of struct cpu has outgrown CPU_STATE");

static size_t cpu_bytes(const struct isa *isa)
{
    return (CPU_STATE + (size_t)isa->state_size + 63) / 64 * 64;
}

static struct cpu *cpu_alloc(const struct isa *isa)
{
    struct cpu *cpu = aligned_alloc(64, cpu_bytes(isa));

    if (!cpu)
        die("out of memory");
    memset(cpu, 0, cpu_bytes(isa));
    return cpu;
}

struct cpu *cpu_new(const struct isa *isa, const char *model)
{
    struct isa_features features;
    struct cpu *cpu;

    if (isa_features_parse(isa, model, &features, NULL))
        return NULL;
    cpu = cpu_alloc(isa);
    cpu->isa = isa;
    cpu->features = features;
    cpu->npc = isa->min_ilen;
    cpu->reserved_addr = UINT64_MAX;
    cpu->skip_stop = UINT64_MAX;
    cpu->mode = eval_mode(cpu);
    return cpu;
}

struct cpu *cpu_clone(const struct cpu *cpu)
{
    struct cpu *copy = cpu_alloc(cpu->isa);

    memcpy(copy, cpu, cpu_bytes(cpu->isa));
    copy->op = NULL;
    copy->engine = NULL;
    copy->kick = 0;
    return copy;
}

void cpu_free(struct cpu *cpu)
{
    free(cpu);
}

/* ------------------------------------------------------------------ elements */

/* Unit `unit` of 64 bits of an element (all of one that is narrower). */
static uint64_t load_unit(const uint8_t *at, unsigned stride, unsigned unit)
{
    uint32_t word;
    uint16_t half;
    uint64_t whole;

    switch (stride) {
    case 1: return unit ? 0 : *at;
    case 2: memcpy(&half, at, 2); return unit ? 0 : half;
    case 4: memcpy(&word, at, 4); return unit ? 0 : word;
    default:
        if (unit * 8 >= stride)
            return 0;
        memcpy(&whole, at + unit * 8, 8);
        return whole;
    }
}

static void store_unit(uint8_t *at, unsigned stride, unsigned unit, uint64_t value)
{
    uint32_t word = (uint32_t)value;
    uint16_t half = (uint16_t)value;

    switch (stride) {
    case 1: *at = (uint8_t)value; break;
    case 2: memcpy(at, &half, 2); break;
    case 4: memcpy(at, &word, 4); break;
    default:
        if (unit * 8 < stride)
            memcpy(at + unit * 8, &value, 8);
    }
}

static size_t element_offset(const struct isa *isa, unsigned file, unsigned element)
{
    const struct isa_file *f = &isa->files[file];

    if (element >= f->count + (f->has_zero ? 2u : 0u))
        bug("%s has no element %u", isa_string(isa, f->name), element);
    return CPU_STATE + f->offset + (size_t)element * f->stride;
}

struct fp128 state_get(const struct cpu *cpu, unsigned file, unsigned element,
                       unsigned low, unsigned width)
{
    const uint8_t *at = (const uint8_t *)cpu + element_offset(cpu->isa, file, element);
    unsigned stride = cpu->isa->files[file].stride, unit = low / 64, shift = low % 64;
    uint64_t a = load_unit(at, stride, unit), b = 0, c = 0;

    if (shift + width > 64)
        b = load_unit(at, stride, unit + 1);
    if (shift + width > 128)
        c = load_unit(at, stride, unit + 2);
    if (shift) {
        a = a >> shift | b << (64 - shift);
        b = b >> shift | c << (64 - shift);
    }
    return value_mask(u128(b, a), width);
}

void state_put(struct cpu *cpu, unsigned file, unsigned element, unsigned low,
               unsigned width, struct fp128 value)
{
    uint8_t *at = (uint8_t *)cpu + element_offset(cpu->isa, file, element);
    unsigned stride = cpu->isa->files[file].stride;

    for (unsigned done = 0, here; done < width; done += here) {
        unsigned unit = (low + done) / 64, shift = (low + done) % 64;
        uint64_t part = u128_shr(value, done).lo, mask, old;

        here = 64 - shift < width - done ? 64 - shift : width - done;
        mask = mask64(here) << shift;
        old = load_unit(at, stride, unit);
        store_unit(at, stride, unit, (old & ~mask) | (part << shift & mask));
    }
}

struct fp128 view_get(struct cpu *cpu, unsigned number, unsigned index, unsigned width)
{
    const struct isa_view *view = &cpu->isa->views[number];
    struct fp128 arg = u128(0, index);

    if (index == view->zero)
        return u128(0, 0);
    if (view->file == ISA_NONE)
        return value_mask(
            eval_state_body(cpu, cpu->isa->view_bodies[view->computed].get, &arg), width);
    return state_get(cpu, view->file, index, view->low_bit, width);
}

void view_put(struct cpu *cpu, unsigned number, unsigned index, unsigned width,
              struct fp128 value)
{
    const struct isa_view *view = &cpu->isa->views[number];
    struct fp128 args[2] = { u128(0, index), value };

    if (index == view->zero)
        return;
    if (view->file == ISA_NONE)
        eval_state_body(cpu, cpu->isa->view_bodies[view->computed].put, args);
    else
        state_put(cpu, view->file, index, view->low_bit, width, value);
}

/* --------------------------------------------------------------------- flags */

/* The flagfn whose flags of `group` are still to be computed, or NULL. */
static const struct isa_flagfn *pending(const struct cpu *cpu, unsigned group)
{
    const struct isa_flags *flags = &cpu->isa->flags[group];
    uint64_t kind;

    if (flags->kind_file == ISA_NONE)
        return NULL;
    kind = state_get(cpu, flags->kind_file, 0, 0, cpu->isa->files[flags->kind_file].width)
               .lo;
    return kind ? &cpu->isa->flagfns[kind - 1] : NULL;
}

static unsigned stored_flag(const struct cpu *cpu, unsigned group, unsigned flag)
{
    return (unsigned)state_get(cpu, cpu->isa->flags[group].bits_file, flag, 0, 1).lo;
}

/* Flags of a pending flagfn as bits; others from the settled ones. */
static uint32_t all_flags(const struct cpu *cpu, unsigned group)
{
    const struct isa_flags *flags = &cpu->isa->flags[group];
    const struct isa_flagfn *fn = pending(cpu, group);
    struct fp128 args[3];
    uint32_t bits = 0;

    if (fn)
        for (unsigned i = 0; i < fn->args; i++)
            args[i] = state_get(cpu, flags->args_file, i, 0, fn->arg_w[i]);
    for (unsigned k = 0; k < flags->count; k++) {
        bool is_lazy = fn && fn->sets >> k & 1;
        uint64_t bit = is_lazy ? sem_value(cpu->isa, fn->flag[k], NULL, args)
                               : stored_flag(cpu, group, k);

        bits |= (uint32_t)(bit & 1) << k;
    }
    return bits;
}

static void store_flags(struct cpu *cpu, unsigned group, uint32_t bits)
{
    const struct isa_flags *flags = &cpu->isa->flags[group];

    for (unsigned k = 0; k < flags->count; k++)
        state_put(cpu, flags->bits_file, k, 0, 1, u128(0, bits >> k & 1));
    if (flags->kind_file != ISA_NONE)
        state_put(cpu, flags->kind_file, 0, 0, cpu->isa->files[flags->kind_file].width,
                  u128(0, 0));
}

unsigned flags_get(const struct cpu *cpu, unsigned group, unsigned flag)
{
    const struct isa_flagfn *fn = pending(cpu, group);

    if (!fn || !(fn->sets >> flag & 1))
        return stored_flag(cpu, group, flag);
    return all_flags(cpu, group) >> flag & 1;
}

void flags_put(struct cpu *cpu, unsigned group, unsigned flag, unsigned value)
{
    flags_settle(cpu, group);
    state_put(cpu, cpu->isa->flags[group].bits_file, flag, 0, 1, u128(0, value & 1));
}

void flags_set(struct cpu *cpu, unsigned number, const struct fp128 args[3])
{
    const struct isa_flagfn *fn = &cpu->isa->flagfns[number];
    uint32_t bits = all_flags(cpu, fn->group);

    for (unsigned k = 0; k < cpu->isa->flags[fn->group].count; k++)
        if (fn->sets >> k & 1) {
            bits &= ~(UINT32_C(1) << k);
            bits |= (uint32_t)(sem_value(cpu->isa, fn->flag[k], NULL, args) & 1) << k;
        }
    store_flags(cpu, fn->group, bits);
}

void flags_settle(struct cpu *cpu, unsigned group)
{
    if (pending(cpu, group))
        store_flags(cpu, group, all_flags(cpu, group));
}

/* ------------------------------------------------------------------- by name */

static int find_flag(const struct isa *isa, const char *name, struct isa_reg *reg)
{
    for (unsigned g = 0; g < isa->nflags; g++) {
        const struct isa_flags *flags = &isa->flags[g];
        const char *group = isa_string(isa, flags->name);
        size_t length = strlen(group);

        if (strncmp(name, group, length) || name[length] != '.')
            continue;
        for (unsigned k = 0; k < flags->count; k++)
            if (!strcmp(name + length + 1, isa_name(isa, flags->names, k))) {
                *reg = (struct isa_reg){ ISA_NONE, (uint16_t)k, (uint16_t)g };
                return 0;
            }
    }
    return -1;
}

/* "x10", or "fcsr" of a view with one element. */
static bool is_numbered(const char *name, const char *stem, unsigned count,
                        unsigned *index)
{
    size_t length = strlen(stem);
    char *end;
    unsigned long number;

    if (strncmp(name, stem, length))
        return false;
    *index = 0;
    if (!name[length])
        return count == 1;
    if (!isdigit((unsigned char)name[length]))
        return false;
    number = strtoul(name + length, &end, 10);
    *index = (unsigned)number;
    return !*end && number < count;
}

/* Most names differ in the first letter. */
static bool is_same(const char *a, const char *b)
{
    return a[0] == b[0] && (!a[0] || (a[1] == b[1] && !strcmp(a, b)));
}

int isa_find_reg(const struct isa *isa, const char *name, struct isa_reg *reg)
{
    unsigned index;

    for (unsigned i = 0; i < isa->nregnames; i++)
        if (is_same(name, isa_string(isa, isa->regnames[i].name))) {
            *reg = (struct isa_reg){ isa->regnames[i].view, isa->regnames[i].index,
                                     ISA_NONE };
            return 0;
        }
    for (unsigned v = 0; v < isa->nviews; v++) {
        const struct isa_view *view = &isa->views[v];

        if (is_numbered(name, isa_string(isa, view->name), view->count, &index)) {
            *reg = (struct isa_reg){ (uint16_t)v, (uint16_t)index, ISA_NONE };
            return 0;
        }
        for (unsigned i = 0; view->names && i < view->count; i++)
            if (!strcmp(name, isa_name(isa, view->names, i))) {
                *reg = (struct isa_reg){ (uint16_t)v, (uint16_t)i, ISA_NONE };
                return 0;
            }
    }
    if (!strcmp(name, "pc")) {
        *reg = (struct isa_reg){ ISA_NONE, 0, ISA_NONE };
        return 0;
    }
    return find_flag(isa, name, reg);
}

uint64_t cpu_get_unit(struct cpu *cpu, struct isa_reg reg, unsigned unit)
{
    const struct isa_view *view;
    unsigned width;

    if (reg.group != ISA_NONE)
        return unit ? 0 : flags_get(cpu, reg.group, reg.index);
    if (reg.view == ISA_NONE)
        return unit ? 0 : cpu->pc;
    view = &cpu->isa->views[reg.view];
    if (reg.index == view->zero || unit * 64 >= view->width)
        return 0;
    width = view->width - unit * 64;
    if (view->file == ISA_NONE) {
        struct fp128 whole = view_get(cpu, reg.view, reg.index, view->width);

        return unit == 0 ? whole.lo : unit == 1 ? whole.hi : 0;
    }
    return state_get(cpu, view->file, reg.index, view->low_bit + unit * 64,
                     width > 64 ? 64 : width)
        .lo;
}

void cpu_put_unit(struct cpu *cpu, struct isa_reg reg, unsigned unit, uint64_t value)
{
    const struct isa_view *view;
    unsigned width;

    if (reg.group != ISA_NONE) {
        if (!unit)
            flags_put(cpu, reg.group, reg.index, value & 1);
        return;
    }
    if (reg.view == ISA_NONE) {
        if (unit)
            return;
        cpu->pc = value & mask64(cpu->isa->pc_width);
        cpu->npc = (cpu->pc + cpu->isa->min_ilen) & mask64(cpu->isa->pc_width);
        return;
    }
    view = &cpu->isa->views[reg.view];
    if (reg.index == view->zero || unit * 64 >= view->width)
        return;
    width = view->width - unit * 64;
    if (view->file == ISA_NONE) {
        struct fp128 whole = view_get(cpu, reg.view, reg.index, view->width);

        whole = unit ? u128(value, whole.lo) : u128(whole.hi, value);
        view_put(cpu, reg.view, reg.index, view->width, value_mask(whole, view->width));
        return;
    }
    state_put(cpu, view->file, reg.index, view->low_bit + unit * 64,
              width > 64 ? 64 : width, u128(0, value));
}

/* Where a register is kept as it is: 64 bits wide, and nothing else.  NULL: elsewhere.
 * A system call reads seven of them. */
static uint8_t *plain_register(struct cpu *cpu, struct isa_reg reg)
{
    const struct isa_view *view;
    const struct isa_file *file;

    if (reg.group != ISA_NONE || reg.view == ISA_NONE)
        return NULL;
    view = &cpu->isa->views[reg.view];
    if (view->file == ISA_NONE || view->width != 64 || view->low_bit ||
        reg.index == view->zero)
        return NULL;
    file = &cpu->isa->files[view->file];
    if (file->stride != 8 || reg.index >= file->count)
        return NULL;
    return (uint8_t *)cpu + CPU_STATE + file->offset + (size_t)reg.index * 8;
}

uint64_t cpu_get(struct cpu *cpu, struct isa_reg reg)
{
    const uint8_t *at = plain_register(cpu, reg);

    return at ? load_unit(at, 8, 0) : cpu_get_unit(cpu, reg, 0);
}

void cpu_put(struct cpu *cpu, struct isa_reg reg, uint64_t value)
{
    uint8_t *at = plain_register(cpu, reg);

    if (at)
        store_unit(at, 8, 0, value);
    else
        cpu_put_unit(cpu, reg, 0, value);
}

/* ------------------------------------------------------------------- compare */

const char *file_element_name(const struct isa *isa, unsigned file, unsigned element,
                              char *text, size_t size)
{
    const struct isa_file *f = &isa->files[file];

    if (f->names && element < f->count)
        return isa_name(isa, f->names, element);
    if (f->count == 1)
        return isa_string(isa, f->name);
    snprintf(text, size, "%s%u", isa_string(isa, f->name), element);
    return text;
}

static bool holds_flags(const struct isa *isa, unsigned file)
{
    for (unsigned g = 0; g < isa->nflags; g++)
        if (file == isa->flags[g].bits_file || file == isa->flags[g].kind_file ||
            file == isa->flags[g].args_file)
            return true;
    return false;
}

/* As cpu_differences() calls it. */
typedef int each_difference(void *context, const char *name, unsigned high, uint64_t in_a,
                            uint64_t in_b);

static int compare_file(const struct cpu *a, const struct cpu *b, unsigned file,
                        each_difference *each, void *context)
{
    const struct isa_file *f = &a->isa->files[file];
    char name[64];
    int stop = 0;

    for (unsigned i = 0; i < f->count && !stop; i++)
        for (unsigned low = 0; low < f->width && !stop; low += 64) {
            unsigned width = f->width - low < 64 ? f->width - low : 64;
            uint64_t va = state_get(a, file, i, low, width).lo;
            uint64_t vb = state_get(b, file, i, low, width).lo;

            if (va != vb)
                stop =
                    each(context, file_element_name(a->isa, file, i, name, sizeof(name)),
                         low, va, vb);
        }
    return stop;
}

static int compare_flags(const struct cpu *a, const struct cpu *b, unsigned group,
                         each_difference *each, void *context)
{
    const struct isa_flags *flags = &a->isa->flags[group];
    uint32_t bits_a = all_flags(a, group), bits_b = all_flags(b, group);
    char name[64];
    int stop = 0;

    for (unsigned k = 0; k < flags->count && !stop; k++)
        if ((bits_a ^ bits_b) >> k & 1) {
            snprintf(name, sizeof(name), "%s.%s", isa_string(a->isa, flags->name),
                     isa_name(a->isa, flags->names, k));
            stop = each(context, name, 0, bits_a >> k & 1, bits_b >> k & 1);
        }
    return stop;
}

int cpu_differences(const struct cpu *a, const struct cpu *b, each_difference *each,
                    void *context)
{
    const struct isa *isa = a->isa;
    int stop = 0;

    if (a->pc != b->pc)
        stop = each(context, "pc", 0, a->pc, b->pc);
    if (!stop && isa->delay && a->npc != b->npc)
        stop = each(context, "npc", 0, a->npc, b->npc);
    for (unsigned file = 0; file < isa->nfiles && !stop; file++)
        if (!isa->files[file].hidden && !holds_flags(isa, file))
            stop = compare_file(a, b, file, each, context);
    for (unsigned group = 0; group < isa->nflags && !stop; group++)
        stop = compare_flags(a, b, group, each, context);
    return stop;
}

struct difference_text {
    char *text;
    size_t size;
};

static int first_difference(void *context, const char *name, unsigned high, uint64_t in_a,
                            uint64_t in_b)
{
    struct difference_text *to = context;

    snprintf(to->text, to->size,
             in_a < 2 && in_b < 2 ? "%s%s is %" PRIu64 " and %" PRIu64
                                  : "%s%s is 0x%" PRIx64 " and 0x%" PRIx64,
             name, high ? " (high part)" : "", in_a, in_b);
    return -1;
}

int cpu_compare(const struct cpu *a, const struct cpu *b, char *text, size_t size)
{
    struct difference_text to = { text, size };

    return cpu_differences(a, b, first_difference, &to);
}
