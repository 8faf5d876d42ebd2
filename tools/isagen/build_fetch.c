/* build_fetch.c - fetch clauses: parcels, and which of their bits give the length. */
#include <string.h>

#include "build.h"

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

void build_fetch(struct build *b, struct item *item)
{
    if (item->word2) { /* a stream: build_streams() goes on */
        item->number = 8;
        item->word = "little";
    }
    struct isa_fetch f = { .parcel = (uint8_t)(item->number / 8),
                           .big = !strcmp(item->word, "big"),
                           .high_first = item->flag,
                           .stream = ISA_NONE };
    uint32_t first = b->lengths.count;

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
        parcel_cubes(b, &b->lengths, l->expr, f.parcel * 8u, 0, 0, (unsigned)l->number);
    }
    f.lengths = first;
    f.nlengths = (uint16_t)(b->lengths.count - first);
    if (!b->isa.min_ilen || f.parcel < b->isa.min_ilen)
        b->isa.min_ilen = f.parcel;
    *VEC(b, fetches, struct isa_fetch) = f;
}
