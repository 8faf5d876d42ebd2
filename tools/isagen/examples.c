/* examples.c - ex lines to the table of examples. */
#include <ctype.h>
#include <string.h>

#include "build.h"
#include "isa/decode.h"
#include "isa/eval.h"

static unsigned hex_digit(int c)
{
    return isdigit(c) ? (unsigned)c - '0' : (unsigned)tolower(c) - 'a' + 10;
}

/* Parcels as numbers, as disassemblers print them; to bytes in memory order, at most
 * ISA_MAX_ILEN.  Returns how many. */
static unsigned hex_bytes(struct build *b, const char *hex, struct pos pos,
                          uint8_t *bytes, const struct isa_fetch *fetch)
{
    unsigned n = 0;

    for (const char *p = hex; *p;) {
        unsigned digits = 0, word_bytes;

        while (isxdigit((unsigned char)p[digits]))
            digits++;
        word_bytes = digits / 2;
        if (!digits || digits % 2 || n + word_bytes > ISA_MAX_ILEN)
            fail(b->g, pos, "E-SYNTAX", "the encoding is whole hexadecimal bytes: '%s'",
                 hex);
        for (unsigned i = 0; i < word_bytes; i++) {
            uint8_t byte = (uint8_t)(hex_digit(p[2 * i]) << 4 | hex_digit(p[2 * i + 1]));
            bool big = !fetch || fetch->big || fetch->stream != ISA_NONE;

            if (fetch && fetch->high_first &&
                !fetch->big) { /* little parcels, first one first */
                unsigned parcel = i / fetch->parcel, k = i % fetch->parcel;

                bytes[n + parcel * fetch->parcel + fetch->parcel - 1 - k] = byte;
            } else {
                bytes[n + (big ? i : word_bytes - 1 - i)] = byte;
            }
        }
        n += word_bytes;
        p += digits;
        while (isspace((unsigned char)*p))
            p++;
    }
    return n;
}

/* The bytes of an instruction, or of a test's instructions one after the other. */
static void example_bytes(struct build *b, const struct example *ex,
                          struct isa_ex_case *out, const struct isa_fetch *fetch)
{
    uint8_t bytes[255 + ISA_MAX_ILEN];
    unsigned n = 0;

    if (!ex->code)
        n = hex_bytes(b, ex->hex, ex->pos, bytes, fetch);
    out->code = b->ex_codes.count;
    for (const struct list *l = ex->code; l; l = l->next) {
        struct isa_ex_code code = { text_add(b, l->name), (uint8_t)n };

        if (++out->ncode == UINT8_MAX)
            fail(b->g, l->pos, "E-BUDGET", "a test has at most 254 instructions");
        *VEC(b, ex_codes, struct isa_ex_code) = code;
        n += hex_bytes(b, l->name2, l->pos, bytes + n, fetch);
        if (n > 255)
            fail(b->g, l->pos, "E-BUDGET", "a test has at most 255 bytes");
    }
    out->bytes = RUN(b, ex_bytes, bytes, n);
    out->length = (uint8_t)n;
}

static bool find_register(struct build *b, const char *name, struct isa_ex_item *item)
{
    struct view *v = find_view(b, name);
    unsigned n;
    size_t stem = strlen(name);

    for (uint32_t i = 0; i < b->regnames.count; i++) {
        const struct isa_regname *r = AT(b, regnames, struct isa_regname, i);

        if (!strcmp(text_at(b, r->name), name)) {
            item->view = r->view;
            item->index = r->index;
            return true;
        }
    }
    if (v && AT(b, views, struct isa_view, v->number)->count == 1) {
        item->view = v->number;
        return true;
    }
    while (stem && isdigit((unsigned char)name[stem - 1]))
        stem--;
    if (!name[stem] || sscanf(name + stem, "%u", &n) != 1)
        return false;
    v = find_view(b, arena_strndup(&b->g->arena, name, stem));
    if (!v || n >= AT(b, views, struct isa_view, v->number)->count)
        return false;
    item->view = v->number;
    item->index = (uint16_t)n;
    return true;
}

static void indexed_location(struct build *b, const struct expr *e,
                             struct isa_ex_item *item, uint64_t *addr)
{
    struct val index = lower_expr(b, e->b, 0);
    unsigned bits;
    struct view *v;

