/* stream_build.c - streams and rows to the tables of src/isa/stream.h. */
#include <stdlib.h>
#include <string.h>

#include "stream_info.h"

/* --------------------------------------------------------------- names of a stream */

int stream_field(const struct stream_info *si, const char *name)
{
    for (unsigned i = 0; i < si->nopers; i++)
        if (!strcmp(si->opers[i].name, name))
            return (int)i;
    return -1;
}

static unsigned field_bits(const struct build *b, const struct stream_info *si,
                           unsigned field)
{
    return ((struct isa_field *)b->fields.items)[si->field_base + field].bits;
}

/* ------------------------------------------------------------------------- drawing */

static unsigned draw_width(struct build *b, const struct stream_info *si,
                           const struct draw *d)
{
    int field;

    if (d->bits)
        return (unsigned)strlen(d->bits);
    if (d->width)
        return d->width;
    if (d->high >= 0)
        return (unsigned)(d->high - d->low + 1);
    if ((field = stream_field(si, d->name)) < 0)
        fail(b->g, d->pos, "E-NAME",
             "field %s is not declared; a piece is written %s:BITS", d->name, d->name);
    return field_bits(b, si, (unsigned)field);
}

static void draw_name(struct build *b, const struct stream_info *si, const struct draw *d,
                      struct picture *p, unsigned at, unsigned len)
{
    int field = stream_field(si, d->name);
    struct stream_set set = { .at = (uint8_t)at,
                              .len = (uint8_t)len,
                              .invert = d->invert };

    if (!strcmp(d->name, "map")) {
        field = STREAM_MAP;
    } else if (field < 0) {
        *(struct isa_piece *)vec_add(b, &p->pieces, sizeof(struct isa_piece)) =
            (struct isa_piece){ (uint8_t)at, (uint8_t)len, 0 };
        *(const char **)vec_add(b, &p->names, sizeof(char *)) = d->name;
        return;
    } else {
        unsigned bits = field_bits(b, si, (unsigned)field);

        set.to = d->low > 0 ? (uint8_t)d->low : 0;
        if (set.to + len > bits)
            fail(b->g, d->pos, "E-FIELD-OVERLAP", "%s has %u bits", d->name, bits);
        set.is_signed = d->is_signed ||
                        (len == bits &&
                         AT(b, fields, struct isa_field, si->field_base + (unsigned)field)
                             ->is_signed);
    }
    set.field = (uint8_t)field;
    *(struct stream_set *)vec_add(b, &p->sets, sizeof set) = set;
}

struct picture stream_draw(struct build *b, const struct stream_info *si,
                           const struct draw *first, unsigned most)
{
    struct picture p = { 0 };
    unsigned at;

    for (const struct draw *d = first; d; d = d->next)
        p.bits += draw_width(b, si, d);
    if (!p.bits || p.bits % (8 * si->s->unit) || p.bits > most)
        fail(b->g, first->pos, "E-WIDTH-ENC",
             "%u bits are drawn, want whole units up to %u", p.bits, most);
    at = p.bits;
    for (const struct draw *d = first; d; d = d->next) {
        unsigned len = draw_width(b, si, d);

        at -= len;
        if (!d->bits) {
            draw_name(b, si, d, &p, at, len);
            continue;
        }
        for (unsigned i = 0; i < len; i++) {
            uint64_t bit = 1ull << (at + len - 1 - i);

            p.mask |= d->bits[i] == '-' ? 0 : bit;
            p.value |= d->bits[i] == '1' ? bit : 0;
        }
    }
    return p;
}

static struct stream_sets add_sets(struct build *b, struct stream_info *si,
                                   const struct vec *sets)
{
    struct stream_sets run = { (uint16_t)si->sets.count, (uint16_t)sets->count };

    for (uint32_t i = 0; i < sets->count; i++)
        *(struct stream_set *)vec_add(b, &si->sets, sizeof(struct stream_set)) =
            ((struct stream_set *)sets->items)[i];
    return run;
}

struct sem_body stream_condition(struct build *b, const struct expr *e)
{
    struct val v;

