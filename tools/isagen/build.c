/* build.c - state and everything around instructions: files, views, modes, traps, models.
 */
#include <string.h>

#include "build.h"
#include "isa/fp/fp.h"

void begin_body(struct build *b, bool decode_only)
{
    b->l = arena_alloc(&b->g->arena, sizeof *b->l);
    b->l->decode_only = decode_only;
}

struct item *find_item(struct build *b, enum item_kind kind, const char *name)
{
    const struct vec *v = &b->kinds[kind];

    for (uint32_t i = 0; i < v->count; i++) {
        struct item *item = ((struct item **)v->items)[i];

        if (!name || (item->name && !strcmp(item->name, name)))
            return item;
    }
    return NULL;
}

int find_named(struct build *b, struct vec *v, const char *name)
{
    (void)b;
    for (uint32_t i = 0; i < v->count; i++)
        if (!strcmp(((struct item **)v->items)[i]->name, name))
            return (int)i;
    return -1;
}

struct view *find_view(struct build *b, const char *name)
{
    for (uint32_t i = 0; i < b->view_info.count; i++)
        if (!strcmp(AT(b, view_info, struct view, i)->name, name))
            return AT(b, view_info, struct view, i);
    return NULL;
}

int find_flag(struct build *b, const char *group, const char *flag, uint16_t *out)
{
    for (uint32_t i = 0; i < b->flags.count; i++) {
        const struct isa_flags *f = AT(b, flags, struct isa_flags, i);

        if (group && strcmp(f->name, group))
            continue;
        for (int k = 0; k < f->count; k++)
            if (!strcmp(f->names[k], flag)) {
                *out = (uint16_t)i;
                return k;
            }
    }
    return -1;
}

int find_feature(struct build *b, const char *name)
{
    for (uint32_t i = 0; i < b->features.count; i++)
        if (!strcmp(*AT(b, features, const char *, i), name))
            return (int)i;
    return -1;
}

/* -------------------------------------------------------------------- features */

struct product { /* features that must be on, or off */
    uint16_t all[32];
    unsigned count;
};

static void products(struct build *b, const struct expr *e, bool not_,
                     struct product *out, unsigned *n, unsigned room)
{
    struct product left[16], right[16];
    unsigned nl = 0, nr = 0;

    if (e->kind == E_UNARY && e->op == '!') {
        products(b, e->a, !not_, out, n, room);
    } else if (e->kind == E_BINARY && (e->op == T_ANDAND || e->op == T_OROR)) {
        products(b, e->a, not_, left, &nl, 16);
        products(b, e->b, not_, right, &nr, 16);
        if ((e->op == T_OROR) != not_) {
            for (unsigned i = 0; i < nl && *n < room; i++)
                out[(*n)++] = left[i];
            for (unsigned i = 0; i < nr && *n < room; i++)
                out[(*n)++] = right[i];
        } else {
            for (unsigned i = 0; i < nl; i++)
                for (unsigned k = 0; k < nr; k++) {
                    struct product p = left[i];

                    for (unsigned m = 0; m < right[k].count && p.count < 32; m++)
                        p.all[p.count++] = right[k].all[m];
                    if (*n < room)
                        out[(*n)++] = p;
                }
        }
        if (*n >= room)
            fail(b->g, e->pos, "E-BUDGET", "condition on features is too complicated");
    } else if (e->kind == E_NAME) {
        int f = find_feature(b, e->name);

        if (f < 0)
            fail(b->g, e->pos, "E-NAME", "no feature %s is declared", e->name);
        out[(*n)++] = (struct product){ { (uint16_t)(f | (not_ ? 0x8000 : 0)) }, 1 };
    } else {
        fail(b->g, e->pos, "E-TYPE", "needs takes features with &&, || and !");
    }
}

uint16_t feature_set(struct build *b, const struct expr *e)
{
    struct product p[16];
    unsigned n = 0;
    uint32_t first = b->feature_sets.count;

    if (!e)
        return ISA_NONE;
    products(b, e, false, p, &n, 16);
    for (unsigned i = 0; i < n; i++) {
        uint16_t *all =
            arena_array(&b->g->arena, p[i].count ? p[i].count : 1, sizeof *all);

        memcpy(all, p[i].all, p[i].count * sizeof *all);
        *VEC(b, feature_sets, struct isa_feature_set) =
            (struct isa_feature_set){ (uint16_t)p[i].count, all, i + 1 < n };
    }
    return (uint16_t)first;
}

