/* place.c - what can be read and assigned: registers, views, flags, slices, memory. */
#include <string.h>

#include "build.h"

unsigned register_slot(struct build *b, int kind, unsigned view, unsigned w,
                       const struct dx *d, struct pos pos);

struct place *place_new(struct build *b, enum place_kind kind, unsigned w, struct pos pos)
{
    struct place *p = arena_alloc(&b->g->arena, sizeof *p);

    p->kind = kind;
    p->w = (uint16_t)w;
    p->pos = pos;
    return p;
}

/* ------------------------------------------------------------ elements of files */

static const struct isa_view *view_row(struct build *b, const struct view *v)
{
    return AT(b, views, struct isa_view, v->number);
}

static bool is_zero_register(struct build *b, const struct view *v, struct val index)
{
    return index.time == SPEC && view_row(b, v)->zero != ISA_NONE &&
           index.lo == view_row(b, v)->zero;
}

static void check_index(struct build *b, const struct view *v, struct val index,
                        struct pos pos)
{
    if (index.time == SPEC && index.lo >= view_row(b, v)->count)
        fail(b->g, pos, "E-WIDTH", "%s has no element %llu", v->name,
             (unsigned long long)index.lo);
}

/* Can two numbers of registers be one?  Not where their ranges do not meet. */
static bool may_be_same(struct build *b, const struct dx *x, const struct dx *y)
{
    int64_t low, high, low2, high2;

    return !dx_range(b, x, &low, &high) || !dx_range(b, y, &low2, &high2) ||
           (low <= high2 && low2 <= high);
}

/* Reading a register that may be the one written before: the author should use a let. */
static void check_alias(struct build *b, const struct view *v, const struct dx *d,
                        struct pos pos)
{
    for (unsigned i = 0; i < b->l->nwrote && !b->l->failed; i++)
        if (b->l->wrote_view[i] == v->file && !dx_equal(b->l->wrote_dx[i], d) &&
            may_be_same(b, b->l->wrote_dx[i], d)) {
            warn_at(b->g, pos, "W-ALIAS",
                    "may be the register that was just written: read it in a let, before "
                    "the write or (if the new value is meant) after it");
            return;
        }
}

/* A read that is meant to see what was written: no W-ALIAS. */
struct val place_get_now(struct build *b, struct place *p)
{
    unsigned nwrote = b->l->nwrote;

    b->l->nwrote = 0;
    struct val v = place_get(b, p);
    b->l->nwrote = nwrote;
    return v;
}

static bool same_index(struct val a, struct val c)
{
    if (a.time != c.time)
        return false;
    return a.time == SPEC     ? a.lo == c.lo
           : a.time == DECODE ? dx_equal(a.d, c.d)
                              : a.node == c.node;
}

/* May a node use what was written, or be executed without its neighbours? */
static bool may_use(struct build *b, const struct sem *s, const struct write *w)
{
    switch (s->op) {
    case S_IF:
    case S_ELSE:
    case S_END:
    case S_LOOP:
    case S_TRAP:
    case S_GOTO:
    case S_LD:
    case S_ST:
    case S_AMO:
    case S_CAS:
    case S_RESERVE:
    case S_STCOND:
    case S_HELPER:
    case S_SYSREAD:
    case S_SYSWRITE:
    case S_FP: return true;
    case S_LOCAL: return w->local && s->a == w->file;
    case S_GETF:
    case S_GETX: return !w->local && s->a == w->file;
    case S_GET:
    case S_GETL:
        return !w->local &&
               AT(b, views, struct isa_view, b->l->slots[s->a].view)->file == w->file;
    default: return false;
    }
}

/* Notes a write; a warning if it makes an earlier one useless. */
static void note_write(struct build *b, struct write w, struct pos pos)
{
    struct lower *l = b->l;

    w.node = l->nnodes;
    for (unsigned i = 0; i < 8 && i < l->nwrites_done; i++) {
        const struct write *old = &l->writes_done[i];
        bool used = old->local != w.local || old->file != w.file ||
                    !same_index(old->index, w.index) || old->node > l->nnodes;

        for (unsigned n = old->node; n < l->nnodes && !used; n++)
            used = may_use(b, &l->nodes[n], old);
        if (!used && !l->failed)
            warn_at(b->g, pos, w.local ? "W-DEADWRITE" : "W-DUPSTORE",
                    "what was written there before is never used");
    }
    l->writes_done[l->nwrites_done++ % 8] = w;
}

