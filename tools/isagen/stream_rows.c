/* stream_rows.c - the rows of instructions. */
#include <stdlib.h>
#include <string.h>

#include "stream_info.h"

/* ----------------------------------------------------------------------- spelling */

/* A row's pattern: the opcode's unit and the one after it. */
struct pattern {
    struct stream_row row;
    struct vec needs; /* struct stream_need */
    struct vec sets;
    unsigned lead;  /* bytes that lead to the map */
    uint64_t tails; /* set: which tails are read */
    const struct expr *forms[8];
    bool matched[8]; /* by the pattern; else to be checked after decoding */
    unsigned nforms;
};

static void set_need(struct build *b, struct pattern *p, unsigned field, uint64_t value)
{
    for (uint32_t i = 0; i < p->needs.count; i++) {
        struct stream_need *need = (struct stream_need *)p->needs.items + i;

        if (need->field == field) {
            need->value = (uint32_t)value;
            return;
        }
    }
    *(struct stream_need *)vec_add(b, &p->needs, sizeof(struct stream_need)) =
        (struct stream_need){ (uint8_t)field, (uint32_t)value };
}

static void drop_need(struct pattern *p, int field)
{
    struct stream_need *needs = p->needs.items;

    for (uint32_t i = 0; i < p->needs.count; i++)
        if (needs[i].field == field)
            needs[i--] = needs[--p->needs.count];
}

static void apply_tag(struct build *b, const struct stream_info *si, struct pattern *p,
                      const char *name)
{
    for (const struct tag *t = si->s->tags; t; t = t->next) {
        if (name ? !t->name || strcmp(t->name, name) : t->name != NULL)
            continue;
        for (const struct list *l = t->sets; l; l = l->next) {
            int field = stream_field(si, l->name);

            if (field < 0)
                fail(b->g, l->pos, "E-NAME", "field %s is not declared", l->name);
            set_need(b, p, (unsigned)field, l->number);
        }
    }
}

static bool is_tag(const struct stream_info *si, const char *name)
{
    for (const struct tag *t = si->s->tags; t; t = t->next)
        if (t->name && !strcmp(t->name, name))
            return true;
    return false;
}

unsigned count_bits(uint64_t v)
{
    unsigned n = 0;

    for (; v; v &= v - 1)
        n++;
    return n;
}

/* The tail that reads these fields, and the fewest others. */
static const struct tail *tail_of(const struct stream_info *si, uint64_t fields,
                                  unsigned *number)
{
    const struct tail *best = NULL;
    unsigned i = 0;

    for (const struct tail *t = si->s->tails; t; t = t->next, i++)
        if ((fields & ~t->reads) == 0 &&
            (!best || count_bits(t->reads) < count_bits(best->reads))) {
            best = t;
            *number = i;
        }
    return best;
}

static uint64_t tail_fields(const struct stream_info *si)
{
    uint64_t all = 0;

    for (const struct tail *t = si->s->tails; t; t = t->next)
        all |= t->reads;
    return all;
}

/* The tail's first unit has the field: makes the pattern ask for its value there. */
static bool match_first_unit(struct build *b, const struct stream_info *si,
                             struct pattern *p, unsigned field, uint64_t value, bool not_)
{
    unsigned number;
    const struct tail *t = tail_of(si, 1ull << field, &number);
    const struct stream_step *step =
        t && t->count ? (struct stream_step *)si->steps.items + t->first : NULL;

    (void)b;
    if (!step || step->when.count || step->bytes != si->s->unit ||
        p->row.bytes != si->s->unit)
        return false;
    for (unsigned i = 0; i < step->sets.count; i++) {
        const struct stream_set *set =
            (struct stream_set *)si->sets.items + step->sets.first + i;
        uint32_t mask = (uint32_t)(((1ull << set->len) - 1) << set->at);

        if (set->field != field || set->len == 0 || set->to || (not_ && p->row.not_mask))
            continue;
        p->tails |= 1ull << number;
        if (not_) {
            p->row.not_mask = mask;
            p->row.not_value = (uint32_t)(value << set->at) & mask;
        } else {
            p->row.mask |= mask;
            p->row.value |= (uint32_t)(value << set->at) & mask;
        }
        return true;
    }
    return false;
}