    if (e->a->kind != E_NAME || index.time != SPEC)
        fail(b->g, e->pos, "E-TYPE", "expected memN[ADDRESS] or REGISTER[N]");
    if (!strncmp(e->a->name, "mem", 3) && sscanf(e->a->name + 3, "%u", &bits) == 1 &&
        (bits == 8 || bits == 16 || bits == 32 || bits == 64 || bits == 128)) {
        item->loc = EX_MEM;
        item->size = (uint8_t)(bits / 8);
        *addr = index.lo;
        return;
    }
    v = find_view(b, e->a->name);
    if (!v || index.lo >= AT(b, views, struct isa_view, v->number)->count)
        fail(b->g, e->pos, "E-NAME", "no register %s[%llu]", e->a->name,
             (unsigned long long)index.lo);
    item->view = v->number;
    item->index = (uint16_t)index.lo;
}

/* a0, mem32[0x2000], f.z, pc, x[3] */
static void example_location(struct build *b, const struct expr *e,
                             struct isa_ex_item *item, uint64_t *addr)
{
    uint16_t group;
    int flag = -1;

    item->loc = EX_REG;
    if (e->kind == E_NAME && (!strcmp(e->name, "pc") || !strcmp(e->name, "npc"))) {
        item->loc = EX_PC; /* whatever register is called so */
        item->index = e->name[0] == 'n';
        return;
    }
    if (e->kind == E_INDEX) {
        indexed_location(b, e, item, addr);
        return;
    }
    if (e->kind == E_MEMBER && e->a->kind == E_NAME && e->name)
        flag = find_flag(b, e->a->name, e->name, &group);
    else if (e->kind == E_NAME && !find_register(b, e->name, item))
        flag = find_flag(b, NULL, e->name, &group);
    else if (e->kind == E_NAME)
        return;
    if (flag >= 0) {
        item->loc = EX_FLAG;
        item->view = group;
        item->index = (uint16_t)flag;
    } else {
        fail(b->g, e->pos, "E-NAME", "expected a register, flag, memN[A] or pc");
    }
}

static unsigned location_width(struct build *b, const struct isa_ex_item *item)
{
    return item->loc == EX_REG    ? AT(b, views, struct isa_view, item->view)->width
           : item->loc == EX_MEM  ? item->size * 8u
           : item->loc == EX_FLAG ? 1
                                  : b->isa.pc_width;
}

/* The values of an item, as many as are needed. */
static void set_values(struct build *b, struct isa_ex_item *item, uint64_t low,
                       uint64_t high, uint64_t addr)
{
    const uint64_t values[] = { low, high, addr };

    if (b->values.count >> EX_VALUE_BITS)
        fail_all(b->g, (struct pos){ 0 }, "E-BUDGET", "examples have too many values");
    item->nvalues = addr ? 3 : high ? 2 : low ? 1 : 0;
    item->value = RUN(b, values, values, item->nvalues);
}

static struct isa_ex_item *example_items(struct build *b, const struct list *list,
                                         uint8_t *count)
{
    struct isa_ex_item *items;
    unsigned n = 0;

    for (const struct list *l = list; l; l = l->next)
        if (++n == UINT8_MAX)
            fail(b->g, l->pos, "E-BUDGET", "an example has at most 254 values");
    items = arena_array(&b->g->arena, n + 1, sizeof *items);
    n = 0;
    for (const struct list *l = list; l; l = l->next, n++) {
        uint64_t addr = 0;

        example_location(b, l->expr, &items[n], &addr);
        if (items[n].loc == EX_REG) {
            const struct isa_view *v = AT(b, views, struct isa_view, items[n].view);

            if (v->file == ISA_NONE && !v->computed)
                fail(b->g, l->pos, "E-NAME",
                     "view %s needs an instruction's pc: name the element of its file",
                     text_at(b, v->name));
        }
        unsigned w = location_width(b, &items[n]);
        struct val v = lower_expr(b, l->expr2, w > 128 ? 128 : w);

        if (v.time != SPEC)
            fail(b->g, l->pos, "E-BIND", "an example's values are constants");
        if (l->expr2->kind == E_FLOAT && v.w < w) { /* boxed: ones above */
            v.lo |= v.w < 64 ? UINT64_MAX << v.w : 0;
            v.w = 64;
        } else if (!v.w) {
            if (w < 64 && (v.lo >> w) && (int64_t)v.lo < -(1ll << (w - 1)))
                fail(b->g, l->pos, "E-WIDTH", "does not fit %u bits", w);
            if (w < 64 && (int64_t)v.lo >= 0 && v.lo >> w)
                fail(b->g, l->pos, "E-WIDTH", "does not fit %u bits", w);
            v.hi = w > 64 && (l->expr2->kind == E_UNARY) && (int64_t)v.lo < 0 ? UINT64_MAX
                                                                              : 0;
        }
        set_values(b, &items[n], w < 64 ? v.lo & ((1ull << w) - 1) : v.lo, v.hi, addr);
    }
    *count = (uint8_t)n;
    return items;
}