static struct val element_get(struct build *b, const struct view *v, struct val index,
                              struct pos pos)
{
    unsigned w = AT(b, files, struct isa_file, v->file)->width;

    if (b->l->decode_only)
        fail(b->g, pos, "E-BIND", "%s: a register where a decode-time value is needed",
             v->name);
    check_index(b, v, index, pos);
    effect(b, false, v->file);
    if (is_zero_register(b, v, index))
        return val_bits(0, w);
    if (index.time != RUN)
        check_alias(b, v, val_dx(b, index, 64), pos);
    if (index.time == SPEC)
        return val_run(emit(b, S_GETF, w, v->file, (unsigned)index.lo, ISA_NONE), w);
    if (index.time == DECODE) {
        const struct dx *d = val_dx(b, index, 64);

        return val_run(emit(b, S_GET, w,
                            register_slot(b, SLOT_READ, v->number, w, d, pos), ISA_NONE,
                            ISA_NONE),
                       w);
    }
    return val_run(emit(b, S_GETX, w, v->file, index.node, ISA_NONE), w);
}

/* For W-ALIAS: which register was written. */
static void note_register(struct build *b, const struct view *v, const struct dx *d)
{
    struct lower *l = b->l;

    if (l->nwrote < sizeof l->wrote_dx / sizeof *l->wrote_dx) {
        l->wrote_dx[l->nwrote] = d;
        l->wrote_view[l->nwrote++] = v->file;
    }
}

static void element_put(struct build *b, const struct view *v, struct val index,
                        struct val value, struct pos pos)
{
    struct lower *l = b->l;
    unsigned w = AT(b, files, struct isa_file, v->file)->width;
    uint16_t node;

    if (l->decode_only)
        fail(b->g, pos, "E-BIND", "%s cannot be written here", v->name);
    check_index(b, v, index, pos);
    node = val_node(b, value, w, pos);
    effect(b, true, v->file);
    if (!AT(b, files, struct isa_file, v->file)->hidden)
        wrote(b, pos);
    if (is_zero_register(b, v, index))
        return;
    note_write(b, (struct write){ false, v->file, index, 0 }, pos);
    if (index.time != RUN)
        note_register(b, v, val_dx(b, index, 64));
    if (index.time == SPEC) {
        emit(b, S_PUTF, 0, v->file, (unsigned)index.lo, node);
    } else if (index.time == DECODE) {
        const struct dx *d = val_dx(b, index, 64);
        unsigned slot = register_slot(b, SLOT_WRITE, v->number, w, d, pos);

        emit(b, S_PUT, 0, slot, node, ISA_NONE);
    } else {
        emit(b, S_PUTX, 0, v->file, index.node, node);
    }
}

/* Part of an element, as the view has it: only for views that are bits of one element and
 * an index known at decode time. */
static struct val part_get(struct build *b, const struct view *v, struct val index,
                           unsigned w, struct pos pos)
{
    const struct dx *d = val_dx(b, index, 64);

    if (b->l->decode_only)
        fail(b->g, pos, "E-BIND", "%s: a register where a decode-time value is needed",
             v->name);
    check_alias(b, v, d, pos);
    effect(b, false, v->file);
    return val_run(emit(b, S_GET, w, register_slot(b, SLOT_READ, v->number, w, d, pos),
                        ISA_NONE, ISA_NONE),
                   w);
}

static void part_put(struct build *b, const struct view *v, struct val index,
                     struct val value, struct pos pos)
{
    struct lower *l = b->l;
    const struct dx *d = val_dx(b, index, 64);
    unsigned slot = register_slot(b, SLOT_WRITE, v->number, value.w, d, pos);

    if (l->decode_only)
        fail(b->g, pos, "E-BIND", "%s cannot be written here", v->name);
    effect(b, true, v->file);
    if (!AT(b, files, struct isa_file, v->file)->hidden)
        wrote(b, pos);
    emit(b, S_PUT, 0, slot, val_node(b, value, value.w, pos), ISA_NONE);
    note_register(b, v, d);
}

