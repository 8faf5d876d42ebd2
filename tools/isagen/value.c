/* value.c - values by binding time: constants, decode-time expressions, folding. */
#include <string.h>

#include "build.h"

void *vec_add(struct build *b, struct vec *v, size_t size)
{
    if (v->count == v->room) {
        uint32_t room = v->room ? 2 * v->room : 16;

        v->items = arena_grow(&b->g->arena, v->items, v->count * size, room * size);
        v->room = room;
    }
    return memset((char *)v->items + size * v->count++, 0, size);
}

uint32_t run_add(struct build *b, struct vec *v, const void *items, uint32_t count,
                 size_t size)
{
    uint32_t first = v->count;

    if (first >> 24)
        fail_all(b->g, (struct pos){ 0 }, "E-BUDGET",
                 "tables of more than 16 million rows");
    for (uint32_t i = 0; i < count; i++)
        memcpy(vec_add(b, v, size), (const char *)items + i * size, size);
    return first;
}

uint32_t text_add(struct build *b, const char *text)
{
    return text ? RUN(b, strings, text, (uint32_t)strlen(text) + 1) : 0;
}

const char *text_at(const struct build *b, uint32_t text)
{
    return (const char *)b->strings.items + text;
}

/* From here on: what follows `isa-specs/` in the names of files. */
struct isa_where where_is(struct build *b, struct pos pos)
{
    const char *name, *slash;
    unsigned line, column;
    uint16_t i;

    source_where(pos, &name, &line, &column);
    slash = strstr(name, "isa-specs/");
    name = slash ? slash + 10 : name;
    for (i = 1; i < b->sources.count; i++)
        if (!strcmp(text_at(b, *AT(b, sources, uint32_t, i)), name))
            break;
    if (i == b->sources.count)
        *VEC(b, sources, uint32_t) = text_add(b, name);
    return (struct isa_where){ i, (uint16_t)(line < UINT16_MAX ? line : UINT16_MAX) };
}

struct val val_number(int64_t n)
{
    return (struct val){ .time = SPEC, .lo = (uint64_t)n };
}

static uint64_t low_bits(uint64_t v, unsigned w)
{
    return w >= 64 ? v : v & ((1ull << w) - 1);
}

static int64_t sign(uint64_t v, unsigned w)
{
    return w >= 64 ? (int64_t)v
                   : (int64_t)((low_bits(v, w) ^ (1ull << (w - 1))) - (1ull << (w - 1)));
}

struct val val_bits(uint64_t lo, unsigned w)
{
    return (struct val){ .w = (uint16_t)w, .time = SPEC, .lo = low_bits(lo, w) };
}

struct val val_run(uint16_t node, unsigned w)
{
    return (struct val){ .w = (uint16_t)w, .time = RUN, .node = node };
}

struct val val_decode(const struct dx *d, unsigned w)
{
    if (d->op == S_CONST)
        return w ? val_bits(d->k, w) : val_number((int64_t)d->k);
    return (struct val){ .w = (uint16_t)w, .time = DECODE, .d = d };
}

bool can_fold(int op)
{
    return op >= S_ADD && op <= S_CLMUL;
}

static uint64_t fold_bits(int op, unsigned w, uint64_t a)
{
    uint64_t r = 0;
    unsigned n = 0;

    switch (op) {
    case S_CLZ:
        while (n < w && !(a >> (w - 1 - n) & 1))
            n++;
        return n;
    case S_CTZ:
        while (n < w && !(a >> n & 1))
            n++;
        return n;
    case S_POPCNT:
        for (; a; a &= a - 1)
            n++;
        return n;
    case S_PARITY: return !(fold_bits(S_POPCNT, w, a) & 1);
    case S_BSWAP:
        for (; n < w; n += 8)
            r |= (a >> n & 0xff) << (w - 8 - n);
        return r;
    default: /* S_BITREV */
        for (; n < w; n++)
            r |= (a >> n & 1) << (w - 1 - n);
        return r;
    }
}

static uint64_t fold_divide(int op, unsigned w, uint64_t a, uint64_t c)
{
    int64_t sa = sign(a, w), sc = sign(c, w);

    switch (op) {
    case S_DIVU: return c ? a / c : 0;
    case S_REMU: return c ? a % c : a;
    case S_DIVS: return !c ? 0 : sc == -1 ? 0 - a : (uint64_t)(sa / sc);
    default: return !c ? a : sc == -1 ? 0 : (uint64_t)(sa % sc);
    }
}

/* The operation on constants; w: of the result, aw: of the first operand; all at most 64.
 */