/* "+field" after the opcode: its low bits hold the field. */
static void opcode_field(struct build *b, struct stream_info *si, struct pattern *p,
                         const char *name, struct pos pos)
{
    int field = stream_field(si, name);
    unsigned shift = 8 * (2 * si->s->unit - p->row.bytes), bits;
    uint32_t mask;

    if (field < 0)
        fail(b->g, pos, "E-NAME", "field %s is not declared", name);
    bits = AT(b, fields, struct isa_field, si->field_base + (unsigned)field)->bits;
    mask = (uint32_t)((1ull << bits) - 1) << shift;
    if (bits > 8 || p->row.value & mask)
        fail(b->g, pos, "E-FIELD-OVERLAP", "the low %u bits of the opcode must be zero",
             bits);
    p->row.mask &= ~mask;
    *(struct stream_set *)vec_add(b, &p->sets, sizeof(struct stream_set)) =
        (struct stream_set){ .field = (uint8_t)field,
                             .at = (uint8_t)shift,
                             .len = (uint8_t)bits };
}

static const struct map *longest_map(const struct stream_info *si, const uint8_t *bytes,
                                     unsigned count)
{
    const struct map *best = NULL;

    for (const struct map *m = si->s->maps; m; m = m->next)
        if (m->nbytes < count && !memcmp(m->bytes, bytes, m->nbytes) &&
            (!best || m->nbytes > best->nbytes))
            best = m;
    return best;
}

/* The bytes of the row: escapes to its map, then one or two of opcode. */
static void opcode_bytes(struct build *b, const struct stream_info *si, struct pattern *p,
                         const uint8_t *bytes, unsigned count, struct pos pos)
{
    const struct map *m = longest_map(si, bytes, count);
    unsigned skip = m ? m->nbytes : 0;

    p->row.map = (uint8_t)(m ? m->number : 0);
    p->lead = skip;
    count -= skip;
    if (count < 1 || count > 2 * si->s->unit)
        fail(b->g, pos, "E-SYNTAX", "after its map a row has one or two bytes of opcode");
    p->row.bytes = (uint8_t)count;
    for (unsigned i = 0; i < count; i++) {
        unsigned shift = 8 * (2 * si->s->unit - 1 - i);

        p->row.mask |= 0xffu << shift;
        p->row.value |= (uint32_t)bytes[skip + i] << shift;
    }
}

/* [TAG.]..[BYTE.]..BYTE[/N][+field] */
static void spell(struct build *b, struct stream_info *si, struct pattern *p,
                  const struct row *r)
{
    uint8_t bytes[8];
    unsigned n = 0;
    const char *c = r->spelled;

    for (bool tags = true;; c++) {
        size_t length = strcspn(c, "./+");
        const char *word = arena_strndup(&b->g->arena, c, length);

        if (tags && c[length] == '.' && is_tag(si, word)) {
            apply_tag(b, si, p, word);
        } else if (length == 2 && strspn(word, "0123456789abcdef") == 2 && n < 8) {
            bytes[n++] = (uint8_t)strtoul(word, NULL, 16);
            tags = false;
        } else {
            fail(b->g, r->pos, "E-SYNTAX", "'%s' is no tag and no byte", word);
        }
        c += length;
        if (*c != '.')
            break;
    }
    opcode_bytes(b, si, p, bytes, n, r->pos);
    while (*c) {
        size_t length = strcspn(c + 1, "/+") + 1;
        const char *word = arena_strndup(&b->g->arena, c + 1, length - 1);

        if (*c == '+') {
            opcode_field(b, si, p, word, r->pos);
        } else {
            int field = si->s->extension ? stream_field(si, si->s->extension) : -1;

            if (field < 0 || strlen(word) != 1 || *word < '0' || *word > '7' ||
                !match_first_unit(b, si, p, (unsigned)field, (uint64_t)(*word - '0'),
                                  false))
                fail(b->g, r->pos, "E-SYNTAX",
                     "/%s needs `extension FIELD;` in the stream", word);
        }
        c += length;
    }
}

