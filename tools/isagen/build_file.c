/* build_file.c - state: files, views and flag groups. */
#include <string.h>

#include "build.h"

static uint16_t stride_of(unsigned width)
{
    return width <= 8    ? 1
           : width <= 16 ? 2
           : width <= 32 ? 4
           : width <= 64 ? 8
                         : (uint16_t)((width + 127) / 128 * 16);
}

/* As a run of names; none is 0. */
static uint32_t names_run(struct build *b, const struct list *list, unsigned count,
                          struct pos pos)
{
    uint32_t first = b->names.count;
    unsigned n = 0;

    if (!list)
        return 0;
    for (; list; list = list->next) {
        if (n == count)
            fail(b->g, list->pos, "E-NAME", "more names than the %u registers", count);
        *VEC(b, names, uint32_t) = text_add(b, list->name);
        n++;
    }
    if (n < count)
        fail(b->g, pos, "E-NAME", "%u names for %u registers", n, count);
    return first;
}

static void add_regnames(struct build *b, uint16_t view, uint32_t names, unsigned count,
                         const struct list *also)
{
    for (unsigned i = 0; names && i < count; i++)
        *VEC(b, regnames, struct isa_regname) =
            (struct isa_regname){ *AT(b, names, uint32_t, names + i), view, (uint16_t)i };
    for (; also; also = also->next) {
        if (also->number >= count)
            fail(b->g, also->pos, "E-NAME", "no register %llu",
                 (unsigned long long)also->number);
        *VEC(b, regnames, struct isa_regname) =
            (struct isa_regname){ text_add(b, also->name), view, (uint16_t)also->number };
    }
}

uint16_t file_new(struct build *b, const char *name, unsigned count, unsigned width,
                  bool zero, bool hidden, struct pos pos)
{
    struct isa_file *f;
    uint32_t at = b->isa.state_size;
    unsigned stride = stride_of(width), align = stride > 16 ? 16 : stride;

    at = (at + align - 1) / align * align;
    if (count == 0 || count > 4096 || width == 0 || width > 65536 ||
        at + (count + 2) * stride > 60000)
        fail(b->g, pos, "E-BUDGET", "%s: state is at most 60000 bytes", name);
    f = VEC(b, files, struct isa_file);
    *f = (struct isa_file){ .name = text_add(b, name),
                            .count = (uint16_t)count,
                            .width = (uint16_t)width,
                            .stride = (uint16_t)stride,
                            .offset = (uint16_t)at,
                            .has_zero = zero,
                            .hidden = hidden };
    b->isa.state_size = at + (count + (zero ? 2 : 0)) * stride;
    return (uint16_t)(b->files.count - 1);
}

static bool file_is_viewed_with_zero(struct build *b, const char *name)
{
    for (uint32_t i = 0; i < b->kinds[I_VIEW].count; i++) {
        const struct item *v = ((struct item **)b->kinds[I_VIEW].items)[i];
        const struct expr *e = v->expr3;

        while (e && (e->kind == E_SLICE || (e->kind == E_CALL && e->nargs == 1)))
            e = e->kind == E_SLICE ? e->a : e->args[0];
        if (v->flag && e && e->kind == E_INDEX && e->a->kind == E_NAME &&
            !strcmp(e->a->name, name))
            return true;
    }
    return false;
}

struct view *view_new(struct build *b, struct isa_view row, struct view info)
{
    info.number = (uint16_t)b->views.count;
    *VEC(b, views, struct isa_view) = row;
    *VEC(b, view_info, struct view) = info;
    return AT(b, view_info, struct view, info.number);
}

void build_file(struct build *b, struct item *item)
{
    unsigned width, count = 1;
    uint16_t file;

    begin_body(b, true);
    if (find_view(b, item->name))
        fail(b->g, item->pos, "E-NAME", "%s is declared twice", item->name);
    width = (unsigned)spec_number(b, item->expr, "a width", 65536);
    if (item->expr2)
        count = (unsigned)spec_number(b, item->expr2, "the number of registers", 4096);
    bool zero = item->flag || file_is_viewed_with_zero(b, item->name);
    file = file_new(b, item->name, count, width, zero, item->flag2, item->pos);
    if (item->flag && item->number >= count)
        fail(b->g, item->pos, "E-NAME", "zero %llu: no such register",
             (unsigned long long)item->number);
    uint32_t names = names_run(b, item->list, count, item->pos);
    AT(b, files, struct isa_file, file)->names = names;
    struct view *v = view_new(
        b,
        (struct isa_view){ .name = text_add(b, item->name),
                           .file = file,
                           .count = (uint16_t)count,
                           .width = (uint16_t)width,
                           .names = names,
                           .zero = item->flag ? (uint16_t)item->number : ISA_NONE },
        (struct view){ .name = item->name, .file = file });
    add_regnames(b, v->number, names, count, item->list2);
}

/* file[i], lo<n>(file[i]), file[i][hi:lo]: a view that is just bits of one element. */
static bool simple_view(struct build *b, const struct item *item, struct view **of,
                        uint16_t *low_bit)
{
    const struct expr *e = item->expr3;

    *low_bit = 0;
    if (e->kind == E_SLICE) {
        *low_bit = (uint16_t)spec_number(b, e->c, "a bit number", 4095);
        e = e->a;
    } else if (e->kind == E_CALL && !strcmp(e->name, "lo") && e->nargs == 1) {
        e = e->args[0];
    }
    if (e->kind != E_INDEX || e->a->kind != E_NAME || e->b->kind != E_NAME ||
        strcmp(e->b->name, item->word))
        return false;
    *of = find_view(b, e->a->name);
    return *of && !(*of)->item;
}