uint64_t fold(int op, unsigned w, unsigned aw, uint64_t a, uint64_t c, uint64_t d)
{
    uint64_t r = 0;

    switch (op) {
    case S_ADD: r = a + c; break;
    case S_SUB: r = a - c; break;
    case S_MUL: r = a * c; break;
    case S_DIVU:
    case S_DIVS:
    case S_REMU:
    case S_REMS: r = fold_divide(op, aw, a, c); break;
    case S_AND: r = a & c; break;
    case S_OR: r = a | c; break;
    case S_XOR: r = a ^ c; break;
    case S_NOT: r = ~a; break;
    case S_NEG: r = 0 - a; break;
    case S_SHL: r = c < 64 ? a << c : 0; break;
    case S_SHRU: r = c < 64 ? a >> c : 0; break;
    case S_SHRS: r = (uint64_t)(sign(a, aw) >> (c < 63 ? c : 63)); break;
    case S_ROTL:
        c %= w;
        r = c ? a << c | a >> (w - c) : a;
        break;
    case S_ROTR:
        c %= w;
        r = c ? a >> c | a << (w - c) : a;
        break;
    case S_EQ: r = a == c; break;
    case S_NE: r = a != c; break;
    case S_LTU: r = a < c; break;
    case S_LTS: r = sign(a, aw) < sign(c, aw); break;
    case S_LEU: r = a <= c; break;
    case S_LES: r = sign(a, aw) <= sign(c, aw); break;
    case S_ZEXT: r = a; break;
    case S_SEXT: r = (uint64_t)sign(a, aw); break;
    case S_SELECT: r = a ? c : d; break;
    case S_CLMUL:
        for (unsigned i = 0; i < w; i++)
            r ^= c >> i & 1 ? a << i : 0;
        break;
    default: r = fold_bits(op, aw, a); break;
    }
    return low_bits(r, w);
}

/* Equal ones have equal hashes, and 64 bits tell others apart. */
static uint64_t dx_hash(int op, unsigned w, uint64_t k, const struct dx *const of[3])
{
    uint64_t h = (uint64_t)op << 16 | w;

    for (int i = 0; i < 4; i++) {
        h ^= i < 3 ? of[i] ? of[i]->hash + (uint64_t)i : 0 : k;
        h *= 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
        h *= 0xbf58476d1ce4e5b9u;
        h ^= h >> 32;
    }
    return h;
}

static void dx_const(struct dx *x, unsigned w, uint64_t k)
{
    const struct dx *none[3] = { NULL };

    *x = (struct dx){ .op = S_CONST,
                      .w = (uint16_t)w,
                      .k = k,
                      .depth = 1,
                      .hash = dx_hash(S_CONST, w, k, none) };
}

const struct dx *dx_new(struct build *b, int op, unsigned w, uint64_t k,
                        const struct dx *a, const struct dx *c, const struct dx *d)
{
    const struct dx *of[] = { a, c, d };
    struct dx *x = arena_alloc(&b->g->arena, sizeof *x);
    struct pos pos = b->l && b->l->insn ? b->l->insn->pos : (struct pos){ 0 };

    *x = (struct dx){ (uint8_t)op, (uint16_t)w, k, a, c, d, dx_hash(op, w, k, of), 1 };
    for (int i = 0; i < 3; i++)
        if (of[i] && of[i]->depth >= x->depth)
            x->depth = of[i]->depth + 1;
    work(b->g, pos);
    if (x->depth > MAX_DX_DEPTH)
        fail(b->g, pos, "E-BUDGET", "decode-time expression is too large");
    if (w > 64 || (a && a->w > 64) || (c && c->w > 64))
        return x;
    if (op == S_EXTRACT && a->op == S_CONST)
        dx_const(x, w, low_bits(a->k >> k, w));
    else if (op == S_CONCAT && a->op == S_CONST && c->op == S_CONST)
        dx_const(x, w, a->k << c->w | c->k);
    else if (op == S_SELECT && a->op == S_CONST)
        return a->k ? c : d;
    else if (can_fold(op) && op != S_EXTRACT && op != S_CONCAT && a && a->op == S_CONST &&
             (!c || c->op == S_CONST) && (!d || d->op == S_CONST))
        dx_const(x, w, fold(op, w, a->w, a->k, c ? c->k : 0, d ? d->k : 0));
    else if (op == S_AND && w == 1 && a->op == S_CONST)
        return a->k ? c : a;
    else if (op == S_AND && w == 1 && c->op == S_CONST)
        return c->k ? a : c;
    else if (op == S_OR && w == 1 && a->op == S_CONST)
        return a->k ? a : c;
    else if (op == S_OR && w == 1 && c->op == S_CONST)
        return c->k ? c : a;
    else if ((op == S_ADD || op == S_SUB || op == S_OR || op == S_XOR) &&
             c->op == S_CONST && !c->k)
        return a;
    return x;
}