/* The slot of a register whose number is known at decode time, for lanes. */
static unsigned lane_slot(struct build *b, struct place *reg, int kind)
{
    const struct view *v = AT(b, view_info, struct view, reg->number);

    if (reg->kind != P_VIEW || reg->index.time == RUN || (v->item && !v->simple))
        fail(b->g, reg->pos, "E-BIND", "lanes are of a register known at decode time");
    effect(b, kind == SLOT_WRITE, v->file);
    return register_slot(b, kind, v->number,
                         AT(b, files, struct isa_file, v->file)->width,
                         val_dx(b, reg->index, 64), reg->pos);
}

/* ------------------------------------------------------------------------ views */

static struct val ones(struct build *b, unsigned w)
{
    (void)b;
    struct val v =
        val_bits(w > 64 ? UINT64_MAX : (w == 64 ? UINT64_MAX : (1ull << w) - 1), w);

    v.hi = w > 64 ? (w >= 128 ? UINT64_MAX : (1ull << (w - 64)) - 1) : 0;
    return v;
}

static uint64_t canonical_nan(unsigned w)
{
    return w == 16 ? 0x7e00 : w == 32 ? 0x7fc00000 : 0x7ff8000000000000;
}

/* The index as a view's expressions see it: a number, or at run time a value of 16 bits.
 */
static struct val view_index(struct build *b, struct place *p)
{
    struct val i = p->index;

    if (i.time == SPEC)
        return val_number((int64_t)i.lo);
    if (i.time == DECODE)
        return val_decode(val_dx(b, i, 64), 0);
    if (!i.w)
        i = adopt(b, i, 64, p->pos);
    return i.w > 16 ? extract(b, i, 0, 16, p->pos) : widen(b, S_ZEXT, i, 16, p->pos);
}

struct outside { /* names that a view's own expressions do not see */
    struct symbol *scope;
    struct oper *opers;
    unsigned nopers;
};

/* Into a computed view: its index is the only name of its own. */
static struct outside view_enter(struct build *b, const struct view *v, struct place *p)
{
    struct outside o = { b->l->scope, b->l->opers, b->l->nopers };
    struct val index = view_index(b, p);

    if (++b->l->depth > 40)
        fail(b->g, v->item->pos, "E-NAME", "view %s is defined by itself", v->name);
    b->l->scope = NULL;
    b->l->nopers = 0;
    bind_name(b, v->item->word, index);
    return o;
}

static void view_leave(struct build *b, struct outside o)
{
    b->l->depth--;
    b->l->scope = o.scope;
    b->l->opers = o.opers;
    b->l->nopers = o.nopers;
}

static struct val view_get(struct build *b, struct place *p)
{
    const struct view *v = AT(b, view_info, struct view, p->number);
    const struct isa_view *row = view_row(b, v);
    struct outside outside;
    struct val e;

    if (v->item && v->simple && v->policy != POLICY_BOX && p->index.time == DECODE)
        return part_get(b, v, p->index, p->w, p->pos);
    if (!v->item || v->simple) {
        e = element_get(b, v, p->index, p->pos);
        if (v->policy == POLICY_BOX) {
            struct val high = extract(b, e, p->w, e.w - p->w, p->pos);
            struct val boxed = op2(b, S_EQ, 1, high, ones(b, high.w), p->pos);

            return op3(b, S_SELECT, p->w, boxed, extract(b, e, 0, p->w, p->pos),
                       val_bits(canonical_nan(p->w), p->w), p->pos);
        }
        return extract(b, e, row->low_bit, p->w, p->pos);
    }
    if (is_zero_register(b, v, p->index))
        return val_bits(0, p->w);
    outside = view_enter(b, v, p);
    e = adopt(b, lower_expr(b, v->item->expr3, p->w), p->w, v->item->pos);
    view_leave(b, outside);
    return e;
}

