/* variants.c - one body, lowered once for each combination of its decode-time choices. */
#include <string.h>

#include "build.h"

/* Packs the slots into the op: each to the first free aligned place from byte 8 on. */
static unsigned pack_slots(struct build *b)
{
    uint64_t taken[16] = { 0xff }; /* a bit for each byte */
    unsigned end = 16;

    for (unsigned i = 0; i < b->l->nslots; i++) {
        struct isa_slot *s = &b->l->slots[i];
        unsigned at = 0, size = s->size,
                 step = s->kind == SLOT_RETURN || size <= 8 ? size : 8;

        for (;; at += step) {
            bool free = true;

            if (at + size > 250)
                fail(b->g, b->l->insn->pos, "E-BUDGET", "op needs more than 250 bytes");
            for (unsigned k = 0; k < size; k++)
                free &= !(taken[(at + k) / 64] >> (at + k) % 64 & 1);
            if (free)
                break;
        }
        for (unsigned k = 0; k < size; k++)
            taken[(at + k) / 64] |= 1ull << (at + k) % 64;
        s->at = (uint8_t)at;
        if (at + size > end)
            end = at + size;
    }
    return (end + 15) / 16;
}

/* expr as field + bias [+ pc], where it is no more than that. */
static void quick_slot(struct build *b, struct isa_slot *s, const struct dx *d)
{
    int64_t bias = 0;
    bool pc = false;

    if (d->op == S_EXTRACT && d->k == 0 && (d->w == 32 || d->w == 64) &&
        s->size * 8u <= d->w)
        d = d->a;
    if (d->op == S_ADD && d->b->op == S_CONST && d->w == 64) {
        bias = (int64_t)d->b->k;
        d = d->a;
    }
    if (d->op == S_ADD && d->w == 64 && d->a->op == S_PC) {
        pc = true;
        d = d->b;
        if (d->op == S_ADD && d->b->op == S_CONST && !bias) {
            bias = (int64_t)d->b->k;
            d = d->a;
        }
    }
    (void)b;
    if (d->op != S_FIELD || bias < INT32_MIN || bias > INT32_MAX || d->k > 254)
        return;
    s->quick = (uint8_t)(d->k + 1);
    s->plus_pc = pc;
    s->bias = (int32_t)bias;
}

static uint16_t effect_set(struct build *b, const uint64_t *set)
{
    unsigned words = effect_words(b);
    uint32_t n = words ? b->effects.count / words : 0;

    for (uint32_t i = 0; i < n; i++)
        if (!memcmp(AT(b, effects, uint64_t, i * words), set, words * sizeof *set))
            return (uint16_t)i;
    for (unsigned i = 0; i < words; i++)
        *VEC(b, effects, uint64_t) = set[i];
    return (uint16_t)n;
}

static uint32_t add_variant(struct build *b, uint16_t insn)
{
    struct lower *l = b->l;
    struct isa_variant v = { .insn = insn,
                             .slot = b->slots.count,
                             .slots = (uint8_t)l->nslots,
                             .without_flags = ISA_NONE };

    v.op_units = (uint8_t)pack_slots(b);
    v.body = body_finish(b);
    for (unsigned i = 0; i < effect_words(b); i++)
        if (l->writes[i] & b->mode_inputs[i])
            l->flags |= VAR_MODE | VAR_ENDS_BLOCK;
    if (l->returned)
        l->flags |= VAR_ENDS_BLOCK;
    v.flags = l->flags;
    v.reads = effect_set(b, l->reads);
    v.writes = effect_set(b, l->writes);
    for (unsigned i = 0; i < l->nslots; i++) {
        struct isa_slot s = l->slots[i];

        quick_slot(b, &s, l->slot_dx[i]);
        s.expr = dx_body(b, l->slot_dx[i]);
        *VEC(b, slots, struct isa_slot) = s;
    }
    *VEC(b, variants, struct isa_variant) = v;
    return b->variants.count - 1;
}

static struct path *path_new(struct build *b)
{
    struct path *p = arena_alloc(&b->g->arena, sizeof *p);

    p->variant = UINT32_MAX;
    return p;
}