static void build_model(struct build *b, const struct item *item)
{
    struct isa_model *m;
    uint16_t *list;
    unsigned n = 0;

    if (item->word && b->target && strcmp(item->word, b->target->name))
        return;
    for (const struct list *l = item->list; l; l = l->next)
        n++;
    list = arena_array(&b->g->arena, n ? n : 1, sizeof *list);
    n = 0;
    for (const struct list *l = item->list; l; l = l->next) {
        int f = find_feature(b, l->name);

        if (f < 0)
            fail(b->g, l->pos, "E-NAME", "no feature %s is declared", l->name);
        list[n++] = (uint16_t)f;
    }
    m = VEC(b, models, struct isa_model);
    *m = (struct isa_model){ item->name, list, (uint16_t)n };
}

/* ----------------------------------------------------------------------- state */

static uint16_t stride_of(unsigned width)
{
    return width <= 8    ? 1
           : width <= 16 ? 2
           : width <= 32 ? 4
           : width <= 64 ? 8
                         : (uint16_t)((width + 127) / 128 * 16);
}

static const char *const *names_array(struct build *b, const struct list *list,
                                      unsigned count, struct pos pos)
{
    const char **names;
    unsigned n = 0;

    if (!list)
        return NULL;
    names = arena_array(&b->g->arena, count, sizeof *names);
    for (; list; list = list->next) {
        if (n == count)
            fail(b->g, list->pos, "E-NAME", "more names than the %u registers", count);
        names[n++] = list->name;
    }
    if (n < count)
        fail(b->g, pos, "E-NAME", "%u names for %u registers", n, count);
    return names;
}

static void add_regnames(struct build *b, uint16_t view, const char *const *names,
                         unsigned count, const struct list *also)
{
    for (unsigned i = 0; names && i < count; i++)
        *VEC(b, regnames, struct isa_regname) =
            (struct isa_regname){ names[i], view, (uint16_t)i };
    for (; also; also = also->next) {
        if (also->number >= count)
            fail(b->g, also->pos, "E-NAME", "no register %llu",
                 (unsigned long long)also->number);
        *VEC(b, regnames, struct isa_regname) =
            (struct isa_regname){ also->name, view, (uint16_t)also->number };
    }
}