/* A drawn opcode: one unit, or two. */
static void drawn(struct build *b, struct stream_info *si, struct pattern *p,
                  const struct row *r)
{
    struct picture pic = stream_draw(b, si, r->draw, 16 * si->s->unit);
    unsigned shift = 16 * si->s->unit - pic.bits;

    p->row.bytes = (uint8_t)(pic.bits / 8);
    p->row.mask = (uint32_t)(pic.mask << shift);
    p->row.value = (uint32_t)(pic.value << shift);
    for (uint32_t i = 0; i < pic.sets.count; i++) {
        struct stream_set set = ((struct stream_set *)pic.sets.items)[i];

        set.at = (uint8_t)(set.at + shift);
        *(struct stream_set *)vec_add(b, &p->sets, sizeof set) = set;
    }
}

/* --------------------------------------------------------- forms, operands, tails */

static void add_form(struct build *b, const struct stream_info *si, struct pattern *p,
                     const struct list *form)
{
    const struct expr *e = form->expr;

    if (p->nforms == 8)
        fail(b->g, form->pos, "E-BUDGET", "too many forms");
    p->forms[p->nforms] = e;
    p->matched[p->nforms++] =
        e->kind == E_BINARY && (e->op == T_EQ || e->op == T_NE) && e->a->kind == E_NAME &&
        e->b->kind == E_NUMBER && stream_field(si, e->a->name) >= 0 &&
        match_first_unit(b, si, p, (unsigned)stream_field(si, e->a->name), e->b->number,
                         e->op == T_NE);
}

static const struct list *find_list(const struct list *l, const char *name)
{
    while (l && strcmp(l->name, name))
        l = l->next;
    return l;
}

static uint64_t fields_of_name(struct build *b, const struct stream_info *si,
                               const char *name, unsigned depth);

static uint64_t fields_of(struct build *b, const struct stream_info *si,
                          const struct expr *e, unsigned depth)
{
    uint64_t set = 0;

    if (!e)
        return 0;
    if (e->kind == E_NAME)
        return fields_of_name(b, si, e->name, depth);
    set = fields_of(b, si, e->a, depth) | fields_of(b, si, e->b, depth) |
          fields_of(b, si, e->c, depth);
    for (unsigned i = 0; i < e->nargs; i++)
        set |= fields_of(b, si, e->args[i], depth);
    return set;
}

static uint64_t fields_of_text(struct build *b, const struct stream_info *si,
                               const char *text, unsigned depth)
{
    uint64_t set = 0;

    for (const char *p = text ? strchr(text, '{') : NULL; p; p = strchr(p + 1, '{')) {
        if (p[1] == '{') { /* a brace */
            p++;
            continue;
        }
        size_t open = strcspn(p, "["), close = strcspn(p, "}");
        const char *name = open < close ? p + open + 1 : p + 1;

        set |= fields_of_name(
            b, si, arena_strndup(&b->g->arena, name, strcspn(name, "]}")), depth);
    }
    return set;
}