/* The leaf of the current decisions, made on the way. */
static struct path *path_walk(struct build *b, struct path *root)
{
    for (unsigned i = 0; i < b->l->used; i++) {
        const struct decision *d = &b->l->decisions[i];

        if (!root->on) {
            root->on = d->on;
            root->values = d->values;
            root->children = arena_array(&b->g->arena, d->values, sizeof *root->children);
            for (unsigned k = 0; k < d->values; k++)
                root->children[k] = path_new(b);
        }
        root = root->children[d->value];
    }
    return root;
}

/* On to the next path: the last decision that has another value takes it. */
static bool next_path(struct lower *l)
{
    while (l->ndecisions) {
        struct decision *d = &l->decisions[l->ndecisions - 1];

        if (++d->value < d->values)
            return true;
        l->ndecisions--;
    }
    return false;
}

/* The tree as a link.  `none`: for the paths that the constraint rules out. */
static uint32_t flatten(struct build *b, const struct path *p, uint32_t none)
{
    struct isa_choice choice = { .values = (uint16_t)p->values };
    uint32_t *links;

    if (!p->on)
        return LINK_VARIANT | (p->variant == UINT32_MAX ? none : p->variant);
    links = arena_array(&b->g->arena, p->values, sizeof *links);
    for (unsigned i = 0; i < p->values; i++)
        links[i] = flatten(b, p->children[i], none);
    choice.expr = dx_body(b, p->on);
    choice.first = RUN(b, links, links, p->values);
    return RUN(b, choices, &choice, 1);
}

/* Lowers the body along the decisions; false where they contradict the constraint, or it
 * has errors. */
static bool lower_path(struct build *b, const struct insn_context *c)
{
    jmp_buf dead, *recover = b->g->recover;
    FILE *messages = b->g->messages;
    unsigned errors = b->g->errors;
    struct lower *l = b->l;

    l->where = c->where;
    l->dead = &dead;
    if (setjmp(dead)) { /* maybe out of an attempt of lower_for() */
        b->g->recover = recover;
        b->g->messages = messages;
        if (!l->failed)
            b->g->errors = errors;
        b->l = l;
        return false;
    }
    if (c->where)
        nonzero_learn(b, val_decode(c->where, 1), true);
    stream_begin(b);
    l->recovers = true;
    lower_meaning(b, c->insn->around, c->body);
    l->recovers = false;
    if (!l->failed)
        stream_end(b);
    return !l->failed;
}

uint32_t lower_variants(struct build *b, struct insn_context *c, uint16_t insn)
{
    struct path *root = path_new(b);
    struct decision decisions[MAX_DECISIONS];
    unsigned ndecisions = 0, n = 0;
    uint32_t last = 0;
    bool failed = false;
    uint32_t first = b->variants.count;

    do {
        begin_body(b, false);
        struct lower *l = b->l;

        l->insn = c->insn;
        l->opers = c->opers;
        l->nopers = c->nopers;
        memcpy(l->decisions, decisions, ndecisions * sizeof *decisions);
        l->ndecisions = ndecisions;
        l->reads = arena_array(&b->g->arena, effect_words(b) + 1, sizeof(uint64_t));
        l->writes = arena_array(&b->g->arena, effect_words(b) + 1, sizeof(uint64_t));
        if (++n > MAX_VARIANTS)
            fail(b->g, c->insn->pos, "E-BUDGET", "more than %d variants: %s",
                 MAX_VARIANTS, choices_text(b, root));
        bool lives = lower_path(b, c);
        failed |= l->failed;
        l->ndecisions = l->used;
        struct path *leaf = path_walk(b, root);
        if (lives)
            leaf->variant = last = add_variant(b, insn);
        ndecisions = l->ndecisions;
        memcpy(decisions, l->decisions, ndecisions * sizeof *decisions);
        l->ndecisions = ndecisions;
        if (!next_path(l))
            break;
        ndecisions = l->ndecisions;
        memcpy(decisions, l->decisions, ndecisions * sizeof *decisions);
    } while (1);
    if (failed)
        fail_again(b->g);
    check_effects(b, c->insn, first);
    check_budget(b, c->insn, first, root);
    return flatten(b, root, last);
}