static int find_model(struct build *b, const char *name)
{
    for (uint32_t i = 0; i < b->models.count; i++)
        if (!strcmp(text_at(b, AT(b, models, struct isa_model, i)->name), name))
            return (int)i;
    return -1;
}

/* A model of another target?  Then the example is not ours. */
static bool is_foreign_model(struct build *b, const char *name)
{
    const struct item *m = find_item(b, I_MODEL, name);

    return m && find_model(b, name) < 0;
}

static bool item_has(const struct item *model, const char *feature)
{
    for (const struct list *l = model->list; l; l = l->next)
        if (!strcmp(l->name, feature))
            return true;
    return false;
}

static bool item_fits(struct build *b, const struct item *model, uint16_t set)
{
    if (set == ISA_NONE)
        return true;
    for (;; set++) {
        const struct isa_feature_set *s =
            AT(b, feature_sets, struct isa_feature_set, set);
        bool all = true;

        for (unsigned i = 0; i < s->count; i++) {
            unsigned f = *AT(b, numbers, uint16_t, s->all + i);

            all &= item_has(model, text_at(b, *AT(b, features, uint32_t, f & 0x7fff))) ==
                   !(f & 0x8000);
        }
        if (all)
            return true;
        if (!s->or_next)
            return false;
    }
}

static bool is_target(struct build *b, const char *name)
{
    return b->target && find_item(b, I_TARGET, name);
}

/* The first model of this target that has the instruction; false: none has. */
static bool first_model(struct build *b, struct isa_ex_row *out)
{
    const struct isa_insn *insn = AT(b, insns, struct isa_insn, out->insn);

    for (uint32_t i = 0; i < b->kinds[I_MODEL].count; i++) {
        const struct item *m = ((struct item **)b->kinds[I_MODEL].items)[i];
        int number = find_model(b, m->name);

        if (number < 0 || !item_fits(b, m, insn->features))
            continue;
        out->model = (uint16_t)number;
        return true;
    }
    return !b->models.count || !b->target;
}

/* Sets the model; false: the example is of another target. */
static bool example_model(struct build *b, const struct example *ex,
                          struct isa_ex_row *out, uint64_t *mode_key)
{
    if (ex->model && is_target(b, ex->model)) {
        if (strcmp(ex->model, b->target->name))
            return false;
    } else if (ex->model) {
        int m = find_model(b, ex->model);

        if (m < 0 && is_foreign_model(b, ex->model))
            return false;
        if (m < 0) {
            int mode = find_named(b, &b->mode_items, ex->model);

            if (mode < 0)
                fail(b->g, ex->pos, "E-NAME", "no model %s", ex->model);
            *mode_key |= 1ull << AT(b, modes, struct isa_mode, mode)->at;
        } else {
            out->model = (uint16_t)m;
            return true;
        }
    }
    if (out->insn == ISA_NONE)
        return true;
    return first_model(b, out);
}

/* A decode-time value in a mode. */
static uint64_t value_in_mode(struct build *b, struct sem_body body, uint64_t mode)
{
    struct isa_decoded insn = { .insn = ISA_NONE, .mode = mode };

    b->isa.nodes = b->nodes.items; /* that may have moved */
    b->isa.consts = b->consts.items;
    b->isa.nnodes = b->nodes.count;
    b->isa.nconsts = b->consts.count;
    return isa_decode_value(&b->isa, body, &insn);
}

/* How the example's bytes are fetched in its mode. */
static const struct isa_fetch *example_fetch(struct build *b, uint64_t mode)
{
    for (uint32_t i = 0; i < b->fetches.count; i++) {
        const struct isa_fetch *fetch = AT(b, fetches, struct isa_fetch, i);

        if (!fetch->when.count || value_in_mode(b, fetch->when, mode) & 1)
            return fetch;
    }
    return NULL;
}

/* The byte order of memory in that mode, for its items. */
static void example_order(struct build *b, struct isa_ex_item *items, unsigned n,
                          uint64_t mode)
{
    const struct item *space = find_item(b, I_SPACE, NULL);
    bool big = space && !strcmp(space->word, "big");

    if (space && space->when) {
        struct val v = lower_cond(b, space->when);

        if (!(v.time == SPEC ? v.lo : value_in_mode(b, dx_body(b, v.d), mode)))
            big = !big;
    }
    for (unsigned i = 0; i < n; i++)
        if (items[i].loc == EX_MEM)
            items[i].view = big ? 2 : 1;
}

/* The mode key of the state before an example that is not in the table yet. */
static uint64_t mode_at(struct build *b, const struct isa_ex_row *row,
                        const struct isa_ex_item *pre, uint8_t npre,
                        const uint64_t *start)
{
    struct isa_example example = { .insn = row->insn,
                                   .model = row->model,
                                   .pc = start[0],
                                   .mode = start[1],
                                   .pre = pre,
                                   .npre = npre };

    b->isa.values = b->values.items; /* that may have moved */
    b->isa.strings = b->strings.items;
    return example_mode(&b->isa, &example);
}