/* Fields that a name of the stream stands on, as a set. */
static uint64_t fields_of_name(struct build *b, const struct stream_info *si,
                               const char *name, unsigned depth)
{
    int field = stream_field(si, name);
    const struct list *l;
    uint64_t set = 0;

    if (depth > 12)
        return 0;
    if (field >= 0) {
        const struct isa_field *f =
            AT(b, fields, struct isa_field, si->field_base + (unsigned)field);

        for (unsigned k = 0; k < f->pieces; k++)
            set |= 1ull << AT(b, pieces, struct isa_piece, f->piece + k)->at;
        return set | 1ull << field;
    }
    if ((l = find_list(si->s->lets, name)))
        return fields_of(b, si, l->expr, depth + 1);
    for (const struct operand *o = si->s->fields; o; o = o->next)
        if (!strcmp(o->name, name) && o->kind && o->kind->base == K_NAMED &&
            stream_field(si, o->kind->name) >= 0)
            return 1ull << stream_field(si, o->kind->name);
    for (const struct alts *a = si->s->alts; a; a = a->next)
        for (l = strcmp(a->name, name) ? NULL : a->list; l; l = l->next)
            set |= fields_of(b, si, l->expr, depth + 1) |
                   fields_of(b, si, l->expr2, depth + 1) |
                   fields_of_text(b, si, l->name, depth + 1);
    return set;
}

static bool is_operand(const struct stream_info *si, const char *name)
{
    for (const struct alts *a = si->s->alts; a; a = a->next)
        if (!strcmp(a->name, name))
            return true;
    return stream_field(si, name) >= 0;
}

/* Operands, forms and `lock`; leaves only the operands in *operands. */
static void row_words(struct build *b, struct stream_info *si, struct pattern *p,
                      struct row *r, uint64_t opcode_fields)
{
    struct list *operands = NULL, **tail = &operands;

    for (const struct list *w = r->words; w; w = w->next) {
        const struct list *form = find_list(si->s->forms, w->name);
        bool lock = !strcmp(w->name, "lock") || !strcmp(w->name, "locked");
        unsigned number;
        uint64_t fields;

        if (lock) {
            r->lock = true;
            r->always_locked |= w->name[4] != 0;
            drop_need(p, stream_field(si, "lock"));
            form = find_list(si->s->forms, "lock");
        }
        if (form)
            add_form(b, si, p, form);
        if (form || lock)
            continue;
        if (!is_operand(si, w->name))
            fail(b->g, w->pos, "E-NAME", "%s is no operand and no form of the stream",
                 w->name);
        struct list *copy = list_add(b->g, &tail, w->pos);
        copy->name = w->name;
        fields = fields_of_name(b, si, w->name, 0) & tail_fields(si) & ~opcode_fields;
        if (!fields)
            continue;
        if (!tail_of(si, fields, &number))
            fail(b->g, w->pos, "E-OPERAND-NOT-ENCODED", "no tail reads all of %s",
                 w->name);
        p->tails |= 1ull << number;
    }
    r->operands = operands;
}

/* The tails of the row, in order, as one run of steps. */
static void row_steps(struct build *b, struct stream_info *si, struct pattern *p,
                      const struct row *r)
{
    unsigned number = 0, bytes = p->row.bytes + p->lead;

    p->row.step = (uint16_t)si->steps.count;
    for (const struct tail *t = si->s->tails; t; t = t->next, number++) {
        if (!(p->tails >> number & 1))
            continue;
        for (uint32_t i = 0; i < t->count; i++) {
            struct stream_step step =
                ((struct stream_step *)si->steps.items)[t->first + i];

            *(struct stream_step *)vec_add(b, &si->steps, sizeof step) = step;
            p->row.steps++;
        }
    }
    /* the same run may be there already */
    struct stream_step *all = si->steps.items;
    for (uint32_t i = 0; p->row.steps && i + p->row.steps <= p->row.step; i++)
        if (!memcmp(all + i, all + p->row.step, p->row.steps * sizeof *all)) {
            si->steps.count = p->row.step;
            p->row.step = (uint16_t)i;
            break;
        }
    for (unsigned i = 0; i < p->row.steps; i++)
        bytes += all[p->row.step + i].when.count ? 0u : all[p->row.step + i].bytes;
    if (bytes > si->s->max)
        fail(b->g, r->pos, "E-LENGTH", "at least %u bytes, the stream's maximum is %u",
             bytes, si->s->max);
}

/* --------------------------------------------------------------------------- rows */