static uint16_t file_new(struct build *b, const char *name, unsigned count,
                         unsigned width, bool zero, bool hidden, struct pos pos)
{
    struct isa_file *f;
    uint32_t at = b->isa.state_size;
    unsigned stride = stride_of(width), align = stride > 16 ? 16 : stride;

    at = (at + align - 1) / align * align;
    if (count == 0 || count > 4096 || width == 0 || width > 65536 ||
        at + (count + 2) * stride > 60000)
        fail(b->g, pos, "E-BUDGET", "%s: state is at most 60000 bytes", name);
    f = VEC(b, files, struct isa_file);
    *f = (struct isa_file){ .name = name,
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

static struct view *view_new(struct build *b, struct isa_view row, struct view info)
{
    info.number = (uint16_t)b->views.count;
    *VEC(b, views, struct isa_view) = row;
    *VEC(b, view_info, struct view) = info;
    return AT(b, view_info, struct view, info.number);
}

static void build_file(struct build *b, struct item *item)
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
    const char *const *names = names_array(b, item->list, count, item->pos);
    AT(b, files, struct isa_file, file)->names = names;
    struct view *v = view_new(
        b,
        (struct isa_view){ .name = item->name,
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

static void build_view(struct build *b, struct item *item)
{
    struct isa_view row = { .name = item->name, .file = ISA_NONE, .zero = ISA_NONE };
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
    const char *const *names = names_array(b, item->list, row.count, item->pos);
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
static void build_view_bodies(struct build *b, uint32_t i)
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
    row = AT(b, views, struct isa_view, i);
    row->get = get;
    row->put = body_finish(b);
}

static void build_flags(struct build *b, struct item *item)
{
    struct isa_flags f = { .name = item->name };
    unsigned n = 0;
    const char **names;

    for (const struct list *l = item->list; l; l = l->next)
        n++;
    if (n == 0 || n > 16)
        fail(b->g, item->pos, "E-BUDGET", "a group has 1 to 16 flags");
    names = arena_array(&b->g->arena, n, sizeof *names);
    n = 0;
    for (const struct list *l = item->list; l; l = l->next)
        names[n++] = l->name;
    f.names = names;
    f.count = (uint8_t)n;
    f.bits_file = file_new(b, item->name, n, 1, false, true, item->pos);
    f.kind_file = file_new(b, arena_printf(&b->g->arena, "%s kind", item->name), 1, 32,
                           false, true, item->pos);
    f.args_file = file_new(b, arena_printf(&b->g->arena, "%s args", item->name), 3, 64,
                           false, true, item->pos);
    AT(b, files, struct isa_file, f.bits_file)->names = names;
    *VEC(b, flags, struct isa_flags) = f;
    *VEC(b, flags_items, struct item *) = item;
}

/* ------------------------------------------------------------------ around state */

static void build_trap(struct build *b, struct item *item)
{
    *VEC(b, traps, struct isa_trap) = (struct isa_trap){ item->name, item->number };
    *VEC(b, trap_items, struct item *) = item;
}

static void check_effect_name(struct build *b, const struct list *l)
{
    static const char *const names[] = { "pure",     "nondet", "ends_block",
                                         "may_trap", "reads",  "writes" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], l->name)) {
            if ((i >= 4) != !!l->expr)
                fail(b->g, l->pos, "E-SYNTAX", i >= 4 ? "%s of what? %s(a, b)" : "%s",
                     l->name, l->name);
            return;
        }
    fail(b->g, l->pos, "E-EFFECT",
         "effects are pure, nondet, ends_block, may_trap, reads(..) and writes(..)");
}

static void build_helper(struct build *b, struct item *item)
{
    struct isa_helper h = { .name = item->name };
    unsigned w = 0, n = 0;
    bool pure = false, other = false;

    if (strcmp(item->word, "void") && sscanf(item->word, "b%u", &w) != 1)
        fail(b->g, item->pos, "E-TYPE", "a helper's result is void or bN");
    for (const struct list *l = item->list; l; l = l->next)
        n++;
    if (w > 64 || n > 8)
        fail(b->g, item->pos, "E-BUDGET",
             "helpers take 8 arguments and give 64 bits at most");
    h.result_w = (uint16_t)w;
    h.args = (uint8_t)n;
    for (const struct list *l = item->list2; l; l = l->next) {
        h.ends_block |= !strcmp(l->name, "ends_block");
        h.may_trap |= !strcmp(l->name, "may_trap");
        h.nondet |= !strcmp(l->name, "nondet");
        pure |= !strcmp(l->name, "pure");
        check_effect_name(b, l);
        other |= strcmp(l->name, "pure") && strcmp(l->name, "reads");
    }
    if (pure && other)
        fail(b->g, item->pos, "E-EFFECT", "helper %s is pure, and has other effects",
             item->name);
    *VEC(b, helpers, struct isa_helper) = h;
    *VEC(b, helper_items, struct item *) = item;
}

/* The nodes lowered so far with `v` as the last one's value. */
static struct sem_body value_body(struct build *b, struct val v, unsigned w,
                                  struct pos pos)
{
    uint16_t node = val_node(b, adopt(b, v, w, pos), w, pos);

    if (node != b->l->nnodes - 1)
        emit(b, S_ZEXT, w, node, ISA_NONE, ISA_NONE);
    return body_finish(b);
}

static void build_mode(struct build *b, struct item *item, uint32_t i)
{
    struct isa_mode *m;
    unsigned at = b->mode_bits;

    if (item->number < 1 || at + item->number > 64)
        fail(b->g, item->pos, "E-BUDGET", "modes have 64 bits in all");
    b->mode_bits = (uint16_t)(b->mode_bits + item->number);
    begin_body(b, false);
    b->l->reads = b->mode_inputs;
    struct sem_body body =
        value_body(b, lower_expr(b, item->expr, (unsigned)item->number),
                   (unsigned)item->number, item->pos);
    m = AT(b, modes, struct isa_mode, i);
    *m = (struct isa_mode){ item->name, (uint8_t)at, (uint8_t)item->number, item->flag,
                            body };
}

/* clang-format off */
static const struct { const char *name; uint32_t rules; } rules[] = {
    { "RISCV", FP_RULES_RISCV }, { "ARM", FP_RULES_ARM }, { "ARM_DN", FP_RULES_ARM_DN },
    { "SSE", FP_RULES_SSE }, { "X87", FP_RULES_X87 }, { "POWER", FP_RULES_POWER },
    { "SPARC", FP_RULES_SPARC }, { "MIPS", FP_RULES_MIPS }, { "MIPS2008", FP_RULES_MIPS2008 },
    { "S390", FP_RULES_S390 }, { "M68K", FP_RULES_M68K },
};
static const char *const fp_flags[] = { "nx", "uf", "of", "dz", "nv", "id", "up" };
/* clang-format on */

static const char *const fp_causes[] = { "vxsnan", "vxisi", "vxidi",  "vxzdz",
                                         "vximz",  "vxvc",  "vxsqrt", "vxcvi" };

static unsigned fp_bit(struct build *b, const struct list *l, const char *const *names,
                       unsigned n, const char *what, unsigned width)
{
    if (l->number >= width || l->number > 62)
        fail(b->g, l->pos, "E-WIDTH", "bit %llu of %u", (unsigned long long)l->number,
             width);
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(names[i], l->name))
            return i;
    fail(b->g, l->pos, "E-NAME", "%s", what);
}

/* Where the flags of an operation go. */
static void fpenv_bits(struct build *b, const struct item *item, struct isa_fpenv *env,
                       unsigned width)
{
    static const char what[] = "FP flags are nx uf of dz nv id up";

    for (const struct list *l = item->list; l; l = l->next)
        env->bit[fp_bit(b, l, fp_flags, 7, what, width)] = (uint8_t)l->number;
    for (const struct list *l = item->list2; l; l = l->next)
        env->each[fp_bit(b, l, fp_flags, 7, what, width)] = (uint8_t)(l->number + 1);
    for (const struct list *l = item->list3; l; l = l->next)
        env->cause[fp_bit(b, l, fp_causes, 8,
                          "causes are vxsnan vxisi vxidi vxzdz vximz vxvc vxsqrt vxcvi",
                          width)] = (uint8_t)(l->number + 1);
}

static void build_fpenv(struct build *b, struct item *item)
{
    struct isa_fpenv env = { .name = item->name, .file = ISA_NONE };
    bool found = false;

    memset(env.bit, 0xff, sizeof env.bit);
    for (size_t i = 0; item->word && i < sizeof rules / sizeof *rules; i++)
        if (!strcmp(rules[i].name, item->word)) {
            env.rules = rules[i].rules;
            found = true;
        }
    if (!found)
        fail(b->g, item->pos, "E-FPENV", "fpenv %s needs `rules NAME;` of fp.h",
             item->name);
    begin_body(b, false);
    if (item->expr3) {
        struct place *p = place_of(b, item->expr3, true);
        const struct view *v = AT(b, view_info, struct view, p->number);

        if (p->kind != P_VIEW || v->item || p->index.time != SPEC)
            fail(b->g, item->expr3->pos, "E-FPENV", "flags are kept in one register");
        env.file = v->file;
        env.index = (uint16_t)p->index.lo;
        fpenv_bits(b, item, &env, p->w);
    }
    if (item->expr2) {
        begin_body(b, false);
        bind_name(b, "FP_DAZ", val_bits(FP_DAZ, 32));
        bind_name(b, "FP_FTZ", val_bits(FP_FTZ, 32));
        bind_name(b, "FP_NAN_ARM", val_bits(FP_NAN_ARM, 32));
        bind_name(b, "FP_RULES_ARM_FZ", val_bits(FP_RULES_ARM_FZ, 32));
        bind_name(b, "FP_RULES_SSE_FZ", val_bits(FP_RULES_SSE_FZ, 32));
        env.more_rules = value_body(b, lower_expr(b, item->expr2, 32), 32, item->pos);
    }
    *VEC(b, fpenvs, struct isa_fpenv) = env;
    *VEC(b, fpenv_items, struct item *) = item;
}

/* ---------------------------------------------------------------- system registers */

static uint64_t field_mask(uint64_t hi, uint64_t lo)
{
    return (hi - lo >= 63 ? UINT64_MAX : (1ull << (hi - lo + 1)) - 1) << lo;
}

/* A write through fields: bits of rw fields, and of warl fields whose new value is legal.
 */
static void lower_fields_write(struct build *b, const struct item *item, unsigned w,
                               uint16_t file)
{
    struct val v = val_run(emit(b, S_ARG, w, 0, ISA_NONE, ISA_NONE), w);
    struct val old = val_run(emit(b, S_GETF, w, file, 0, ISA_NONE), w), next = old;

    for (const struct list *l = item->list; l; l = l->next) {
        uint64_t hi = spec_number(b, l->expr, "a bit", w - 1),
                 lo = spec_number(b, l->expr2, "a bit", w - 1);

        if (lo > hi)
            fail(b->g, l->pos, "E-WIDTH", "field [%llu:%llu]", (unsigned long long)hi,
                 (unsigned long long)lo);
        uint64_t mask = field_mask(hi, lo);
        if (!strcmp(l->name2, "ro"))
            continue;
        struct val kept = op2(b, S_AND, w, next, val_bits(~mask, w), l->pos),
                   put = op2(b, S_OR, w, kept,
                             op2(b, S_AND, w, v, val_bits(mask, w), l->pos), l->pos);
        if (l->number) { /* legal values */
            struct val f = extract(b, v, (unsigned)lo, (unsigned)(hi - lo + 1), l->pos),
                       ok = val_bits(0, 1);

            for (unsigned i = 0; i < 64; i++)
                if (l->number >> i & 1 && (f.w > 6 || i < 1u << f.w))
                    ok = op2(b, S_OR, 1, ok, op2(b, S_EQ, 1, f, val_bits(i, f.w), l->pos),
                             l->pos);
            put = op3(b, S_SELECT, w, ok, put, next, l->pos);
        }
        next = put;
    }
    emit(b, S_PUTF, 0, file, 0, val_node(b, next, w, item->pos));
}

static void build_sysreg(struct build *b, struct item *item)
{
    struct isa_sysreg r = { .name = item->name,
                            .file = ISA_NONE,
                            .read_only = item->flag,
                            .priv = (uint16_t)item->number2 };
    unsigned n = 0, w;
    struct isa_sysreg_field *fields;

    begin_body(b, true);
    if (item->when && lower_cond(b, item->when).time == SPEC &&
        !lower_cond(b, item->when).lo)
        return;
    r.number = (uint32_t)spec_number(b, item->expr2, "a number", UINT32_MAX);
    w = (unsigned)spec_number(b, item->expr, "a width", 64);
    r.w = (uint16_t)w;
    for (const struct list *l = item->list; l; l = l->next)
        n++;
    fields = arena_array(&b->g->arena, n ? n : 1, sizeof *fields);
    n = 0;
    for (const struct list *l = item->list; l; l = l->next)
        fields[n++] = (struct isa_sysreg_field){
            l->name, (uint8_t)spec_number(b, l->expr, "a bit", 63),
            (uint8_t)spec_number(b, l->expr2, "a bit", 63), l->name2
        };
    r.fields = fields;
    r.nfields = (uint16_t)n;
    struct view *own = find_view(b, item->name);
    if (!own && (!item->flag2 || (!item->word && !item->flag))) {
        r.file = file_new(b, item->name, 1, w, false, false, item->pos);
        view_new(b,
                 (struct isa_view){ .name = item->name,
                                    .file = r.file,
                                    .count = 1,
                                    .width = (uint16_t)w,
                                    .zero = ISA_NONE },
                 (struct view){ .name = item->name, .file = r.file });
    } else if (own && !own->item && !item->flag2) {
        r.file = own->file;
    }
    *VEC(b, sysregs, struct isa_sysreg) = r;
    *VEC(b, sysreg_items, struct item *) = item;
}

/* After all state is declared: what reads and writes do. */
static void build_sysreg_bodies(struct build *b, uint32_t i)
{
    struct item *item = ((struct item **)b->sysreg_items.items)[i];
    struct isa_sysreg r = *AT(b, sysregs, struct isa_sysreg, i);
    struct pos pos = item->pos;

    begin_body(b, false);
    if (item->flag2)
        r.read = value_body(b, lower_expr(b, item->expr3, r.w), r.w, pos);
    else if (r.file != ISA_NONE)
        r.read = value_body(b, val_run(emit(b, S_GETF, r.w, r.file, 0, ISA_NONE), r.w),
                            r.w, pos);
    begin_body(b, false);
    if (item->word) {
        bind_name(b, "v", val_run(emit(b, S_ARG, r.w, 0, ISA_NONE, ISA_NONE), r.w));
        lower_stmts(b, item->body);
        r.write = body_finish(b);
    } else if (r.file != ISA_NONE && item->list) {
        lower_fields_write(b, item, r.w, r.file);
        r.write = body_finish(b);
    } else if (r.file != ISA_NONE) {
        emit(b, S_PUTF, 0, r.file, 0, emit(b, S_ARG, r.w, 0, ISA_NONE, ISA_NONE));
        r.write = body_finish(b);
    }
    *AT(b, sysregs, struct isa_sysreg, i) = r;
}

/* ----------------------------------------------------------------------- fetch */

/* p[1:0] != 3 over the first parcel, as mask and value; a list of cubes for != */
static void parcel_cubes(struct build *b, struct vec *out, const struct expr *e,
                         unsigned parcel, uint64_t mask, uint64_t value, unsigned bytes)
{
    if (!e) {
        *(struct isa_length *)vec_add(b, out, sizeof(struct isa_length)) =
            (struct isa_length){ mask, value, (uint8_t)bytes };
        return;
    }
    if (e->kind == E_BINARY && e->op == T_OROR) {
        parcel_cubes(b, out, e->a, parcel, mask, value, bytes);
        parcel_cubes(b, out, e->b, parcel, mask, value, bytes);
        return;
    }
    if (e->kind == E_BINARY && e->op == T_ANDAND) {
        struct vec left = { 0 };

        parcel_cubes(b, &left, e->a, parcel, mask, value, bytes);
        for (uint32_t i = 0; i < left.count; i++) {
            struct isa_length *l = (struct isa_length *)left.items + i;

            parcel_cubes(b, out, e->b, parcel, l->mask, l->value, bytes);
        }
        return;
    }
    const struct expr *s = e->a;
    uint64_t hi, lo;
    if ((e->kind != E_IN && !(e->kind == E_BINARY && (e->op == T_EQ || e->op == T_NE))) ||
        !s || (s->kind != E_SLICE && s->kind != E_INDEX))
        fail(b->g, e->pos, "E-SYNTAX",
             "lengths depend on p[HIGH:LOW] == N, != N or in {..}");
    hi = spec_number(b, s->b, "a bit", parcel - 1);
    lo = s->kind == E_SLICE ? spec_number(b, s->c, "a bit", parcel - 1) : hi;
    if (lo > hi || hi - lo > 10)
        fail(b->g, s->pos, "E-WIDTH", "slice [%llu:%llu]", (unsigned long long)hi,
             (unsigned long long)lo);
    for (uint64_t k = 0; k < 1ull << (hi - lo + 1); k++) {
        bool in = false;

        if (e->kind == E_IN)
            for (unsigned i = 0; i < e->nargs; i++)
                in |= spec_number(b, e->args[i], "a number", UINT32_MAX) == k;
        else
            in = (spec_number(b, e->b, "a number", UINT32_MAX) == k) == (e->op == T_EQ);
        if (in && !((value ^ k << lo) & mask & field_mask(hi, lo)))
            parcel_cubes(b, out, NULL, parcel, mask | field_mask(hi, lo), value | k << lo,
                         bytes);
    }
}

static void build_fetch(struct build *b, struct item *item)
{
    if (item->word2) { /* a stream: build_streams() goes on */
        item->number = 8;
        item->word = "little";
    }
    struct isa_fetch f = { .parcel = (uint8_t)(item->number / 8),
                           .big = !strcmp(item->word, "big"),
                           .high_first = item->flag,
                           .stream = ISA_NONE };
    struct vec lengths = { 0 };

    begin_body(b, true);
    if (item->number % 8 || item->number < 8 || item->number > 64)
        fail(b->g, item->pos, "E-WIDTH", "a parcel has 8, 16, 32 or 64 bits");
    if (item->when) {
        struct val v = lower_cond(b, item->when);

        if (v.time == SPEC && !v.lo)
            return;
        if (v.time != SPEC)
            f.when = dx_body(b, v.d);
    }
    for (const struct list *l = item->list; l; l = l->next) {
        if (l->number == 0 || l->number > ISA_MAX_ILEN || l->number % f.parcel)
            fail(b->g, l->pos, "E-LENGTH",
                 "a length is a multiple of the parcel, at most %d", ISA_MAX_ILEN);
        parcel_cubes(b, &lengths, l->expr, f.parcel * 8u, 0, 0, (unsigned)l->number);
    }
    f.lengths = lengths.items;
    f.nlengths = (uint16_t)lengths.count;
    if (!b->isa.min_ilen || f.parcel < b->isa.min_ilen)
        b->isa.min_ilen = f.parcel;
    *VEC(b, fetches, struct isa_fetch) = f;
}

/* ---------------------------------------------------------------------- in order */

/* Runs `make` for each item of a kind; an error in one goes on with the next. */
static void each(struct build *b, enum item_kind kind,
                 void (*make)(struct build *, struct item *))
{
    jmp_buf here, *outer = b->g->recover;

    for (volatile uint32_t i = 0; i < b->kinds[kind].count; i++) {
        b->g->recover = &here;
        if (!setjmp(here))
            make(b, ((struct item **)b->kinds[kind].items)[i]);
    }
    b->g->recover = outer;
}

static void each_index(struct build *b, uint32_t count,
                       void (*make)(struct build *, uint32_t))
{
    jmp_buf here, *outer = b->g->recover;

    for (volatile uint32_t i = 0; i < count; i++) {
        b->g->recover = &here;
        if (!setjmp(here))
            make(b, i);
    }
    b->g->recover = outer;
}

static void build_feature(struct build *b, struct item *item)
{
    if (b->features.count == ISA_MAX_FEATURES)
        fail(b->g, item->pos, "E-BUDGET", "more than %d features", ISA_MAX_FEATURES);
    if (find_feature(b, item->name) >= 0)
        fail(b->g, item->pos, "E-NAME", "feature %s is declared twice", item->name);
    *VEC(b, features, const char *) = item->name;
}

static void build_pc(struct build *b, struct item *item)
{
    begin_body(b, true);
    b->isa.pc_width = (uint16_t)spec_number(b, item->expr, "the pc's width", 64);
    b->isa.delay = item->number ? 1 : 0;
    if (!b->isa.pc_width || item->number > 1)
        fail(b->g, item->pos, "E-WIDTH", "pc: 1 to 64 bits, at most one delay slot");
}

static void declare_mode(struct build *b, struct item *item)
{
    VEC(b, modes, struct isa_mode);
    *VEC(b, mode_items, struct item *) = item;
}

static void build_mode_body(struct build *b, uint32_t i)
{
    build_mode(b, ((struct item **)b->mode_items.items)[i], i);
}

static void build_sysregs_item(struct build *b, struct item *item)
{
    int trap = item->word ? find_named(b, &b->trap_items, item->word) : -1;

    if (item->word && trap < 0)
        fail(b->g, item->pos, "E-NAME", "no trap %s", item->word);
    b->isa.sysreg_trap = trap < 0 ? ISA_NONE : (uint16_t)trap;
    begin_body(b, false);
    if (item->expr) {
        struct val v = lower_expr(b, item->expr, 8);

        b->isa.sysreg_priv = value_body(b, v, v.w ? v.w : 8, item->pos);
    }
}

static void build_model_item(struct build *b, struct item *item)
{
    build_model(b, item);
}

void build_state(struct build *b)
{
    b->isa.sysreg_trap = ISA_NONE;
    each(b, I_FEATURE, build_feature);
    each(b, I_MODEL, build_model_item);
    each(b, I_PC, build_pc);
    if (!b->isa.pc_width)
        error_at(b->g, (struct pos){ b->g->sources, 0 }, "E-SYNTAX", "no `pc: WIDTH;`");
    each(b, I_TRAP, build_trap);
    each(b, I_HELPER, build_helper);
    each(b, I_FILE, build_file);
    each(b, I_FLAGS, build_flags);
    each(b, I_SYSREG, build_sysreg);
    each(b, I_VIEW, build_view);
    b->mode_inputs = arena_array(&b->g->arena, effect_words(b) + 1, sizeof(uint64_t));
    each(b, I_MODE, declare_mode);
    stop_if_errors(b->g);
    each_index(b, b->helpers.count, build_helper_effects);
    each_index(b, b->modes.count, build_mode_body);
    stop_if_errors(b->g);
    each_index(b, b->helpers.count, check_helper_modes);
    each(b, I_FPENV, build_fpenv);
    each_index(b, b->views.count, build_view_bodies);
    each_index(b, b->sysregs.count, build_sysreg_bodies);
    each(b, I_SYSREGS, build_sysregs_item);
    each(b, I_FETCH, build_fetch);
    if (!b->fetches.count)
        error_at(b->g, (struct pos){ b->g->sources, 0 }, "E-SYNTAX", "no fetch clause");
}