    if (!e)
        return (struct sem_body){ 0 };
    begin_body(b, true);
    b->l->opers = b->stream->opers;
    b->l->nopers = b->stream->nopers;
    v = lower_cond(b, e);
    return dx_body(b, val_dx(b, v, 1));
}

/* ------------------------------------------------------------- prefixes and maps */

static void affix_settings(struct build *b, const struct stream_info *si,
                           const struct affix *a, struct picture *p)
{
    for (const struct list *l = a->sets; l; l = l->next) {
        struct stream_set set = { .constant = (uint32_t)l->number };
        int field = !strcmp(l->name, "map") ? STREAM_MAP : stream_field(si, l->name);

        if (field < 0)
            fail(b->g, l->pos, "E-NAME", "field %s is not declared", l->name);
        set.field = (uint8_t)field;
        if (l->name2) { /* if (piece == value) */
            uint32_t i = 0;

            while (i < p->names.count &&
                   strcmp(((const char **)p->names.items)[i], l->name2))
                i++;
            if (i == p->names.count)
                fail(b->g, l->pos, "E-NAME", "no piece %s is drawn", l->name2);
            struct isa_piece piece = ((struct isa_piece *)p->pieces.items)[i];
            set.mask = (uint32_t)(((1ull << piece.len) - 1) << piece.at);
            set.value = (uint32_t)(l->number2 << piece.at);
        }
        *(struct stream_set *)vec_add(b, &p->sets, sizeof set) = set;
    }
}

enum { PHASE_OPCODE = 255 };

static void build_affix(struct build *b, struct stream_info *si, const struct affix *a)
{
    struct picture p = stream_draw(b, si, a->draw, 32);
    struct stream_prefix out = { .last = a->last,
                                 .bytes = (uint8_t)(p.bits / 8),
                                 .mask = (uint32_t)p.mask,
                                 .value = (uint32_t)p.value,
                                 .next = a->lead ? PHASE_OPCODE : 0 };

    affix_settings(b, si, a, &p);
    out.sets = add_sets(b, si, &p.sets);
    out.when = stream_condition(b, a->when);
    *(struct stream_prefix *)vec_add(b, &si->prefixes, sizeof out) = out;
}

/* The phase in which the first n bytes of a map's way were read; 0: none were. */
static unsigned map_phase(struct build *b, const struct stream_info *si,
                          const struct map *m)
{
    unsigned phase = 1;

    if (m->nbytes == 1)
        return 0;
    for (const struct map *o = si->s->maps; o; o = o->next, phase++)
        if (o->nbytes == m->nbytes - 1 && !memcmp(o->bytes, m->bytes, o->nbytes))
            return phase;
    fail(b->g, m->pos, "E-NAME", "the way to this map is not a map itself");
}

static void build_maps(struct build *b, struct stream_info *si)
{
    unsigned next = 1;

    for (const struct map *m = si->s->maps; m; m = m->next, next++) {
        struct stream_set set = { .field = STREAM_MAP, .constant = m->number };
        struct vec sets = { &set, 1, 1 };
        struct stream_prefix out = { .mask = 0xff,
                                     .value = m->bytes[m->nbytes - 1],
                                     .bytes = 1,
                                     .phase = (uint8_t)map_phase(b, si, m),
                                     .next = (uint8_t)next,
                                     .sets = add_sets(b, si, &sets) };

        *(struct stream_prefix *)vec_add(b, &si->prefixes, sizeof out) = out;
        if (m->number >= si->maps)
            si->maps = m->number + 1;
    }
}

/* -------------------------------------------------------------- fields and operands */

static struct oper *add_oper(struct build *b, struct stream_info *si, const char *name,
                             struct pos pos, struct isa_field f)
{
    struct oper *o = &si->opers[si->nopers];
    const struct dx *d = dx_new(b, S_FIELD, 64, si->nopers, NULL, NULL, NULL);