static void check_when(struct build *b, const struct stream_info *si,
                       const struct pattern *p, const struct row *r)
{
    uint64_t late = tail_fields(si), used = fields_of(b, si, r->when, 0);

    for (uint32_t i = 0; i < p->sets.count; i++)
        late |= 1ull << ((struct stream_set *)p->sets.items)[i].field;
    for (unsigned i = 0; i < si->nopers; i++)
        if (AT(b, fields, struct isa_field, si->field_base + i)->pieces)
            late |= 1ull << i;
    if (used & late)
        fail(b->g, r->when->pos, "E-BIND",
             "a row's condition looks at prefixes and modes: this is read after the "
             "opcode");
}

static void add_row(struct build *b, struct stream_info *si, struct pattern *p,
                    struct row *r, const struct insn *insn)
{
    if (r->when) {
        check_when(b, si, p, r);
        p->row.when = stream_condition(b, r->when);
    }
    p->row.sets =
        (struct stream_sets){ (uint16_t)si->sets.count, (uint16_t)p->sets.count };
    for (uint32_t i = 0; i < p->sets.count; i++)
        *(struct stream_set *)vec_add(b, &si->sets, sizeof(struct stream_set)) =
            ((struct stream_set *)p->sets.items)[i];
    p->row.need = (uint16_t)si->needs.count;
    p->row.needs = (uint16_t)p->needs.count;
    for (uint32_t i = 0; i < p->needs.count; i++)
        *(struct stream_need *)vec_add(b, &si->needs, sizeof(struct stream_need)) =
            ((struct stream_need *)p->needs.items)[i];
    p->row.insn = (uint16_t)b->insns.count;
    *(struct stream_row *)vec_add(b, &si->rows, sizeof p->row) = p->row;
    *(const struct insn **)vec_add(b, &si->row_items, sizeof insn) = insn;
}

static struct stream_info *stream_of(struct build *b, const struct insn *insn)
{
    const struct row *r = insn->rows;

    if (!r)
        fail(b->g, insn->pos, "E-SYNTAX", "insn %s has neither enc nor row", insn->name);
    if (!b->stream_infos)
        fail(b->g, r->pos, "E-SYNTAX", "row: there is no stream");
    return b->stream_infos;
}

static uint32_t row_picture(struct build *b, const struct row *r)
{
    const char *text = r->spelled;

    for (const struct list *w = r->words; w; w = w->next)
        text = arena_printf(&b->g->arena, "%s %s%s", text, w->name, w->flag ? "," : "");
    return text_add(b, text);
}

/* The first word of the text; pieces in front of it that may be empty do not count. */
static uint32_t mnemonic(struct build *b, const char *text)
{
    while (*text == '{')
        text += strcspn(text, "}") + 1;
    return text_add(b, arena_strndup(&b->g->arena, text, strcspn(text, " {")));
}

static struct val and_cond(struct build *b, struct val all, const struct expr *e,
                           struct pos pos)
{
    return e ? op2(b, S_AND, 1, all, lower_cond(b, e), pos) : all;
}

/* What must be checked once all is read: forms and `where`; NULL: nothing. */
static const struct dx *row_where(struct build *b, const struct pattern *p,
                                  const struct insn *insn)
{
    struct val all = val_bits(1, 1);

    for (unsigned i = 0; i < p->nforms; i++)
        if (!p->matched[i])
            all = and_cond(b, all, p->forms[i], insn->pos);
    for (const struct list *l = insn->where; l; l = l->next)
        all = and_cond(b, all, l->expr, l->pos);
    return all.time == DECODE ? all.d : NULL;
}

