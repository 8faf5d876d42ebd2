/* flags.c - see flags.h
 *
 * Two kinds of variants are added, which have the slots of the one they stand for:
 *
 *   known    the flagfn that set the flags last is known, and a law says what the
 *            condition that is read means then: the law's shortcut over the arguments
 *            that were kept, in place of the flags;
 *   without  no flag is written, and what was computed for that alone is gone.
 *
 * src/interp/liveness.c finds out where they may be used, by what isa_flag_use says. */
#include "flags.h"

#include <string.h>

#include "build.h"
#include "flagcond.h"

enum { MAX_KNOWN_CONDS = 2 }; /* of a body that is worth a variant for each flagfn */

/* A body on its way to another one. */
struct rewrite {
    struct build *b;
    const struct sem *nodes;
    unsigned count;
    bool *keeps;         /* of the old nodes */
    uint16_t *map;       /* old to new */
    struct sem *out;     /* the new nodes */
    unsigned made, room; /* of out */
};

static struct isa_variant *variant_at(struct build *b, uint32_t number)
{
    return AT(b, variants, struct isa_variant, number);
}

/* The group whose settled flags the file holds, or -1. */
static int group_of(const struct build *b, unsigned file)
{
    for (uint32_t g = 0; g < b->flags.count; g++)
        if (AT(b, flags, struct isa_flags, g)->bits_file == file)
            return (int)g;
    return -1;
}

/* ------------------------------------------------------------------- rewriting */

static struct rewrite rewrite_new(struct build *b, struct sem_body body, unsigned more)
{
    struct arena *arena = &b->g->arena;
    struct rewrite r = { .b = b,
                         .nodes = AT(b, nodes, struct sem, body.first),
                         .count = body.count,
                         .room = body.count + more };

    r.keeps = arena_array(arena, r.count + 1u, sizeof *r.keeps);
    r.map = arena_array(arena, r.count + 1u, sizeof *r.map);
    r.out = arena_array(arena, r.room + 1u, sizeof *r.out);
    return r;
}

/* Statements, and values that somebody notices. */
static bool is_effect(const struct sem *node)
{
    return !node->w || (node->op >= S_LD && node->op <= S_STCOND) ||
           node->op == S_HELPER || node->op == S_SYSREAD || node->op == S_FP;
}

static void keep_operands(struct rewrite *r, unsigned i)
{
    struct sem node = r->nodes[i];
    uint16_t *operands[3];
    unsigned n = node_operands(&r->b->isa, &node, operands);

    for (unsigned k = 0; k < n; k++)
        r->keeps[*operands[k]] = true;
}

/* The position of the END of the IF at `i`; *is_empty: nothing is kept inside. */
static unsigned end_of_if(const struct rewrite *r, unsigned i, bool *is_empty)
{
    unsigned depth = 1;

    *is_empty = true;
    while (++i < r->count) {
        unsigned op = r->nodes[i].op;

        depth += op == S_IF || op == S_LOOP;
        depth -= op == S_END;
        if (!depth)
            break;
        if (r->keeps[i] && !(op == S_ELSE && depth == 1))
            *is_empty = false;
    }
    return i;
}

/* Drops IFs without effect, inner ones first. */
static void drop_empty_ifs(struct rewrite *r)
{
    for (unsigned i = r->count; i-- > 0;) {
        bool is_empty;
        unsigned end, depth = 0;

        if (r->nodes[i].op != S_IF || !r->keeps[i])
            continue;
        end = end_of_if(r, i, &is_empty);
        if (!is_empty || end == r->count)
            continue;
        r->keeps[i] = r->keeps[end] = false;
        for (unsigned k = i + 1; k < end; k++) {
            depth += r->nodes[k].op == S_IF || r->nodes[k].op == S_LOOP;
            depth -= r->nodes[k].op == S_END;
            if (r->nodes[k].op == S_ELSE && !depth)
                r->keeps[k] = false;
        }
    }
}

static uint16_t add_node(struct rewrite *r, struct sem node)
{
    if (r->made >= r->room)
        fail(r->b->g, (struct pos){ r->b->g->sources, 0 }, "E-BUDGET", "flags");
    r->out[r->made] = node;
    return (uint16_t)r->made++;
}

static void copy_node(struct rewrite *r, unsigned i)
{
    struct sem node = r->nodes[i];
    uint16_t *operands[3];
    unsigned n = node_operands(&r->b->isa, &node, operands);

    for (unsigned k = 0; k < n; k++)
        *operands[k] = r->map[*operands[k]];
    r->map[i] = add_node(r, node);
}