bool dx_equal(const struct dx *a, const struct dx *c)
{
    return a == c || (a && c && a->op == c->op && a->w == c->w && a->k == c->k &&
                      a->depth == c->depth && a->hash == c->hash);
}

static bool field_range(struct build *b, const struct dx *d, int64_t *low, int64_t *high)
{
    const struct isa_field *f;

    if (!b->l || !b->l->insn || d->k >= b->fields.count - b->field_base)
        return false;
    f = AT(b, fields, struct isa_field,
           b->field_base + d->k); /* of the current instruction */
    if (f->bits + f->scale > 62)
        return false;
    *low = f->is_signed ? -(1ll << (f->bits - 1)) * (1ll << f->scale) : 0;
    *high = ((1ll << (f->bits - f->is_signed)) - 1) * (1ll << f->scale);
    return true;
}

static bool range(struct build *b, const struct dx *d, int64_t *low, int64_t *high,
                  unsigned *steps)
{
    int64_t l1, h1, l2, h2;

    *low = 0;
    *high = d->w < 63 ? (1ll << d->w) - 1 : INT64_MAX;
    if (++*steps > 1000)
        return d->w < 63;
    switch (d->op) {
    case S_CONST: *low = *high = (int64_t)d->k; return d->w == 64 || *low >= 0;
    case S_FIELD: return field_range(b, d, low, high);
    case S_ILEN: *high = ISA_MAX_ILEN; return true;
    case S_SEXT:
        if (d->w != 64 || d->a->w > 62)
            return d->w < 63;
        *low = -(1ll << (d->a->w - 1));
        *high = (1ll << (d->a->w - 1)) - 1;
        return true;
    case S_ZEXT:
        if (d->a->w < 63) {
            *high = (1ll << d->a->w) - 1;
            return true;
        }
        break;
    case S_ADD:
    case S_SUB:
        if (d->w == 64 && range(b, d->a, &l1, &h1, steps) &&
            range(b, d->b, &l2, &h2, steps) && l1 > -(1ll << 61) && h1 < 1ll << 61 &&
            l2 > -(1ll << 61) && h2 < 1ll << 61) {
            *low = d->op == S_ADD ? l1 + l2 : l1 - h2;
            *high = d->op == S_ADD ? h1 + h2 : h1 - l2;
            return true;
        }
        break;
    case S_AND:
        if (d->b->op == S_CONST && (int64_t)d->b->k >= 0) {
            *high = (int64_t)d->b->k;
            return true;
        }
        break;
    case S_SHL:
        if (d->w == 64 && d->b->op == S_CONST && d->b->k < 32 &&
            range(b, d->a, &l1, &h1, steps) && l1 > -(1ll << 30) && h1 < 1ll << 30) {
            *low = l1 * (1ll << d->b->k);
            *high = h1 * (1ll << d->b->k);
            return true;
        }
        break;
    case S_SELECT:
        if (range(b, d->b, &l1, &h1, steps) && range(b, d->c, &l2, &h2, steps)) {
            *low = l1 < l2 ? l1 : l2;
            *high = h1 > h2 ? h1 : h2;
            return true;
        }
        break;
    default: break;
    }
    return d->w < 63;
}

/* Bounds of a decode-time value, as a signed number where it is 64 bits wide.  Shared
 * parts are walked each time: after so many steps it may be anything. */
bool dx_range(struct build *b, const struct dx *d, int64_t *low, int64_t *high)
{
    unsigned steps = 0;

    return range(b, d, low, high, &steps);
}

/* The value as a decode-time expression of w bits (64 for a number). */
const struct dx *val_dx(struct build *b, struct val v, unsigned w)
{
    if (v.time == SPEC)
        return dx_new(b, S_CONST, w, low_bits(v.lo, w), NULL, NULL, NULL);
    if (v.d->w == w)
        return v.d;
    if (v.d->w > w)
        return dx_new(b, S_EXTRACT, w, 0, v.d, NULL, NULL);
    return dx_new(b, v.w ? S_ZEXT : S_SEXT, w, 0, v.d, NULL, NULL);
}

uint32_t const_add(struct build *b, uint64_t lo, uint64_t hi, bool wide)
{
    const uint64_t *all = b->consts.items;

    if (!wide)
        for (uint32_t i = b->consts.count; i-- > 0 && b->consts.count - i < 400;)
            if (all[i] == lo)
                return i;
    *VEC(b, consts, uint64_t) = lo;
    if (wide)
        *VEC(b, consts, uint64_t) = hi;
    return b->consts.count - (wide ? 2 : 1);
}