/* All that holds where the row was decoded: no variants are made for the rest. */
static const struct dx *row_facts(struct build *b, const struct pattern *p,
                                  const struct insn *insn, const struct row *r,
                                  const struct dx *where)
{
    struct val all = where ? val_decode(where, 1) : val_bits(1, 1);

    for (unsigned i = 0; i < p->nforms; i++)
        if (p->matched[i])
            all = and_cond(b, all, p->forms[i], insn->pos);
    all = and_cond(b, all, r->when, insn->pos);
    all = and_cond(b, all, insn->when, insn->pos);
    for (uint32_t i = 0; i < p->needs.count; i++) { /* used up: it reads 0 */
        const struct dx *field =
            dx_new(b, S_FIELD, 64, ((struct stream_need *)p->needs.items)[i].field, NULL,
                   NULL, NULL);

        all = op2(b, S_AND, 1, all,
                  val_decode(dx_new(b, S_EQ, 1, 0, field,
                                    dx_new(b, S_CONST, 64, 0, NULL, NULL, NULL), NULL),
                             1),
                  insn->pos);
    }
    return all.time == DECODE ? all.d : NULL;
}

static void build_row(struct build *b, struct stream_info *si, const struct insn *insn)
{
    struct isa_insn out = { .name = text_add(b, insn->name),
                            .doc = text_add(b, insn->doc) };
    struct row *r = insn->rows;
    struct pattern p = { .nforms = 0 };
    uint64_t opcode_fields = 0;

    apply_tag(b, si, &p, NULL);
    if (r->draw)
        drawn(b, si, &p, r);
    else
        spell(b, si, &p, r);
    for (uint32_t i = 0; i < p.sets.count; i++)
        opcode_fields |= 1ull << ((struct stream_set *)p.sets.items)[i].field;
    row_words(b, si, &p, r, opcode_fields);
    row_steps(b, si, &p, r);
    out.where = where_is(b, insn->pos);
    out.picture = row_picture(b, r);
    out.features = feature_set(b, insn->needs);
    if (insn->when)
        out.guard = stream_condition(b, insn->when);
    begin_body(b, true);
    b->l->opers = b->stream->opers;
    b->l->nopers = b->stream->nopers;
    const struct dx *where = row_where(b, &p, insn);
    const struct dx *facts = row_facts(b, &p, insn, r, where);
    if (where)
        out.where_ok = dx_body(b, where);
    out.field = si->field_base;
    out.fields = (uint8_t)si->nopers;
    out.operand = si->operand_base;
    out.mode_set = si->fetch;
    if (!insn->text)
        fail(b->g, insn->pos, "E-SYNTAX", "insn %s has no text", insn->name);
    out.text = stream_text(b, si, insn->text, r->operands, insn->text_pos);
    out.mnemonic = mnemonic(b, insn->text);
    if (!insn->has_body)
        fail(b->g, insn->pos, "E-SYNTAX", "insn %s has no do", insn->name);
    uint16_t number = (uint16_t)b->insns.count;
    add_row(b, si, &p, r, insn);
    *VEC(b, insns, struct isa_insn) = out;
    *VEC(b, insn_items, const struct insn *) = insn;
    struct insn_context c = { .insn = insn,
                              .opers = si->opers,
                              .nopers = si->nopers,
                              .body = insn->body,
                              .where = facts };
    si->row = r;
    si->insn = insn;
    uint32_t choice = lower_variants(b, &c, number);
    AT(b, insns, struct isa_insn, number)->choice = choice;
}

/* Rows of one instruction have their text in common; another one has another name. */
static void check_unique(struct build *b, const struct item *item)
{
    const struct insn *insn = item->insn;

    for (uint32_t i = 0; i < b->kinds[I_INSN].count; i++) {
        const struct item *other = ((struct item **)b->kinds[I_INSN].items)[i];

        if (other == item)
            return;
        if (!strcmp(other->name, insn->name) ||
            (insn->whole && other->insn->whole &&
             !strcmp(other->insn->whole, insn->whole) && other->insn->text != insn->text))
            fail(b->g, insn->pos, "E-NAME", "instruction %s is declared twice",
                 insn->whole ? insn->whole : insn->name);
    }
}

void build_stream_insn(struct build *b, struct item *item)
{
    check_unique(b, item);
    b->stream = stream_of(b, item->insn);
    b->field_base = b->stream->field_base;
    build_row(b, b->stream, item->insn);
    b->stream = NULL;
}