/* A variant like `number` with the new body.  Returns its number. */
static uint32_t add_variant(struct rewrite *r, uint32_t number)
{
    struct isa_variant v = *variant_at(r->b, number);

    v.body.first = r->b->nodes.count;
    v.body.count = (uint16_t)r->made;
    for (unsigned i = 0; i < r->made; i++)
        *VEC(r->b, nodes, struct sem) = r->out[i];
    r->b->isa.nodes = r->b->nodes.items;
    v.without_flags = ISA_NONE;
    *VEC(r->b, variants, struct isa_variant) = v;
    return r->b->variants.count - 1;
}

/* --------------------------------------------------------------- dead flags */

static bool writes_flags(const struct build *b, const struct sem *node)
{
    return node->op == S_SETFLAGS || node->op == S_SETTLE ||
           (node->op == S_PUTF && group_of(b, node->a) >= 0);
}

/* Whether somebody may see the state at the node, or go elsewhere. */
static bool is_observer(const struct sem *node)
{
    switch (node->op) {
    case S_LD:
    case S_ST:
    case S_AMO:
    case S_CAS:
    case S_RESERVE:
    case S_STCOND:
    case S_GOTO:
    case S_TRAP:
    case S_ANNUL:
    case S_REPEAT:
    case S_HELPER:
    case S_SYSREAD:
    case S_SYSWRITE:
    case S_PUTNPC: return true;
    default: return false;
    }
}

/* Flags must be written where a fault or jump comes after that in the same body. */
static bool is_seen_after_write(const struct build *b, const struct rewrite *r)
{
    bool wrote = false, in_loop = false, observes = false;

    for (unsigned i = 0; i < r->count; i++) {
        bool writes = writes_flags(b, &r->nodes[i]);

        in_loop |= r->nodes[i].op == S_LOOP;
        observes |= is_observer(&r->nodes[i]);
        if (wrote && (is_observer(&r->nodes[i]) || (in_loop && observes)))
            return true;
        wrote |= writes;
    }
    return wrote && in_loop && observes;
}

static void add_without(struct build *b, uint32_t number)
{
    struct rewrite r = rewrite_new(b, variant_at(b, number)->body, 0);
    bool wrote = false;

    if (variant_at(b, number)->flags & VAR_MAY_FAULT)
        return;
    for (unsigned i = 0; i < r.count; i++) {
        wrote |= writes_flags(b, &r.nodes[i]);
        r.keeps[i] = is_effect(&r.nodes[i]) && !writes_flags(b, &r.nodes[i]);
    }
    if (!wrote || is_seen_after_write(b, &r) || b->variants.count >= ISA_NONE)
        return;
    drop_empty_ifs(&r);
    for (unsigned i = r.count; i-- > 0;)
        if (r.keeps[i])
            keep_operands(&r, i);
    for (unsigned i = 0; i < r.count; i++)
        if (r.keeps[i])
            copy_node(&r, i);
    uint32_t made = add_variant(&r, number);
    variant_at(b, number)->without_flags = (uint16_t)made;
}

/* --------------------------------------------------------------- known flagfns */

/* The law's shortcut, where the condition's value was. */
static void copy_shortcut(struct rewrite *r, unsigned root, const struct isa_law *law,
                          bool negated)
{
    const struct isa *isa = &r->b->isa;
    const struct isa_flagfn *fn = &isa->flagfns[law->flagfn];
    const struct sem *nodes = &isa->nodes[law->shortcut.first];
    uint16_t map[256];
    unsigned args = isa->flags[fn->group].args_file;

    for (unsigned i = 0; i < law->shortcut.count; i++) {
        struct sem node = nodes[i];
        uint16_t *operands[3];
        unsigned n = node_operands(isa, &node, operands);

        for (unsigned k = 0; k < n; k++)
            *operands[k] = map[*operands[k]];
        if (node.op == S_ARG)
            node = (struct sem){
                .op = S_GETF, .w = node.w, .a = (uint16_t)args, .b = node.a
            };
        map[i] = add_node(r, node);
    }
    r->map[root] = map[law->shortcut.count - 1];
    if (negated)
        r->map[root] = add_node(
            r, (struct sem){ .op = S_NOT, .w = 1, .a = r->map[root], .b = ISA_NONE });
}

struct known { /* the laws that hold for the conditions of a body after one flagfn */
    const struct flag_cond *conds;
    unsigned count;
    const struct isa_law *laws[MAX_KNOWN_CONDS];
    bool negated[MAX_KNOWN_CONDS];
};

