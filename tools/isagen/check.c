/* check.c - the checks of a finished table: decoding, examples, hygiene. */
#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "build.h"
#include "dtree.h"
#include "isa/eval.h"
#include "isa/text.h"
#include "proofs.h"

void check_say(struct isagen *g, struct pos pos, const char *code, const char *fmt, ...)
{
    char text[1200];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (code[0] == 'E') {
        g->found++;
        error_at(g, pos, code, "%s", text);
    } else {
        warn_at(g, pos, code, "%s", text);
    }
}

struct pos insn_pos(struct isagen *g, unsigned insn)
{
    return (*AT(g->built, insn_items, const struct insn *, insn))->pos;
}

/* -------------------------------------------------------------------- decoding */

/* `refines NAME` in a: it is meant to be a special case of b. */
static bool refines(struct isagen *g, unsigned a, unsigned b)
{
    const struct insn *insn = *AT(g->built, insn_items, const struct insn *, a);
    const struct isa_insn *row = AT(g->built, insns, struct isa_insn, b);

    for (const struct list *l = insn->refines; l; l = l->next)
        if (!strcmp(l->name, text_at(g->built, row->name)))
            return true;
    return false;
}

/* Rows of one instruction: they may well have texts in common. */
static bool same_insn(struct isagen *g, unsigned a, unsigned b)
{
    const struct insn *x = *AT(g->built, insn_items, const struct insn *, a),
                      *y = *AT(g->built, insn_items, const struct insn *, b);

    return x->whole && y->whole && !strcmp(x->whole, y->whole);
}

static bool is_total(struct build *b)
{
    for (uint32_t i = 0; i < b->kinds[I_FETCH].count; i++)
        if (((struct item **)b->kinds[I_FETCH].items)[i]->flag2)
            return true;
    return false;
}

static void decode_finding(void *context, const char *code, uint16_t a, uint16_t b,
                           uint64_t word, const char *text)
{
    struct isagen *g = context;
    uint16_t at = a;
    char where[200];

    if (a == ISA_NONE) {
        const struct item *fetch = find_item(g->built, I_FETCH, NULL);

        if (!strcmp(code, "W-GAP") && is_total(g->built))
            code = "E-GAP";
        check_say(g, fetch ? fetch->pos : (struct pos){ g->sources, 0 }, code, "%s",
                  text);
        return;
    }
    if (!strcmp(code, "W-CONTAIN") && refines(g, a, b))
        return;
    if (!strcmp(code, "E-TEXT-AMBIG") && same_insn(g, a, b))
        return;
    if ((!strcmp(code, "E-OVERLAP") || !strcmp(code, "E-TEXT-AMBIG")) && b != ISA_NONE &&
        b > a)
        at = b;
    if (b != ISA_NONE)
        isa_where_text(&g->built->isa, g->built->isa.insns[at == a ? b : a].where, where,
                       sizeof where);
    if (!g->built->isa.insns[a].length) /* of a stream: the text has its witness */
        check_say(g, insn_pos(g, at), code, "%s%s%s", text,
                  b == ISA_NONE ? "" : "; the other one is at ",
                  b == ISA_NONE ? "" : where);
    else if (b == ISA_NONE)
        check_say(g, insn_pos(g, at), code, "%s (witness 0x%" PRIx64 ")", text, word);
    else
        check_say(g, insn_pos(g, at), code,
                  "%s (witness 0x%" PRIx64 "; the other one is at %s)", text, word,
                  where);
}

/* `exclusive A, B;` */
static void add_exclusive(struct build *b, struct dtree_report *report)
{
    const struct vec *items = &b->kinds[I_EXCLUSIVE];
    struct dtree_exclusive *sets =
        arena_array(&b->g->arena, items->count + 1u, sizeof *sets);

    for (uint32_t i = 0; i < items->count; i++) {
        const struct item *item = ((struct item **)items->items)[i];
        uint16_t *all = arena_array(&b->g->arena, ISA_MAX_FEATURES, sizeof *all);
        unsigned n = 0;

        for (const struct list *l = item->list; l && n < ISA_MAX_FEATURES; l = l->next) {
            int f = find_feature(b, l->name);

            if (f < 0)
                check_say(b->g, l->pos, "E-NAME", "no feature %s is declared", l->name);
            else
                all[n++] = (uint16_t)f;
        }
        sets[i] = (struct dtree_exclusive){ all, n };
    }
    report->exclusive = sets;
    report->nexclusive = items->count;
}