    if (si->nopers == ISA_MAX_FIELDS)
        fail(b->g, pos, "E-BUDGET", "more than %d fields", ISA_MAX_FIELDS);
    if (stream_field(si, name) >= 0)
        fail(b->g, pos, "E-NAME", "field %s is declared twice", name);
    o->name = name;
    f.name = text_add(b, name);
    o->pos = pos;
    o->used = true;
    o->number = val_decode(d, 0);
    o->raw = val_decode(f.bits < 64 ? dx_new(b, S_EXTRACT, f.bits, 0, d, NULL, NULL) : d,
                        f.bits);
    *VEC(b, fields, struct isa_field) = f;
    si->nopers++;
    return o;
}

/* Fields and operands in order; `name: other ...` is another operand of a field. */
static void build_fields(struct build *b, struct stream_info *si)
{
    for (const struct operand *o = si->s->fields; o; o = o->next) {
        struct isa_field f = { .bits = (uint8_t)o->bits, .piece = b->pieces.count };
        const struct kind *k = o->kind;
        struct oper *made;

        if (k && k->base == K_NAMED && stream_field(si, k->name) >= 0)
            continue;
        if (k) {
            k = resolve_kind(b, k, 0);
            if (k->base == K_CHOICE || k->base == K_FN)
                fail(b->g, o->pos, "E-TYPE",
                     "a stream's fields are numbers, registers or enums");
            f.bits = (uint8_t)k->bits;
            f.is_signed = k->base == K_SIGNED || k->base == K_PCREL;
        }
        made = add_oper(b, si, o->name, o->pos, f);
        made->kind = k;
    }
}

/* field name = a ++ b */
static void build_composed(struct build *b, struct stream_info *si, const struct list *l)
{
    struct isa_field f = { .piece = b->pieces.count };
    struct isa_piece pieces[8];
    unsigned n = 0;
    const struct expr *e = l->expr;

    for (bool more = true; more && n < 8;) {
        const struct expr *part = e;

        more = e->kind == E_BINARY && e->op == T_CONCAT;
        if (more) {
            part = e->b;
            e = e->a;
        }
        int field = part->kind == E_NAME ? stream_field(si, part->name) : -1;
        if (field < 0 ||
            AT(b, fields, struct isa_field, si->field_base + (unsigned)field)->pieces)
            fail(b->g, part->pos, "E-NAME",
                 "a composed field is made of fields joined by ++");
        pieces[n] =
            (struct isa_piece){ (uint8_t)field,
                                (uint8_t)field_bits(b, si, (unsigned)field), f.bits };
        f.bits = (uint8_t)(f.bits + pieces[n++].len);
    }
    if (f.bits > 64)
        fail(b->g, l->pos, "E-WIDTH", "more than 64 bits");
    for (unsigned i = 0; i < n; i++)
        *VEC(b, pieces, struct isa_piece) = pieces[i];
    f.pieces = (uint8_t)n;
    add_oper(b, si, l->name, l->pos, f);
}

static struct isa_operand *new_operand(struct build *b, struct stream_info *si,
                                       const char *name, unsigned kind, struct pos pos)
{
    if (b->operands.count - si->operand_base > 250)
        fail(b->g, pos, "E-BUDGET", "a stream has at most 250 operands and alts");
    *VEC(b, operands, struct isa_operand) = (struct isa_operand){
        .name = text_add(b, name), .kind = (uint8_t)kind, .view = ISA_NONE
    };
    si->operand_end = b->operands.count;
    return AT(b, operands, struct isa_operand, b->operands.count - 1);
}

/* The operand that prints view[field + bias]. */
static unsigned register_operand(struct build *b, struct stream_info *si,
                                 const struct view *v, unsigned field, int bias,
                                 struct pos pos)
{
    uint32_t i = si->operand_base;

    for (; i < b->operands.count; i++) {
        const struct isa_operand *op = AT(b, operands, struct isa_operand, i);

        if (op->kind == OPERAND_REG && op->view == v->number && op->field == field &&
            op->bias == bias)
            return i - si->operand_base;
    }
    struct isa_operand *op = new_operand(b, si, v->name, OPERAND_REG, pos);
    op->view = v->number;
    op->field = (uint8_t)field;
    op->bias = (int16_t)bias;
    return i - si->operand_base;
}