static void view_put(struct build *b, struct place *p, struct val value, struct pos pos)
{
    const struct view *v = AT(b, view_info, struct view, p->number);
    const struct isa_view *row = view_row(b, v);
    struct outside outside;

    value = adopt(b, value, p->w, pos);
    if (v->item && v->item->flag2) { /* on_write { ... } */
        outside = view_enter(b, v, p);
        bind_name(b, "v", value);
        lower_stmts(b, v->item->body);
        view_leave(b, outside);
        return;
    }
    if (!v->item || v->simple) {
        unsigned w = AT(b, files, struct isa_file, v->file)->width;

        if (w == p->w) {
            /* all of it */
        } else if (v->policy == POLICY_BOX) {
            value = op2(b, S_CONCAT, w, ones(b, w - p->w), value, pos);
        } else if (v->policy == POLICY_ZEXT) {
            value = widen(b, S_ZEXT, value, w, pos);
        } else if (p->index.time == DECODE) {
            part_put(b, v, p->index, value, pos);
            return;
        } else {
            unsigned nwrote = b->l->nwrote;

            b->l->nwrote = 0; /* what is kept may well have been written just now */
            struct val old = element_get(b, v, p->index, pos);
            b->l->nwrote = nwrote;
            if (row->low_bit)
                value = op2(b, S_CONCAT, p->w + row->low_bit, value,
                            extract(b, old, 0, row->low_bit, pos), pos);
            if (value.w < w)
                value = op2(b, S_CONCAT, w, extract(b, old, value.w, w - value.w, pos),
                            value, pos);
        }
        element_put(b, v, p->index, value, pos);
        return;
    }
    if (is_zero_register(b, v, p->index))
        return;
    outside = view_enter(b, v, p);
    struct place *of = place_of(b, v->item->expr3, true);
    place_put(b, of,
              of->w > p->w && v->policy == POLICY_ZEXT
                  ? widen(b, S_ZEXT, value, of->w, pos)
                  : value,
              pos);
    view_leave(b, outside);
}

/* --------------------------------------------------------------------- reading */

static struct val flag_get(struct build *b, struct place *p)
{
    const struct isa_flags *f = AT(b, flags, struct isa_flags, p->number);

    if (b->l->decode_only)
        fail(b->g, p->pos, "E-BIND", "a flag where a decode-time value is needed");
    effect(b, false, f->bits_file);
    effect(b, false, f->kind_file);
    effect(b, false, f->args_file);
    return val_run(emit(b, S_FLAG, 1, p->number, (unsigned)p->index.lo, ISA_NONE), 1);
}

struct val place_get(struct build *b, struct place *p)
{
    struct val a, c;
    uint16_t lane;

    switch (p->kind) {
    case P_FILE:
    case P_VIEW: return view_get(b, p);
    case P_FLAG: return flag_get(b, p);
    case P_LOCAL:
        return val_run(emit(b, S_LOCAL, p->w, p->number, ISA_NONE, ISA_NONE), p->w);
    case P_SLICE: return extract(b, place_get(b, p->of), p->low, p->w, p->pos);
    case P_NPC: return val_run(emit(b, S_NPC, p->w, ISA_NONE, ISA_NONE, ISA_NONE), p->w);
    case P_LANE:
        lane = val_node(b, p->index, p->index.w ? p->index.w : 32, p->pos);
        return val_run(
            emit(b, S_GETL, p->w, lane_slot(b, p->of, SLOT_READ), lane, ISA_NONE), p->w);
    case P_MEM:
        if (stream_is_locked(b, p))
            return stream_locked_get(b, p);
        may_trap(b, p->pos);
        a = val_run(emit(b, S_LD, p->w, val_node(b, p->index, p->low, p->pos), ISA_NONE,
                         ISA_NONE),
                    p->w);
        emitted(b, a.node)->x = (uint8_t)p->number;
        return a;
    case P_COND:
        if (p->cond.time != RUN)
            return place_get(b,
                             decide(b, p->cond, p->pos, "this choice") ? p->of : p->of2);
        a = place_get(b, p->of);
        c = place_get(b, p->of2);
        return op3(b, S_SELECT, p->w, p->cond, a, c, p->pos);
    case P_ALTS: break;
    }
    fail(b->g, p->pos, "E-TYPE", "this cannot be read");
}

/* ----------------------------------------------------------------- assignments */