/* `reserved NAME enc ...;` */
static void add_claims(struct build *b, struct dtree_report *report)
{
    const struct vec *items = &b->kinds[I_RESERVED];
    struct dtree_claim *claims =
        arena_array(&b->g->arena, items->count + 1u, sizeof *claims);
    unsigned n = 0;

    for (uint32_t i = 0; i < items->count; i++) {
        const struct item *item = ((struct item **)items->items)[i];
        struct dtree_claim *claim = &claims[n];
        unsigned bits = 0;

        *claim = (struct dtree_claim){ 0 };
        for (const struct enc *e = item->insn->enc; e; e = e->next) {
            if (!e->bits && (bits = 65))
                break;
            for (const char *c = e->bits; *c && bits <= 64; c++, bits++) {
                claim->mask = claim->mask << 1 | (*c != '-');
                claim->value = claim->value << 1 | (*c == '1');
            }
        }
        if (bits > 64 || bits % 8 || !bits) {
            check_say(b->g, item->pos, "E-WIDTH-ENC",
                      "reserved %s: whole bytes of 0, 1 and -, at most 64 bits",
                      item->name);
            continue;
        }
        claim->length = bits / 8;
        n++;
    }
    report->claims = claims;
    report->nclaims = n;
}

/* The length that the fetch clause gives a first parcel; 0: none. */
static unsigned length_of(const struct isa *isa, const struct isa_fetch *fetch,
                          uint64_t parcel)
{
    const struct isa_length *lengths = &isa->lengths[fetch->lengths];

    for (unsigned i = 0; i < fetch->nlengths; i++)
        if ((parcel & lengths[i].mask) == lengths[i].value)
            return lengths[i].bytes;
    return 0;
}

/* Every word of the instruction must be fetched with its length. */
static void check_length(struct isagen *g, const struct isa_fetch *fetch, unsigned number)
{
    const struct isa *isa = &g->built->isa;
    const struct isa_insn *insn = &isa->insns[number];
    unsigned shift = fetch->big || fetch->high_first
                         ? 8u * (insn->length - (unsigned)fetch->parcel)
                         : 0;
    uint64_t mask = insn->mask >> shift, value = insn->value >> shift;

    for (unsigned i = 0; i <= fetch->nlengths; i++) {
        const struct isa_length *row =
            &isa->lengths[fetch->lengths + (i < fetch->nlengths ? i : 0)];
        uint64_t parcel = value;
        unsigned length;

        if (i < fetch->nlengths && !((row->value ^ value) & row->mask & mask))
            parcel |= row->value & ~mask;
        length = length_of(isa, fetch, parcel);
        if (length == insn->length)
            continue;
        check_say(g, insn_pos(g, number), "E-LENGTH",
                  "%s has %u bytes, but a first parcel of 0x%0*" PRIx64
                  " is fetched as %u bytes%s",
                  isa_string(isa, insn->name), insn->length, 2 * fetch->parcel, parcel,
                  length, length ? "" : " (reserved)");
        return;
    }
}

static void check_lengths(struct isagen *g)
{
    const struct isa *isa = &g->built->isa;

    for (unsigned i = 0; i < isa->ninsns; i++) {
        const struct isa_insn *insn = &isa->insns[i];
        unsigned f = insn->mode_set == ISA_NONE ? 0 : insn->mode_set;

        if (insn->length >= isa->fetches[f].parcel && isa->fetches[f].nlengths &&
            (insn->mode_set != ISA_NONE || isa->nfetches == 1))
            check_length(g, &isa->fetches[f], i);
    }
}

/* ------------------------------------------------------------------------- hygiene */

static void check_hygiene(struct isagen *g)
{
    struct build *b = g->built;
    const struct isa *isa = &b->isa;
    bool *has = arena_array(&g->arena, isa->ninsns + 1u, sizeof *has);

    for (unsigned i = 0; i < isa->nexamples; i++)
        if (isa->examples[i].insn != ISA_NONE)
            has[isa->examples[i].insn] = true;
    for (unsigned i = 0; i < isa->ninsns; i++) {
        if (!has[i])
            check_say(g, insn_pos(g, i), "W-NOEX", "%s has no example",
                      isa_string(isa, isa->insns[i].name));
        if (!isa->insns[i].doc)
            check_say(g, insn_pos(g, i), "W-NODOC", "%s has no doc",
                      isa_string(isa, isa->insns[i].name));
    }
}

static void check_examples(struct isagen *g)
{
    struct build *b = g->built;
    char error[1024];

    for (uint32_t i = 0; i < b->examples.count; i++) {
        struct pos pos = *AT(b, example_pos, struct pos, i);

        struct isa_example ex = isa_example(&b->isa, i);

        if ((!ex.code && example_text(&b->isa, &ex, error, sizeof error)) ||
            eval_example(&b->isa, &ex, error, sizeof error))
            check_say(g, pos, "E-EX", "%s", error);
    }
}

unsigned check_target(struct isagen *g, const struct check_options *options)
{
    const struct isa *isa = &g->built->isa;
    struct dtree_report report = { .report = decode_finding, .context = g };

    g->found = 0;
    add_exclusive(g->built, &report);
    add_claims(g->built, &report);
    check_lengths(g);
    dtree_check_overlaps(isa, &report);
    if (options->gaps || is_total(g->built))
        dtree_check_gaps(isa, &report, 200);
    bool decodes = g->found == 0; /* else texts would be read as other instructions */

    if (!options->no_examples)
        check_examples(g);
    if (decodes) {
        proofs_text(isa, &report);
        check_aliases(g);
    }
    if (options->hygiene)
        check_hygiene(g);
    return g->found;
}