/* How many nodes the shortcuts add; 0: no law says anything. */
static unsigned find_laws(struct build *b, struct known *known, unsigned flagfn)
{
    unsigned more = 0;

    for (unsigned k = 0; k < known->count; k++) {
        const struct isa_law *law =
            b->isa.flagfns[flagfn].group == known->conds[k].group
                ? flag_cond_law(&b->g->arena, &b->isa, &known->conds[k], flagfn,
                                &known->negated[k])
                : NULL;

        if (law && law->shortcut.count > 255)
            law = NULL;
        known->laws[k] = law;
        more += law ? law->shortcut.count + 1u : 0;
    }
    return more;
}

static void add_known(struct build *b, uint32_t number, struct known *known,
                      unsigned flagfn)
{
    unsigned more = find_laws(b, known, flagfn);
    struct rewrite r;

    if (!more || b->variants.count >= ISA_NONE)
        return;
    r = rewrite_new(b, variant_at(b, number)->body, more);
    for (unsigned i = r.count; i-- > 0;) {
        bool is_root = false;

        r.keeps[i] |= is_effect(&r.nodes[i]);
        for (unsigned k = 0; k < known->count; k++)
            is_root |= known->laws[k] && known->conds[k].root == i;
        if (r.keeps[i] && !is_root)
            keep_operands(&r, i);
    }
    for (unsigned i = 0; i < r.count; i++) {
        unsigned k = 0;

        if (!r.keeps[i])
            continue;
        while (k < known->count && !(known->laws[k] && known->conds[k].root == i))
            k++;
        if (k < known->count)
            copy_shortcut(&r, i, known->laws[k], known->negated[k]);
        else
            copy_node(&r, i);
    }
    uint32_t made = add_variant(&r, number);
    *VEC(b, flag_known, struct isa_flag_known) =
        (struct isa_flag_known){ (uint16_t)number, (uint16_t)flagfn, (uint16_t)made };
}

/* Those that touch memory are not worth it: they cost more than finding out the flagfn.
 * Nor are those that set flags too (add with carry): they come in many forms. */
static void add_all_known(struct build *b, uint32_t number)
{
    struct sem_body body = variant_at(b, number)->body;
    struct flag_cond *conds;
    struct known known;

    if (variant_at(b, number)->flags & VAR_MAY_FAULT || !b->laws.count)
        return;
    for (unsigned i = 0; i < body.count; i++)
        if (writes_flags(b, AT(b, nodes, struct sem, body.first + i)))
            return;
    known.count = flag_conds(&b->g->arena, &b->isa, body, false, &conds);
    known.conds = conds;
    if (!known.count || known.count > MAX_KNOWN_CONDS)
        return;
    for (unsigned fn = 0; fn < b->flagfns.count; fn++)
        add_known(b, number, &known, fn);
}

/* -------------------------------------------------------------------- flag use */

static uint64_t flag_bits(const struct build *b, unsigned group, uint32_t flags)
{
    return (uint64_t)flags << AT(b, flags, struct isa_flags, group)->first;
}

static void set_kind(struct isa_flag_use *use, const struct isa *isa, unsigned flagfn)
{
    unsigned group = isa->flagfns[flagfn].group;

    for (unsigned k = 0; k < 2; k++)
        if (use->kind[k] && isa->flagfns[use->kind[k] - 1].group == group)
            use->kind[k] = 0;
    for (unsigned k = 0; k < 2; k++)
        if (!use->kind[k]) {
            use->kind[k] = (uint16_t)(flagfn + 1);
            return;
        }
}

static void lose_kind(struct isa_flag_use *use, const struct isa *isa, unsigned group)
{
    use->touches |= UINT32_C(1) << group;
    for (unsigned k = 0; k < 2; k++)
        if (use->kind[k] && isa->flagfns[use->kind[k] - 1].group == group)
            use->kind[k] = 0;
}

/* Files of a group: as a guest's registers they are read and written behind our back. */
static bool is_flag_file(const struct build *b, unsigned file)
{
    for (uint32_t g = 0; g < b->flags.count; g++) {
        const struct isa_flags *flags = AT(b, flags, struct isa_flags, g);

        if (file == flags->bits_file || file == flags->kind_file ||
            file == flags->args_file)
            return true;
    }
    return false;
}