static void flag_put(struct build *b, struct place *p, struct val v, struct pos pos)
{
    const struct isa_flags *f = AT(b, flags, struct isa_flags, p->number);
    uint16_t node = val_node(b, v, 1, pos);

    emit(b, S_SETTLE, 0, p->number, ISA_NONE, ISA_NONE);
    emit(b, S_PUTF, 0, f->bits_file, (unsigned)p->index.lo, node);
    effect(b, true, f->bits_file);
    effect(b, true, f->kind_file);
    wrote(b, pos);
}

static void slice_put(struct build *b, struct place *p, struct val v, struct pos pos)
{
    struct val old = place_get_now(b, p->of); /* what is kept of it */

    v = adopt(b, v, p->w, pos);
    if (p->low)
        v = op2(b, S_CONCAT, v.w + p->low, v, extract(b, old, 0, p->low, pos), pos);
    if (v.w < p->of->w)
        v = op2(b, S_CONCAT, p->of->w, extract(b, old, v.w, p->of->w - v.w, pos), v, pos);
    place_put(b, p->of, v, pos);
}

/* The iterations of lanes are independent: each writes its own lane. */
static void check_own_lane(struct build *b, const struct place *p)
{
    const struct lower *l = b->l;

    if (l->lane_name && !same_index(p->index, l->lane) &&
        !(p->index.time == RUN && l->lane.time == RUN &&
          same_value(b, l->lane.node, p->index.node)))
        fail(b->g, p->pos, "E-TYPE", "lanes are independent: each writes lane %s only",
             l->lane_name);
}

void place_put(struct build *b, struct place *p, struct val v, struct pos pos)
{
    uint16_t node, lane;

    switch (p->kind) {
    case P_FILE:
    case P_VIEW: view_put(b, p, v, pos); return;
    case P_FLAG: flag_put(b, p, v, pos); return;
    case P_LOCAL:
        node = val_node(b, v, p->w, pos);
        note_write(b, (struct write){ true, p->number, val_number(0), 0 }, pos);
        emit(b, S_SETL, 0, p->number, node, ISA_NONE);
        return;
    case P_SLICE: slice_put(b, p, v, pos); return;
    case P_NPC:
        emit(b, S_PUTNPC, 0, val_node(b, v, p->w, pos), ISA_NONE, ISA_NONE);
        b->l->flags |= VAR_BRANCHES;
        return;
    case P_LANE:
        check_own_lane(b, p);
        node = val_node(b, v, p->w, pos);
        lane = val_node(b, p->index, p->index.w ? p->index.w : 32, p->pos);
        emit(b, S_PUTL, 0, lane_slot(b, p->of, SLOT_WRITE), lane, node);
        wrote(b, pos);
        return;
    case P_MEM:
        if (stream_is_locked(b, p)) {
            stream_locked_put(b, p, v, pos);
            return;
        }
        node = val_node(b, v, p->w, pos);
        may_trap(b, p->pos);
        lane = val_node(b, p->index, p->low, p->pos);
        lane = emit(b, S_ST, 0, lane, node, ISA_NONE);
        emitted(b, lane)->x = (uint8_t)p->number;
        check_rmw(b, lane, pos);
        return;
    case P_COND:
        if (p->cond.time != RUN) {
            place_put(b, decide(b, p->cond, p->pos, "this choice") ? p->of : p->of2, v,
                      pos);
            return;
        }
        emit(b, S_IF, 0, p->cond.node, ISA_NONE, ISA_NONE);
        place_put(b, p->of, v, pos);
        emit(b, S_ELSE, 0, ISA_NONE, ISA_NONE, ISA_NONE);
        place_put(b, p->of2, v, pos);
        emit(b, S_END, 0, ISA_NONE, ISA_NONE, ISA_NONE);
        return;
    case P_ALTS: break;
    }
    fail(b->g, pos, "E-TYPE", "this cannot be assigned");
}

/* ------------------------------------------------------- from expressions to places */

static struct place *element_place(struct build *b, struct view *v, struct val index,
                                   struct pos pos)
{
    struct place *p = place_new(b, P_VIEW, view_row(b, v)->width, pos);

    p->number = (uint16_t)(v - (struct view *)b->view_info.items);
    p->index = index;
    return p;
}