static void build_example(struct build *b, const struct example *ex, uint16_t insn)
{
    struct isa_ex_row row = { .insn = insn, .model = ISA_NONE };
    struct isa_ex_case out = { .text = 0 };
    uint64_t start[2] = { b->isa.pc_width > 12 ? 0x1000 : 0, 0 }; /* pc and mode */
    struct isa_ex_item *pre, *post;
    uint8_t npre, npost;

    begin_body(b, true);
    if (!example_model(b, ex, &row, &start[1]))
        return;
    out.text = text_add(b, ex->text);
    out.where = where_is(b, ex->pos);
    for (const struct list *l = ex->modes; l; l = l->next) {
        int mode = find_named(b, &b->mode_items, l->name);

        if (mode < 0)
            fail(b->g, l->pos, "E-NAME", "no mode %s", l->name);
        start[1] |= l->number << AT(b, modes, struct isa_mode, mode)->at;
    }
    if (ex->pc)
        start[0] = (uint64_t)decide(b, lower_expr(b, ex->pc, 0), ex->pos, "the address");
    if (ex->invalid)
        row.insn = ISA_NONE;
    pre = example_items(b, ex->pre, &npre);
    post = example_items(b, ex->post, &npost);
    if (b->modes.count)
        start[1] = mode_at(b, &row, pre, npre, start);
    out.start = RUN(b, values, start, 2);
    example_order(b, pre, npre, start[1]);
    example_order(b, post, npost, start[1]);
    example_bytes(b, ex, &out, example_fetch(b, start[1]));
    if (ex->trap) {
        int trap = find_named(b, &b->trap_items, ex->trap);

        if (trap < 0)
            fail(b->g, ex->pos, "E-NAME", "no trap %s", ex->trap);
        post[npost].loc = EX_TRAP;
        post[npost++].index = (uint16_t)trap;
    }
    out.npre = npre;
    out.npost = npost;
    out.items = RUN(b, ex_items, pre, npre);
    RUN(b, ex_items, post, npost);
    row.number = RUN(b, ex_cases, &out, 1);
    *VEC(b, examples, struct isa_ex_row) = row;
    *VEC(b, example_pos, struct pos) = ex->pos;
}

static int insn_number(struct build *b, const char *name)
{
    for (uint32_t i = 0; i < b->insns.count; i++)
        if (!strcmp(text_at(b, AT(b, insns, struct isa_insn, i)->name), name))
            return (int)i;
    for (uint32_t i = 0; i < b->insns.count; i++) {
        const struct insn *insn = *AT(b, insn_items, const struct insn *, i);

        if (insn->whole && !strcmp(insn->whole, name))
            return (int)i; /* one of its rows: stream_examples() finds the right one */
    }
    return -1;
}

/* ex lines outside of instructions: the first word is the instruction, or a model. */
static void build_loose_example(struct build *b, const struct item *item)
{
    struct example ex = *item->example;
    const char *name = ex.insn ? ex.insn : ex.invalid ? NULL : ex.model;
    int insn = ISA_NONE;

    if (ex.code) {
        build_example(b, &ex, ISA_NONE);
        return;
    }
    if (!ex.insn && !ex.invalid)
        ex.model = NULL;
    if (!name && !ex.invalid) { /* then its text begins with it */
        size_t n = strcspn(ex.text, " ");

        name = arena_strndup(&b->g->arena, ex.text, n);
    }
    if (name) {
        insn = insn_number(b, name);
        if (insn < 0 && is_declared_insn(b, name))
            return; /* of another target, or with errors of its own */
        if (insn < 0)
            fail(b->g, ex.pos, "E-NAME", "no instruction %s", name);
    }
    build_example(b, &ex, (uint16_t)insn);
}

void build_examples(struct build *b)
{
    jmp_buf here, *outer = b->g->recover;

    for (volatile uint32_t i = 0; i < b->insns.count; i++) {
        const struct insn *insn = *AT(b, insn_items, const struct insn *, i);

        for (const struct example *volatile ex = insn->examples; ex; ex = ex->next) {
            b->g->recover = &here;
            if (!setjmp(here))
                build_example(b, ex, (uint16_t)i);
        }
    }
    for (volatile uint32_t i = 0; i < b->kinds[I_EX].count; i++) {
        struct item *item = ((struct item **)b->kinds[I_EX].items)[i];

        b->g->recover = &here;
        if (!setjmp(here))
            build_loose_example(b, item);
    }
    b->g->recover = outer;
}
