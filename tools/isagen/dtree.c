/* dtree.c - the decode tree of each fetch clause.
 *
 * A node looks at a few neighbouring bits of the instruction's key (decode.h) and has a
 * child for each value of them; a leaf is a list of the instructions that are left, the
 * most specific one first.  What a subtree looks like depends on its list only, so equal
 * lists share one subtree. */
#include "isagen/dtree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/decode.h"

enum {
    SMALL_LEAF = 2, /* lists up to this length are not split */
    MAX_BITS = 8,   /* that one node looks at */
    MAX_DEPTH = 60,
    BUCKETS = 4096,
};

/* A list that has its subtree already. */
struct known {
    struct known *next;
    uint16_t *list;
    unsigned count;
    uint16_t at; /* node, or DLEAF | position */
};

struct builder {
    const struct isa *isa;
    uint64_t *mask, *value; /* keys, by instruction */
    struct isa_dnode *nodes;
    uint16_t *table, *leaves;
    uint32_t nnodes, ntable, nleaves;
    unsigned small_leaf;
    bool is_full;
    struct known *buckets[BUCKETS];
};

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);

    if (!memory)
        die("out of memory");
    return memory;
}

static unsigned count_bits(uint64_t a)
{
    unsigned n = 0;

    for (; a; a &= a - 1)
        n++;
    return n;
}

/* ----------------------------------------------------------------- sharing */

static unsigned hash_list(const uint16_t *list, unsigned count)
{
    uint32_t hash = 2166136261u;

    for (unsigned i = 0; i < count; i++)
        hash = (hash ^ list[i]) * 16777619u;
    return (hash ^ hash >> 12) % BUCKETS;
}

static struct known *find_known(struct builder *b, const uint16_t *list, unsigned count)
{
    struct known *known = b->buckets[hash_list(list, count)];

    while (known && (known->count != count ||
                     memcmp(known->list, list, count * sizeof(*list)) != 0))
        known = known->next;
    return known;
}

static void add_known(struct builder *b, const uint16_t *list, unsigned count,
                      unsigned at)
{
    struct known *known = allocate(1, sizeof(*known));
    struct known **bucket = &b->buckets[hash_list(list, count)];

    known->list = allocate(count, sizeof(*list));
    if (count)
        memcpy(known->list, list, count * sizeof(*list));
    known->count = count;
    known->at = (uint16_t)at;
    known->next = *bucket;
    *bucket = known;
}

static void forget_known(struct builder *b)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        while (b->buckets[i]) {
            struct known *known = b->buckets[i];

            b->buckets[i] = known->next;
            free(known->list);
            free(known);
        }
}

/* ------------------------------------------------------------------- splitting */

/* How many of the list fall to each value of the bits: an instruction counts for all
 * values of the bits that it leaves open. */
static void count_children(const struct builder *b, const uint16_t *list, unsigned count,
                           unsigned shift, unsigned bits, unsigned *children)
{
    unsigned all = (1u << bits) - 1;

    memset(children, 0, sizeof(*children) << bits);
    for (unsigned i = 0; i < count; i++) {
        unsigned fixed = (unsigned)(b->mask[list[i]] >> shift) & all;
        unsigned value = (unsigned)(b->value[list[i]] >> shift) & fixed;
        unsigned open = all & ~fixed, k = open;

        for (;; k = (k - 1) & open) {
            children[value | k]++;
            if (!k)
                break;
        }
    }
}

/* Expected length of the list that is left for one of these instructions, with a price on
 * the size of the table.  HUGE_VAL: no progress. */
static double cost_of(const struct builder *b, const uint16_t *list, unsigned count,
                      unsigned shift, unsigned bits)
{
    unsigned children[1 << MAX_BITS];
    double sum = 0, squares = 0;

    count_children(b, list, count, shift, bits, children);
    for (unsigned v = 0; v < 1u << bits; v++) {
        if (children[v] == count)
            return HUGE_VAL;
        sum += children[v];
        squares += (double)children[v] * children[v];
    }
    for (unsigned i = 0; i < bits; i++)
        squares *= 1.2; /* for the table */
    return squares / sum;
}

static bool choose_bits(const struct builder *b, const uint16_t *list, unsigned count,
                        unsigned *shift, unsigned *bits)
{
    uint64_t used = 0;
    double best = HUGE_VAL;
    unsigned most = 1;

    for (unsigned i = 0; i < count; i++)
        used |= b->mask[list[i]];
    while (most < MAX_BITS && 1u << most < 2 * count)
        most++;
    for (unsigned n = 1; n <= most; n++)
        for (unsigned s = 0; s + n <= 64; s++) {
            double cost;

            if (!(used >> s & 1) || !(used >> (s + n - 1) & 1))
                continue; /* a smaller range does it */
            cost = cost_of(b, list, count, s, n);
            if (cost < best) {
                best = cost;
                *shift = s;
                *bits = n;
            }
        }
    return best < HUGE_VAL;
}

/* -------------------------------------------------------------------- building */

