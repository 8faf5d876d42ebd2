/* print.c - a decoded instruction as text. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/sem.h"
#include "isa/text.h"

struct line {
    const struct isa *isa;
    const struct isa_insn *insn;
    const struct isa_decoded *decoded;
    char *out;
    size_t size, length;
};

static void put(struct line *line, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct line *line, const char *fmt, ...)
{
    bool has_room = line->length < line->size;
    va_list args;
    int n;

    va_start(args, fmt);
    n = vsnprintf(has_room ? line->out + line->length : NULL,
                  has_room ? line->size - line->length : 0, fmt, args);
    va_end(args);
    if (n > 0)
        line->length += (size_t)n;
}

static void put_word(struct line *line, const char *word)
{
    size_t length = strlen(word);

    if (line->length + length < line->size)
        memcpy(line->out + line->length, word, length + 1);
    else
        put(line, "%s", word);
    if (line->length + length < line->size)
        line->length += length;
}

/* ------------------------------------------------------------------ operands */

unsigned operand_view(const struct isa *isa, const struct isa_operand *operand,
                      const struct isa_decoded *insn)
{
    unsigned view = operand->view;

    if (operand->view_choice.count)
        view += (unsigned)isa_decode_value(isa, operand->view_choice, insn);
    return view < isa->nviews ? view : operand->view;
}

uint64_t operand_number(const struct isa *isa, const struct isa_operand *operand,
                        const struct isa_decoded *insn)
{
    uint64_t number;

    if (operand->value.count)
        return isa_decode_value(isa, operand->value, insn);
    number = insn->field[operand->field] + (uint64_t)(int64_t)operand->bias;
    if (operand->kind == OPERAND_PCREL) {
        number += insn->pc + (operand->from_end ? insn->length : 0u);
        number &= mask64(isa->pc_width);
    }
    return number;
}

const char *view_register_name(const struct isa *isa, unsigned view, unsigned index,
                               char *text, size_t size)
{
    const struct isa_view *v = &isa->views[view];

    if (v->names && index < v->count)
        return isa_name(isa, v->names, index);
    for (unsigned i = 0; i < isa->nregnames; i++)
        if (isa->regnames[i].view == view && isa->regnames[i].index == index)
            return isa_string(isa, isa->regnames[i].name);
    snprintf(text, size, "%s%u", isa_string(isa, v->name), index);
    return text;
}

bool operand_is_omitted(const struct isa *isa, const struct isa_operand *operand,
                        const struct isa_decoded *insn)
{
    uint64_t number;

    if (!operand->has_omit)
        return false;
    number = operand->kind == OPERAND_FN ? operand_number(isa, operand, insn)
                                         : insn->field[operand->field];
    return number == (uint64_t)operand->omit;
}

const struct isa_alt *operand_alternative(const struct isa *isa,
                                          const struct isa_operand *operand,
                                          const struct isa_decoded *insn)
{
    for (unsigned i = 0; i < operand->nalts; i++) {
        const struct isa_alt *alt = &isa->alts[operand->alts + i];

        if (!alt->when.count || isa_decode_value(isa, alt->when, insn) & 1)
            return alt;
    }
    return NULL;
}

void isa_field_range(const struct isa *isa, const struct isa_field *field, int64_t *low,
                     uint64_t *high, uint64_t *step)
{
    unsigned zeros = field->pieces ? 63 : 0;

    for (unsigned k = 0; k < field->pieces; k++)
        if (isa->pieces[field->piece + k].to < zeros)
            zeros = isa->pieces[field->piece + k].to;
    *step = UINT64_C(1) << (zeros + field->scale);
    *high = mask64(field->bits - (field->is_signed ? 1 : 0)) & ~mask64(zeros);
    *low = field->is_signed ? -(int64_t)mask64(field->bits - 1) - 1 : 0;
    *high <<= field->scale;
    *low = (int64_t)((uint64_t)*low << field->scale);
}

static void put_number(struct line *line, const struct isa_operand *operand,
                       uint64_t number)
{
    const struct isa_field *field =
        &line->isa->fields_all[line->insn->field + operand->field];
    bool is_negative = number >> 63 && (operand->kind == OPERAND_FN || field->is_signed);

    if (operand->plus_minus) {
        put_word(line, is_negative ? " - " : " + ");
        number = is_negative ? 0 - number : number;
        is_negative = false;
    }
    if (is_negative && operand->hex)
        put(line, "-0x%" PRIx64, 0 - number);
    else if (operand->hex)
        put(line, "0x%" PRIx64, number);
    else if (is_negative || number >> 63 == 0)
        put(line, "%" PRId64, (int64_t)number);
    else
        put(line, "%" PRIu64, number);
}