/* ------------------------------------------- decode-time expressions as bodies */

enum { BODY_INDEX = 1 << 16 };

static uint32_t hash_node(uint32_t hash, const struct sem *s)
{
    const uint32_t parts[] = { s->op | (uint32_t)s->x << 8 | (uint32_t)s->w << 16,
                               s->a | (uint32_t)s->b << 16, s->c | (uint32_t)s->d << 16 };

    for (int i = 0; i < 3; i++)
        hash = ((hash ^ parts[i]) * 16777619u) ^ (hash >> 15);
    return hash;
}

/* The nodes from `first` on as a body; an equal one that is there already is taken
 * instead. */
static struct sem_body body_share(struct build *b, uint32_t first, bool has_locals)
{
    const struct sem *nodes = b->nodes.items;
    uint32_t count = b->nodes.count - first, hash = 2166136261u;
    struct sem_body body = { first, count, has_locals };

    if (b->nodes.count >> BODY_FIRST_BITS || count > MAX_NODES)
        fail_all(b->g, (struct pos){ 0 }, "E-BUDGET", "bodies have too many nodes");
    if (!b->body_index) {
        b->body_index = arena_array(&b->g->arena, BODY_INDEX, sizeof *b->body_index);
        b->body_counts = arena_array(&b->g->arena, BODY_INDEX, sizeof *b->body_counts);
    }
    for (uint32_t i = 0; i < count;
         i++) /* not its bytes: a table is the same on any host */
        hash = hash_node(hash, &nodes[first + i]);
    for (unsigned tries = 0; count && tries < 16; tries++) {
        uint32_t slot = (hash + tries) % BODY_INDEX, at = b->body_index[slot];

        if (!at) {
            b->body_index[slot] = first + 1;
            b->body_counts[slot] = (uint16_t)count;
            break;
        }
        if (b->body_counts[slot] == count &&
            !memcmp(nodes + at - 1, nodes + first, count * sizeof *nodes)) {
            b->nodes.count = first;
            body.first = at - 1;
            break;
        }
    }
    return body;
}

struct dx_out {
    struct build *b;
    uint32_t first;
    const struct dx *done[256];
    uint16_t node[256];
    unsigned ndone, depth;
};

static uint16_t dx_write(struct dx_out *o, const struct dx *d, struct pos pos)
{
    struct build *b = o->b;
    struct sem s = {
        .op = d->op, .w = d->w, .a = ISA_NONE, .b = ISA_NONE, .c = ISA_NONE
    };

    for (unsigned i = 0; i < o->ndone; i++)
        if (dx_equal(o->done[i], d))
            return o->node[i];
    if (++o->depth > MAX_DEPTH || b->nodes.count - o->first > 60000)
        fail(b->g, pos, "E-BUDGET", "decode-time expression is too large");
    if (d->op == S_CONST) {
        uint32_t k = const_add(b, d->k, 0, d->w > 64);

        s.a = (uint16_t)k;
        s.b = (uint16_t)(k >> 16);
    } else if (d->op == S_FIELD || d->op == S_MODE || d->op == S_FEATURE ||
               d->op == S_ARG) {
        s.a = (uint16_t)d->k;
    } else {
        if (d->a)
            s.a = dx_write(o, d->a, pos);
        if (d->b)
            s.b = dx_write(o, d->b, pos);
        if (d->c)
            s.c = dx_write(o, d->c, pos);
        if (d->op == S_EXTRACT)
            s.b = (uint16_t)d->k;
    }
    *VEC(b, nodes, struct sem) = s;
    uint16_t n = (uint16_t)(b->nodes.count - 1 - o->first);
    if (o->ndone < 256) {
        o->done[o->ndone] = d;
        o->node[o->ndone++] = n;
    }
    o->depth--;
    return n;
}

struct sem_body dx_body(struct build *b, const struct dx *d)
{
    struct dx_out *o = arena_alloc(&b->g->arena, sizeof *o);
    struct pos pos = b->l && b->l->insn ? b->l->insn->pos : (struct pos){ 0 };

    o->b = b;
    o->first = b->nodes.count;
    uint16_t last = dx_write(o, d, pos);
    if (last != b->nodes.count - 1 - o->first) { /* the value is that of the last node */
        struct sem s = *AT(b, nodes, struct sem, o->first + last);

        *VEC(b, nodes, struct sem) = s;
    }
    return body_share(b, o->first, false);
}

struct sem_body body_finish(struct build *b)
{
    uint32_t first = b->nodes.count;

    for (unsigned i = 0; i < b->l->nnodes; i++)
        *VEC(b, nodes, struct sem) = b->l->nodes[i];
    return body_share(b, first, b->l->locals != 0);
}