/* view[field], view[field - 4] as an operand, or -1. */
static int place_operand(struct build *b, struct stream_info *si, const struct expr *e)
{
    const struct expr *index = e && e->kind == E_INDEX ? e->b : NULL;
    const struct view *v =
        index && e->a->kind == E_NAME ? find_view(b, e->a->name) : NULL;
    int field, bias = 0;

    if (v && index->kind == E_BINARY && (index->op == '-' || index->op == '+') &&
        index->b->kind == E_NUMBER) {
        bias = index->op == '-' ? -(int)index->b->number : (int)index->b->number;
        index = index->a;
    }
    if (!v || index->kind != E_NAME || (field = stream_field(si, index->name)) < 0)
        return -1;
    return (int)register_operand(b, si, v, (unsigned)field, bias, e->pos);
}

static int operand_number_of(struct build *b, const struct stream_info *si,
                             const char *name)
{
    for (uint32_t i = si->operand_base; i < b->operands.count; i++)
        if (AT(b, operands, struct isa_operand, i)->kind != OPERAND_REG &&
            !strcmp(text_at(b, AT(b, operands, struct isa_operand, i)->name), name))
            return (int)(i - si->operand_base);
    return -1;
}

/* ---------------------------------------------------------------------------- text */

/* The operand of a hole: {name}, {0}, {view[field]}. */
static unsigned hole_operand(struct build *b, const struct text_holes *holes,
                             const char *name, struct pos pos)
{
    struct stream_info *si = holes->row;
    char view[80], field[80];
    int number;

    if (name[0] >= '0' && name[0] <= '9') {
        const struct list *word = holes->words;

        for (int n = atoi(name); word && n; n--)
            word = word->next;
        if (!word)
            fail(b->g, pos, "E-NAME", "the row has no operand {%s}", name);
        name = word->name;
    }
    if (sscanf(name, "%79[^[][%79[^]]", view, field) == 2 && find_view(b, view) &&
        stream_field(si, field) >= 0)
        return register_operand(b, si, find_view(b, view),
                                (unsigned)stream_field(si, field), 0, pos);
    number = operand_number_of(b, si, name);
    if (number < 0)
        fail(b->g, pos, "E-NAME", "text: no operand {%s}", name);
    return (unsigned)number;
}

uint32_t stream_text(struct build *b, struct stream_info *si, const char *text,
                     const struct list *words, struct pos pos)
{
    struct text_holes holes = { .operand = hole_operand, .row = si, .words = words };

    return text_of(b, text, pos, &holes);
}

static void build_alts(struct build *b, struct stream_info *si, const struct alts *a)
{
    struct isa_alt *alts;
    unsigned n = 0;

    for (const struct list *l = a->list; l; l = l->next)
        n++;
    alts = arena_array(&b->g->arena, n ? n : 1, sizeof *alts);
    n = 0;
    for (const struct list *l = a->list; l; l = l->next, n++) {
        int place = l->name ? -1 : place_operand(b, si, l->expr2);

        alts[n].when = stream_condition(b, l->expr);
        if (place >= 0) {
            const struct isa_text text[] = { { TEXT_OPERAND, (uint8_t)place, 0 },
                                             { TEXT_END, 0, 0 } };

            alts[n].text = RUN(b, texts, text, 2);
        } else {
            alts[n].text = stream_text(b, si, l->name ? l->name : "", NULL, l->pos);
        }
    }
    struct isa_operand *op =
        AT(b, operands, struct isa_operand,
           si->operand_base + (unsigned)operand_number_of(b, si, a->name));
    op->alts = RUN(b, alt_rows, alts, n);
    op->nalts = (uint16_t)n;
}