/* The place of a register operand, by its kind (which a condition may choose). */
struct place *oper_place(struct build *b, struct oper *o, struct pos pos)
{
    const struct kind *k = o->kind;
    struct view *v;

    o->used = true;
    if (k && k->base == K_CHOICE) {
        bool decode_only = b->l->decode_only;

        b->l->decode_only = true;
        struct val when = lower_cond(b, k->when);
        b->l->decode_only = decode_only;
        k = decide(b, when, pos, "the operand's kind") ? o->kinds[0] : o->kinds[1];
    }
    if (!k || k->base != K_REG)
        return NULL;
    v = find_view(b, k->name);
    return element_place(b, v, o->number, pos);
}

static struct oper *find_oper(struct build *b, const char *name)
{
    for (unsigned i = 0; i < b->l->nopers; i++)
        if (!strcmp(b->l->opers[i].name, name))
            return &b->l->opers[i];
    return NULL;
}

static struct place *name_place(struct build *b, const struct expr *e)
{
    const struct expr *meant;
    struct place *p;
    struct view *v;
    uint16_t group;
    int flag;

    for (struct symbol *s = b->l->scope; s; s = s->next)
        if (!strcmp(s->name, e->name)) {
            if (s->failed)
                fail_again(b->g);
            return s->place;
        }
    if ((p = stream_place(b, e->name)))
        return p;
    if ((meant = stream_name(b, e->name, e->pos)))
        return place_of(b, meant, false);
    struct oper *o = find_oper(b, e->name);
    if (o)
        return b->l->decode_only ? NULL : oper_place(b, o, e->pos);
    if ((flag = find_flag(b, NULL, e->name, &group)) >= 0) {
        p = place_new(b, P_FLAG, 1, e->pos);
        p->number = group;
        p->index = val_number(flag);
        return p;
    }
    v = find_view(b, e->name);
    if (v && view_row(b, v)->count == 1)
        return element_place(b, v, val_number(0), e->pos);
    if (!strcmp(e->name, "npc"))
        return place_new(b, P_NPC, b->isa.pc_width, e->pos);
    return NULL;
}

static struct place *slice_place(struct build *b, struct place *of, const struct expr *e,
                                 uint64_t high, uint64_t low)
{
    struct place *p;

    if (high < low || high >= of->w)
        fail(b->g, e->pos, "E-WIDTH", "bits [%llu:%llu] of %u bits",
             (unsigned long long)high, (unsigned long long)low, of->w);
    p = place_new(b, P_SLICE, (unsigned)(high - low + 1), e->pos);
    p->of = of;
    p->low = (uint16_t)low;
    return p;
}

static bool is_lane_index(struct build *b, const struct expr *e)
{
    return b->l->lane_name && e->kind == E_NAME && !strcmp(e->name, b->l->lane_name);
}

static struct place *lane_place(struct build *b, struct place *reg, struct val index,
                                unsigned w, struct pos pos)
{
    struct place *p = place_new(b, P_LANE, w, pos);

    p->of = reg;
    p->index = index;
    return p;
}

static struct place *index_place(struct build *b, const struct expr *e, bool must)
{
    struct place *of, *p;
    struct view *v;
    unsigned bits;

    if (e->a->kind == E_NAME && !find_oper(b, e->a->name) &&
        (v = find_view(b, e->a->name)) &&
        !(view_row(b, v)->count == 1 && view_row(b, v)->width > 1)) {
        struct val index = lower_expr(b, e->b, 0);

        return element_place(b, v, index, e->pos);
    }
    if (e->a->kind == E_NAME && !strncmp(e->a->name, "mem", 3) &&
        sscanf(e->a->name + 3, "%u", &bits) == 1) {
        const struct item *space = find_item(b, I_SPACE, NULL);

        if (!space || bits % 8 || bits < 8 || bits > 128)
            fail(b->g, e->pos, "E-NAME", "%s is not memory", e->a->name);
        p = place_new(b, P_MEM, bits, e->pos);
        p->low = (uint16_t)spec_number(b, space->expr, "the address width", 64);
        p->index = adopt(b, lower_expr(b, e->b, p->low), p->low, e->pos);
        p->number = access_new(b, space, false, 0, 0, 0);
        return p;
    }
    of = place_of(b, e->a, must);
    if (!of)
        return NULL;
    if (is_lane_index(b, e->b) && of->kind == P_VIEW)
        return lane_place(b, of, b->l->lane, b->l->lane_width, e->pos);
    struct val index = lower_expr(b, e->b, 0);
    if (index.time != SPEC)
        return NULL; /* one bit by a run-time number: only to be read */
    return slice_place(b, of, e, index.lo, index.lo);
}