void build_view(struct build *b, struct item *item)
{
    struct isa_view row = { .name = text_add(b, item->name),
                            .file = ISA_NONE,
                            .zero = ISA_NONE };
    struct view info = { .name = item->name, .item = item }, *of = NULL;

    begin_body(b, true);
    if (find_view(b, item->name))
        fail(b->g, item->pos, "E-NAME", "%s is declared twice", item->name);
    row.width = (uint16_t)spec_number(b, item->expr, "a width", 65535);
    info.simple = simple_view(b, item, &of, &row.low_bit) && !item->flag2;
    if (of) {
        row.file = info.simple ? of->file : ISA_NONE;
        info.file = of->file;
        row.count = AT(b, views, struct isa_view, of->number)->count;
        row.names = AT(b, views, struct isa_view, of->number)->names;
    }
    if (item->expr2)
        row.count =
            (uint16_t)spec_number(b, item->expr2, "the number of registers", 4096);
    if (!row.count)
        fail(b->g, item->pos, "E-SYNTAX", "how many? view %s[i: COUNT]", item->name);
    if (item->flag)
        row.zero = (uint16_t)item->number;
    if (item->word2)
        info.policy = !strcmp(item->word2, "zext")  ? POLICY_ZEXT
                      : !strcmp(item->word2, "box") ? POLICY_BOX
                                                    : POLICY_KEEP;
    /* one more may be the register that is always zero */
    unsigned stored = row.count - (item->flag && item->number + 1 == row.count);
    if (info.simple && stored > AT(b, files, struct isa_file, of->file)->count)
        fail(b->g, item->pos, "E-WIDTH", "view %s has more registers than %s", item->name,
             of->name);
    if (info.simple &&
        row.low_bit + row.width > AT(b, files, struct isa_file, of->file)->width)
        fail(b->g, item->pos, "E-WIDTH", "view %s is wider than %s", item->name,
             of->name);
    uint32_t names = names_run(b, item->list, row.count, item->pos);
    if (names)
        row.names = names;
    struct view *v = view_new(b, row, info);
    add_regnames(b, v->number, names, row.count, item->list2);
}

static bool mentions(const struct expr *e, const char *name)
{
    if (!e)
        return false;
    if (e->kind == E_NAME && !strcmp(e->name, name))
        return true;
    for (unsigned i = 0; i < e->nargs; i++)
        if (mentions(e->args[i], name))
            return true;
    return mentions(e->a, name) || mentions(e->b, name) || mentions(e->c, name);
}

/* Bodies that reach a computed view from outside (names in examples, gdb). */
void build_view_bodies(struct build *b, uint32_t i)
{
    struct view *v = AT(b, view_info, struct view, i);
    struct isa_view *row = AT(b, views, struct isa_view, i);
    struct place *p;
    uint16_t node;

    if (row->file != ISA_NONE || mentions(v->item->expr3, "pc"))
        return; /* with pc in it, it is for operands only */
    begin_body(b, false);
    p = place_new(b, P_VIEW, row->width, v->item->pos);
    p->number = (uint16_t)i;
    p->index = val_run(emit(b, S_ARG, 16, 0, ISA_NONE, ISA_NONE), 16);
    node = val_node(b, place_get(b, p), row->width, v->item->pos);
    if (node != b->l->nnodes - 1)
        emit(b, S_ZEXT, row->width, node, ISA_NONE, ISA_NONE);
    struct sem_body get = body_finish(b);
    begin_body(b, false);
    p->index = val_run(emit(b, S_ARG, 16, 0, ISA_NONE, ISA_NONE), 16);
    node = emit(b, S_ARG, row->width, 1, ISA_NONE, ISA_NONE);
    place_put(b, p, val_run(node, row->width), v->item->pos);
    struct isa_view_bodies bodies = { get, body_finish(b) };
    AT(b, views, struct isa_view, i)->computed =
        (uint16_t)RUN(b, view_bodies, &bodies, 1);
}

void build_flags(struct build *b, struct item *item)
{
    struct isa_flags f = { .name = text_add(b, item->name) };
    unsigned n = 0;

    for (const struct list *l = item->list; l; l = l->next)
        n++;
    if (n == 0 || n > 16)
        fail(b->g, item->pos, "E-BUDGET", "a group has 1 to 16 flags");
    f.names = b->names.count;
    for (const struct list *l = item->list; l; l = l->next)
        *VEC(b, names, uint32_t) = text_add(b, l->name);
    f.count = (uint8_t)n;
    f.bits_file = file_new(b, item->name, n, 1, false, true, item->pos);
    f.kind_file = file_new(b, arena_printf(&b->g->arena, "%s kind", item->name), 1, 32,
                           false, true, item->pos);
    f.args_file = file_new(b, arena_printf(&b->g->arena, "%s args", item->name), 3, 64,
                           false, true, item->pos);
    AT(b, files, struct isa_file, f.bits_file)->names = f.names;
    *VEC(b, flags, struct isa_flags) = f;
    *VEC(b, flags_items, struct item *) = item;
}
