/* build.c - the items around instructions in their order, and the small ones of them:
 * features, models, traps, helpers, modes. */
#include <string.h>

#include "build.h"

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

        if (group && strcmp(text_at(b, f->name), group))
            continue;
        for (int k = 0; k < f->count; k++)
            if (!strcmp(text_at(b, *AT(b, names, uint32_t, f->names + (uint32_t)k)),
                        flag)) {
                *out = (uint16_t)i;
                return k;
            }
    }
    return -1;
}

int find_feature(struct build *b, const char *name)
{
    for (uint32_t i = 0; i < b->features.count; i++)
        if (!strcmp(text_at(b, *AT(b, features, uint32_t, i)), name))
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
        uint32_t all = RUN(b, numbers, p[i].all, p[i].count);

        *VEC(b, feature_sets, struct isa_feature_set) =
            (struct isa_feature_set){ all, (uint16_t)p[i].count, i + 1 < n };
    }
    return (uint16_t)first;
}

static void build_model(struct build *b, const struct item *item)
{
    struct isa_model *m;
    uint32_t first = b->numbers.count;

    if (item->word && b->target && strcmp(item->word, b->target->name))
        return;
    for (const struct list *l = item->list; l; l = l->next) {
        int f = find_feature(b, l->name);

        if (f < 0)
            fail(b->g, l->pos, "E-NAME", "no feature %s is declared", l->name);
        *VEC(b, numbers, uint16_t) = (uint16_t)f;
    }
    m = VEC(b, models, struct isa_model);
    *m = (struct isa_model){ text_add(b, item->name), first,
                             (uint16_t)(b->numbers.count - first) };
}

/* ------------------------------------------------------------------ around state */

static void build_trap(struct build *b, struct item *item)
{
    *VEC(b, traps, struct isa_trap) =
        (struct isa_trap){ text_add(b, item->name), item->number };
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
    struct isa_helper h = { .name = text_add(b, item->name) };
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
struct sem_body value_body(struct build *b, struct val v, unsigned w, struct pos pos)
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
    *m = (struct isa_mode){ text_add(b, item->name), (uint8_t)at, (uint8_t)item->number,
                            item->flag, body };
}

uint64_t field_mask(uint64_t hi, uint64_t lo)
{
    return (hi - lo >= 63 ? UINT64_MAX : (1ull << (hi - lo + 1)) - 1) << lo;
}

/* ---------------------------------------------------------------------- in order */

void each_item(struct build *b, enum item_kind kind,
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
    *VEC(b, features, uint32_t) = text_add(b, item->name);
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

static void build_model_item(struct build *b, struct item *item)
{
    build_model(b, item);
}

void build_state(struct build *b)
{
    b->isa.sysreg_trap = ISA_NONE;
    each_item(b, I_FEATURE, build_feature);
    each_item(b, I_MODEL, build_model_item);
    each_item(b, I_PC, build_pc);
    if (!b->isa.pc_width)
        error_at(b->g, (struct pos){ b->g->sources, 0 }, "E-SYNTAX", "no `pc: WIDTH;`");
    each_item(b, I_TRAP, build_trap);
    each_item(b, I_HELPER, build_helper);
    each_item(b, I_FILE, build_file);
    each_item(b, I_FLAGS, build_flags);
    each_item(b, I_SYSREG, build_sysreg);
    each_item(b, I_VIEW, build_view);
    b->mode_inputs = arena_array(&b->g->arena, effect_words(b) + 1, sizeof(uint64_t));
    each_item(b, I_MODE, declare_mode);
    stop_if_errors(b->g);
    each_index(b, b->helpers.count, build_helper_effects);
    each_index(b, b->modes.count, build_mode_body);
    stop_if_errors(b->g);
    each_index(b, b->helpers.count, check_helper_modes);
    each_item(b, I_FPENV, build_fpenv);
    each_index(b, b->views.count, build_view_bodies);
    each_index(b, b->sysregs.count, build_sysreg_bodies);
    each_item(b, I_SYSREGS, build_sysregs_item);
    each_item(b, I_FETCH, build_fetch);
    if (!b->fetches.count && !b->g->errors)
        error_at(b->g, (struct pos){ b->g->sources, 0 }, "E-SYNTAX", "no fetch clause");
}