static unsigned make_leaf(struct builder *b, const uint16_t *list, unsigned count)
{
    unsigned at = b->nleaves;

    if (b->nleaves + count + 1 > DLEAF) {
        b->is_full = true;
        return DLEAF;
    }
    memcpy(b->leaves + at, list, count * sizeof(*list));
    b->leaves[at + count] = ISA_NONE;
    b->nleaves += count + 1;
    return DLEAF | at;
}

static unsigned build(struct builder *b, const uint16_t *list, unsigned count,
                      unsigned depth);

static unsigned make_node(struct builder *b, const uint16_t *list, unsigned count,
                          unsigned shift, unsigned bits, unsigned depth)
{
    unsigned at = b->nnodes, first = b->ntable, size = 1u << bits;
    uint16_t *child = allocate(count, sizeof(*child));

    if (at + 1 >= DLEAF || first + size > UINT16_MAX) {
        b->is_full = true;
        free(child);
        return DLEAF;
    }
    b->nnodes++;
    b->ntable += size;
    b->nodes[at] = (struct isa_dnode){ (uint8_t)shift, (uint8_t)bits, (uint16_t)first };
    for (unsigned v = 0; v < size && !b->is_full; v++) {
        unsigned n = 0;

        for (unsigned i = 0; i < count; i++) {
            uint64_t differ = b->value[list[i]] ^ (uint64_t)v << shift;

            if (!(differ & b->mask[list[i]] & (uint64_t)(size - 1) << shift))
                child[n++] = list[i];
        }
        b->table[first + v] = (uint16_t)build(b, child, n, depth + 1);
    }
    free(child);
    return at;
}

static unsigned build(struct builder *b, const uint16_t *list, unsigned count,
                      unsigned depth)
{
    struct known *known = find_known(b, list, count);
    unsigned shift = 0, bits = 0, at;

    if (known)
        return known->at;
    if (count <= b->small_leaf || depth >= MAX_DEPTH ||
        !choose_bits(b, list, count, &shift, &bits))
        at = make_leaf(b, list, count);
    else
        at = make_node(b, list, count, shift, bits, depth);
    if (!b->is_full)
        add_known(b, list, count, at);
    return at;
}

/* The most specific one first; of equals, the first one of the spec. */
static const uint64_t *sort_masks;

static int compare_insns(const void *a, const void *b)
{
    uint16_t x = *(const uint16_t *)a, y = *(const uint16_t *)b;
    unsigned more_x = count_bits(sort_masks[x]), more_y = count_bits(sort_masks[y]);

    return more_x != more_y ? (more_x < more_y) - (more_x > more_y) : (x > y) - (x < y);
}

static void build_fetch(struct builder *b, struct isa_fetch *fetch, unsigned number)
{
    uint16_t *list = allocate(b->isa->ninsns, sizeof(*list));
    unsigned count = 0;

    for (unsigned i = 0; i < b->isa->ninsns; i++) {
        const struct isa_insn *insn = &b->isa->insns[i];

        if ((insn->mode_set != number && insn->mode_set != ISA_NONE) || !insn->length)
            continue;
        b->mask[i] = isa_decode_key(fetch, insn->mask, insn->length);
        b->value[i] = isa_decode_key(fetch, insn->value, insn->length);
        list[count++] = (uint16_t)i;
    }
    sort_masks = b->mask;
    qsort(list, count, sizeof(*list), compare_insns);
    forget_known(b);
    fetch->root = (uint16_t)build(b, list, count, 0);
    free(list);
}

int dtree_build(struct isa *isa)
{
    struct builder b = { .isa = isa };

    b.mask = allocate(isa->ninsns, sizeof(*b.mask));
    b.value = allocate(isa->ninsns, sizeof(*b.value));
    b.nodes = allocate(DLEAF, sizeof(*b.nodes));
    b.table = allocate(UINT16_MAX + 1, sizeof(*b.table));
    b.leaves = allocate(DLEAF, sizeof(*b.leaves));
    for (b.small_leaf = SMALL_LEAF; b.small_leaf <= 256; b.small_leaf *= 2) {
        b.nnodes = b.ntable = b.nleaves = 0;
        b.is_full = false;
        for (unsigned i = 0; i < isa->nfetches && !b.is_full; i++)
            build_fetch(&b, (struct isa_fetch *)&isa->fetches[i], i);
        forget_known(&b);
        if (!b.is_full)
            break;
    }
    free(b.mask);
    free(b.value);
    isa->dnodes = b.nodes;
    isa->dtable = b.table;
    isa->dleaves = b.leaves;
    isa->ndnodes = (uint16_t)b.nnodes;
    isa->ndtable = b.ntable;
    isa->ndleaves = b.nleaves;
    return b.is_full ? -1 : 0;
}

void dtree_free(struct isa *isa)
{
    free((void *)isa->dnodes);
    free((void *)isa->dtable);
    free((void *)isa->dleaves);
    isa->dnodes = NULL;
    isa->dtable = isa->dleaves = NULL;
    isa->ndnodes = 0;
    isa->ndtable = isa->ndleaves = 0;
}