static void use_everything(struct build *b, struct isa_flag_use *use)
{
    use->observes = true;
    use->reads = UINT64_MAX;
    for (unsigned g = 0; g < b->flags.count; g++)
        lose_kind(use, &b->isa, g);
}

static void note_node(struct build *b, struct isa_flag_use *use, const struct sem *node,
                      bool always)
{
    const struct isa_flagfn *fn;
    int group;
    uint64_t bits;

    switch (node->op) {
    case S_FLAG: use->reads |= flag_bits(b, node->a, UINT32_C(1) << node->b); break;
    case S_SETFLAGS:
        fn = &b->isa.flagfns[node->d];
        bits = flag_bits(b, fn->group, fn->sets);
        use->may_set |= bits;
        lose_kind(use, &b->isa, fn->group);
        if (always)
            use->sets |= bits, set_kind(use, &b->isa, node->d);
        break;
    case S_SETTLE: lose_kind(use, &b->isa, node->a); break;
    case S_GETF:
    case S_PUTF:
        group = group_of(b, node->a);
        if (group < 0)
            break;
        bits = flag_bits(b, (unsigned)group, UINT32_C(1) << node->b);
        lose_kind(use, &b->isa, (unsigned)group);
        if (node->op == S_GETF)
            use->reads |= bits;
        else
            use->may_set |= bits, use->sets |= always ? bits : 0;
        break;
    case S_GETX:
    case S_PUTX:
        if (is_flag_file(b, node->a))
            use_everything(b, use);
        break;
    case S_HELPER:
    case S_SYSREAD:
    case S_SYSWRITE: use_everything(b, use); break;
    default: use->observes |= is_observer(node);
    }
}

/* Slots that are computed views, or flags seen as registers: anything may happen. */
static bool has_opaque_slot(struct build *b, const struct isa_variant *v)
{
    const struct isa_slot *slot = AT(b, slots, struct isa_slot, v->slot);

    for (unsigned i = 0; i < v->slots; i++) {
        unsigned file;

        if (slot[i].kind != SLOT_READ && slot[i].kind != SLOT_WRITE)
            continue;
        file = AT(b, views, struct isa_view, slot[i].view)->file;
        if (file == ISA_NONE || is_flag_file(b, file))
            return true;
    }
    return false;
}

static void add_use(struct build *b, uint32_t number)
{
    struct isa_variant *v = variant_at(b, number);
    const struct sem *nodes = AT(b, nodes, struct sem, v->body.first);
    unsigned jumps = VAR_ENDS_BLOCK | VAR_MAY_FAULT | VAR_BRANCHES | VAR_MODE | VAR_SYNC;
    struct isa_flag_use use;
    unsigned depth = 0;

    memset(&use, 0, sizeof use); /* compared as bytes */
    use.observes = (v->flags & (jumps | VAR_DELAY)) != 0;
    for (unsigned i = 0; i < v->body.count; i++) {
        depth += nodes[i].op == S_IF || nodes[i].op == S_LOOP;
        depth -= nodes[i].op == S_END;
        note_node(b, &use, &nodes[i], depth == 0);
    }
    if (has_opaque_slot(b, v))
        use_everything(b, &use);
    for (uint32_t i = 0; i < b->flag_uses.count; i++)
        if (!memcmp(AT(b, flag_uses, struct isa_flag_use, i), &use, sizeof use)) {
            v->flag_use = (uint16_t)i;
            return;
        }
    *VEC(b, flag_uses, struct isa_flag_use) = use;
    v->flag_use = (uint16_t)(b->flag_uses.count - 1);
}

/* Numbers the flags of all groups.  false: more than a set holds, or than kinds do. */
static bool number_flags(struct build *b)
{
    unsigned first = 0;

    for (uint32_t g = 0; g < b->flags.count; g++) {
        struct isa_flags *flags = AT(b, flags, struct isa_flags, g);

        flags->first = (uint8_t)first;
        first += flags->count;
        if (first > 64 || g >= ISA_FLAG_GROUPS)
            return false;
    }
    return first > 0;
}

void build_flag_variants(struct build *b)
{
    uint32_t chosen = b->variants.count, known;

    b->isa.nchosen = chosen;
    b->isa.nodes = b->nodes.items;
    if (!number_flags(b))
        return;
    for (uint32_t i = 0; i < chosen; i++)
        add_all_known(b, i);
    known = b->variants.count;
    for (uint32_t i = 0; i < known; i++)
        add_without(b, i);
    for (uint32_t i = 0; i < b->variants.count; i++)
        add_use(b, i);
}