static struct place *call_place(struct build *b, const struct expr *e, bool must)
{
    struct place *of;

    if (e->a || e->nargs < 1)
        return NULL;
    if (!strcmp(e->name, "lane") && e->ntargs == 1 && e->nargs == 2) {
        unsigned w = (unsigned)spec_number(b, e->targs[0], "the lane's width", 128);

        of = place_of(b, e->args[0], false);
        if (!of || (of->kind != P_VIEW && of->kind != P_FILE))
            return NULL;
        return lane_place(b, of, lower_expr(b, e->args[1], 0), w, e->pos);
    }
    if ((!strcmp(e->name, "lo") || !strcmp(e->name, "hi")) && e->ntargs == 1) {
        unsigned w = (unsigned)spec_number(b, e->targs[0], "a width", 128);

        of = place_of(b, e->args[0], must);
        if (!of)
            return NULL;
        if (w > of->w || w == 0)
            fail(b->g, e->pos, "E-WIDTH", "%s<%u> of %u bits", e->name, w, of->w);
        return e->name[0] == 'l' ? slice_place(b, of, e, w - 1, 0)
                                 : slice_place(b, of, e, of->w - 1u, of->w - w);
    }
    return NULL;
}

/* mstatus.sie: a field of a system register that is plain storage. */
static struct place *field_place(struct build *b, const struct expr *e)
{
    const struct item *item = find_item(b, I_SYSREG, e->a->name);
    struct view *v = find_view(b, e->a->name);

    for (const struct list *l = item && v ? item->list : NULL; l; l = l->next)
        if (!strcmp(l->name, e->name))
            return slice_place(b, element_place(b, v, val_number(0), e->pos), e,
                               spec_number(b, l->expr, "a bit number", 63),
                               spec_number(b, l->expr2, "a bit number", 63));
    return NULL;
}

/* The place an expression names, or NULL (an error if `must`). */
struct place *place_of(struct build *b, const struct expr *e, bool must)
{
    struct place *p = NULL;
    uint16_t group;
    int flag;

    switch (e->kind) {
    case E_NAME: p = name_place(b, e); break;
    case E_INDEX: p = index_place(b, e, must); break;
    case E_SLICE: {
        struct place *of = place_of(b, e->a, must);

        if (of)
            p = slice_place(b, of, e, spec_number(b, e->b, "a bit number", 4095),
                            spec_number(b, e->c, "a bit number", 4095));
        break;
    }
    case E_MEMBER:
        if (e->a->kind == E_NAME && e->name &&
            (flag = find_flag(b, e->a->name, e->name, &group)) >= 0) {
            p = place_new(b, P_FLAG, 1, e->pos);
            p->number = group;
            p->index = val_number(flag);
        } else if (e->a->kind == E_NAME && e->name) {
            p = field_place(b, e);
        }
        break;
    case E_CALL: p = call_place(b, e, must); break;
    case E_COND: {
        struct val cond = lower_cond(b, e->a);

        if (cond.time == SPEC)
            return place_of(b, cond.lo ? e->b : e->c, must);
        struct place *x = place_of(b, e->b, must), *y = place_of(b, e->c, must);
        if (!x || !y)
            return NULL;
        if (x->w != y->w)
            fail(b->g, e->pos, "E-WIDTH", "places of %u and %u bits", x->w, y->w);
        p = place_new(b, P_COND, x->w, e->pos);
        p->cond = cond;
        p->of = x;
        p->of2 = y;
        break;
    }
    default: break;
    }
    if (!p && must)
        fail(b->g, e->pos, e->kind == E_NAME ? "E-NAME" : "E-TYPE",
             e->kind == E_NAME ? "%s cannot be assigned" : "this cannot be assigned%.0s",
             e->kind == E_NAME ? e->name : "");
    return p;
}