static void put_enum(struct line *line, const struct isa_operand *operand,
                     uint64_t number)
{
    const struct isa_enum_name *enums = &line->isa->enums[operand->enums];

    for (unsigned i = 0; i < operand->nenums; i++)
        if (enums[i].value == number) {
            put_word(line, isa_string(line->isa, enums[i].name));
            return;
        }
    put_number(line, operand, number);
}

/* Whether two names differ by their number, which is one more: d3, d4. */
static bool is_next_name(const char *a, const char *b)
{
    size_t stem = strcspn(a, "0123456789");

    return a[stem] && !strncmp(a, b, stem) && atoi(b + stem) == atoi(a + stem) + 1;
}

/* The registers of a list, lowest first. */
static void put_list(struct line *line, const struct isa_operand *operand, uint64_t set)
{
    const struct isa_field *field =
        &line->isa->fields_all[line->insn->field + operand->field];
    const char *before = NULL, *run = NULL; /* the register before; where its run began */
    char text[2][64];

    for (unsigned i = 0; i <= field->bits; i++) {
        unsigned bit = operand->reversed ? field->bits - 1u - i : i;
        const char *name = NULL;

        if (i < field->bits && set >> bit & 1)
            name = view_register_name(line->isa, operand->view, i, text[i & 1],
                                      sizeof(text[0]));
        if (operand->runs && before && name && is_next_name(before, name)) {
            before = name;
            continue;
        }
        if (before && run != before)
            put(line, "-%s", before);
        if (name)
            put(line, "%s%s", run ? isa_string(line->isa, operand->sep) : "", name);
        if (name)
            run = name;
        before = name;
    }
}

static void put_items(struct line *line, uint32_t text);

static void put_operand(struct line *line, const struct isa_operand *operand)
{
    uint64_t number = operand_number(line->isa, operand, line->decoded);
    const struct isa_alt *alt;
    char name[64];

    switch (operand->kind) {
    case OPERAND_REG:
        put_word(line, view_register_name(line->isa,
                                          operand_view(line->isa, operand, line->decoded),
                                          (unsigned)number, name, sizeof(name)));
        break;
    case OPERAND_PCREL: put(line, "0x%" PRIx64, number); break;
    case OPERAND_ENUM: put_enum(line, operand, number); break;
    case OPERAND_LIST: put_list(line, operand, number); break;
    case OPERAND_ALTS:
        alt = operand_alternative(line->isa, operand, line->decoded);
        if (alt)
            put_items(line, alt->text);
        break;
    default: put_number(line, operand, number); /* IMM, FN */
    }
}

/* An omitted operand takes the piece of text before it along, unless that is the
 * mnemonic. */
static void put_items(struct line *line, uint32_t text)
{
    const struct isa_text *item = &line->isa->texts[text];
    const struct isa_operand *operands = &line->isa->operands_all[line->insn->operand];

    for (bool is_first = true; item->kind != TEXT_END; item++, is_first = false) {
        if (item->kind == TEXT_LITERAL) {
            if (!is_first && item[1].kind == TEXT_OPERAND &&
                operand_is_omitted(line->isa, &operands[item[1].operand], line->decoded))
                item++;
            else
                put_word(line, line->isa->literals + item->literal);
        } else if (!operand_is_omitted(line->isa, &operands[item->operand],
                                       line->decoded)) {
            put_operand(line, &operands[item->operand]);
        }
    }
}

static uint32_t choose_text(const struct isa *isa, const struct isa_features *features,
                            const struct isa_decoded *insn, unsigned flags)
{
    for (unsigned i = 0; i < isa->naliases && !(flags & TEXT_NO_ALIASES); i++) {
        const struct isa_alias *alias = &isa->aliases[i];

        if (alias->insn == insn->insn && alias->prefer &&
            isa_has_features(isa, alias->features, features) &&
            (!alias->when.count || isa_decode_value(isa, alias->when, insn) & 1))
            return alias->text;
    }
    return isa->insns[insn->insn].text;
}

int isa_print(const struct isa *isa, const struct isa_features *features,
              const struct isa_decoded *insn, unsigned flags, char *out, size_t size)
{
    struct line line = { .isa = isa, .decoded = insn, .out = out, .size = size };
    bool is_none = insn->insn == ISA_NONE || insn->illegal == 1 + ILLEGAL_UNDEFINED ||
                   insn->illegal == 1 + ILLEGAL_RESERVED;

    if (size)
        *out = 0;
    if (is_none) {
        put(&line, ".word 0x%0*" PRIx64, insn->length > 8 ? 2 : 2 * insn->length,
            insn->word);
        return (int)line.length;
    }
    line.insn = &isa->insns[insn->insn];
    put_items(&line, choose_text(isa, features, insn, flags));
    return (int)line.length;
}

const char *isa_where_text(const struct isa *isa, struct isa_where where, char *text,
                           size_t size)
{
    if (where.line)
        snprintf(text, size, "%s:%u", isa_string(isa, isa->sources[where.source]),
                 where.line);
    else if (size)
        *text = 0;
    return text;
}