static void build_operands(struct build *b, struct stream_info *si)
{
    si->operand_base = b->operands.count;
    begin_body(b, true);
    b->l->opers = si->opers;
    b->l->nopers = si->nopers;
    for (unsigned i = 0; i < si->nopers; i++)
        add_operand(b, &si->opers[i], i);
    for (const struct operand *o = si->s->fields; o; o = o->next) {
        int field =
            o->kind && o->kind->base == K_NAMED ? stream_field(si, o->kind->name) : -1;

        if (field < 0 || stream_field(si, o->name) >= 0)
            continue;
        struct oper alias = si->opers[field];
        struct kind *k = arena_alloc(&b->g->arena, sizeof *k);

        *k = *o->kind;
        k->base = alias.kind ? alias.kind->base : K_UNSIGNED;
        k->hex |= alias.kind && alias.kind->hex;
        alias.name = o->name;
        alias.kind = k;
        add_operand(b, &alias, (unsigned)field);
    }
    for (const struct alts *a = si->s->alts; a; a = a->next)
        new_operand(b, si, a->name, OPERAND_ALTS, a->pos);
    for (const struct alts *a = si->s->alts; a; a = a->next)
        build_alts(b, si, a);
}

/* --------------------------------------------------------------------------- tails */

static void build_tail(struct build *b, struct stream_info *si, struct tail *t)
{
    t->first = si->steps.count;
    for (const struct step *step = t->steps; step; step = step->next) {
        struct picture p = stream_draw(b, si, step->draw, 64);
        struct stream_step out = { .bytes = (uint8_t)(p.bits / 8) };

        for (uint32_t i = 0; i < p.sets.count; i++) {
            int field = ((struct stream_set *)p.sets.items)[i].field;

            if (field != STREAM_MAP)
                t->reads |= 1ull << field;
        }
        out.sets = add_sets(b, si, &p.sets);
        out.when = stream_condition(b, step->when);
        *(struct stream_step *)vec_add(b, &si->steps, sizeof out) = out;
        t->bytes += out.bytes;
    }
    t->count = si->steps.count - t->first;
}

static void build_stream(struct build *b, struct item *item)
{
    struct stream_info *si = arena_alloc(&b->g->arena, sizeof *si),
                       **end = &b->stream_infos;

    while (*end)
        end = &(*end)->next;
    *end = si;
    si->s = item->extra;
    si->number = b->streams.count;
    si->field_base = b->field_base = b->fields.count;
    si->maps = 1;
    si->opers = arena_array(&b->g->arena, ISA_MAX_FIELDS, sizeof *si->opers);
    b->stream = si;
    VEC(b, streams, struct isa_stream);
    build_fields(b, si);
    for (const struct list *l = si->s->composed; l; l = l->next)
        build_composed(b, si, l);
    for (const struct affix *a = si->s->affixes; a; a = a->next)
        build_affix(b, si, a);
    build_maps(b, si);
    for (struct tail *t = si->s->tails; t; t = t->next)
        build_tail(b, si, t);
    build_operands(b, si);
    b->stream = NULL;
}

void build_streams(struct build *b)
{
    const struct vec *streams = &b->kinds[I_STREAM];

    if (streams->count > 1)
        fail(b->g, ((struct item **)streams->items)[1]->pos, "E-BUDGET",
             "a target has one stream; modes are conditions in it");
    for (uint32_t i = 0; i < streams->count; i++)
        build_stream(b, ((struct item **)streams->items)[i]);
    for (uint32_t i = 0; i < b->kinds[I_FETCH].count && i < b->fetches.count; i++) {
        const struct item *item = ((struct item **)b->kinds[I_FETCH].items)[i];

        for (struct stream_info *si = b->stream_infos; item->word2 && si; si = si->next)
            if (!strcmp(si->s->name, item->word2)) {
                AT(b, fetches, struct isa_fetch, i)->stream = (uint16_t)si->number;
                AT(b, fetches, struct isa_fetch, i)->parcel = (uint8_t)si->s->unit;
                b->isa.min_ilen = (uint8_t)si->s->unit;
                si->fetch = (uint16_t)i;
            }
        if (item->word2 && AT(b, fetches, struct isa_fetch, i)->stream == ISA_NONE)
            fail(b->g, item->pos, "E-NAME", "no stream %s", item->word2);
    }
}
