/* assemble.c - text to an instruction: the inverse of print.c.
 *
 * Every instruction and alias whose text begins as the input does is tried.  Its pieces
 * are matched from left to right with backtracking (an optional operand may be there or
 * not, an enumeration may have several names that fit), each operand setting a field.
 * What the text leaves open (a field that only chooses between alternatives, a computed
 * operand) is found by trying values.  The result must decode to the same instruction and
 * fields. */
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "isa/assemble.h"
#include "isa/sem.h"
#include "isa/stream.h"

/* Where to go on after the pieces of an alternative. */
struct after {
    const struct isa_text *item;
    const struct after *outer;
};

static bool match(struct matcher *m, const struct isa_text *item,
                  const struct after *after, const char *p);

/* -------------------------------------------------------------------- errors */

/* Of messages about one place, that of the longest instruction stays: it allows most. */
static void complain(struct matcher *m, const char *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void complain(struct matcher *m, const char *at, const char *fmt, ...)
{
    unsigned rank = m->insn->length;
    va_list args;

    if (at < m->error_at || (at == m->error_at && rank <= m->error_rank))
        return;
    m->error_at = at;
    m->error_rank = rank;
    va_start(args, fmt);
    vsnprintf(m->error, m->error_size, fmt, args);
    va_end(args);
}

static const char *own_name(const struct matcher *m)
{
    return isa_string(m->isa, m->alias && m->alias->mnemonic ? m->alias->mnemonic
                                                             : m->insn->mnemonic);
}

static int word_length(const char *p)
{
    int n = 0;

    while (p[n] && !isspace((unsigned char)p[n]) && !strchr(",()[]{}", p[n]))
        n++;
    return n ? n : p[0] != 0;
}

static void complain_range(struct matcher *m, const char *at,
                           const struct isa_operand *operand, uint64_t number)
{
    const struct isa_field *field = &m->isa->fields_all[m->insn->field + operand->field];
    const char *what = operand->kind == OPERAND_PCREL ? "target" : "immediate";
    uint64_t high, step;
    int64_t low;
    char multiple[48] = "";

    isa_field_range(m->isa, field, &low, &high, &step);
    if (step > 1)
        snprintf(multiple, sizeof(multiple), ", multiples of %" PRIu64, step);
    if (operand->kind == OPERAND_PCREL)
        complain(m, at,
                 "%s: target 0x%" PRIx64 " does not fit: 0x%" PRIx64 "..0x%" PRIx64 "%s",
                 own_name(m), (m->decoded.pc + number) & mask64(m->isa->pc_width),
                 (m->decoded.pc + (uint64_t)low) & mask64(m->isa->pc_width),
                 (m->decoded.pc + high) & mask64(m->isa->pc_width), multiple);
    else
        complain(m, at, "%s: %s %.*s does not fit: %" PRId64 "..%" PRIu64 "%s",
                 own_name(m), what, word_length(at), at, low + operand->bias,
                 high + (uint64_t)(int64_t)operand->bias, multiple);
}

/* ------------------------------------------------------------------- finishing */

static bool apply_fixes(struct matcher *m)
{
    for (unsigned i = 0; m->alias && i < m->alias->nfixes; i++) {
        const struct isa_fix *fix = &m->isa->fixes[m->alias->fixes + i];
        uint64_t number = isa_decode_value(m->isa, fix->value, &m->decoded);

        if (m->set >> fix->field & 1 && m->decoded.field[fix->field] != number)
            return false;
        m->decoded.field[fix->field] = number;
        m->set |= UINT64_C(1) << fix->field;
    }
    return true;
}

/* The bytes must decode to what they were made of. */
static bool decodes_back(const struct matcher *m, const uint8_t *bytes, unsigned length,
                         struct isa_decoded *back)
{
    isa_decode(m->isa, m->features, m->decoded.mode, m->decoded.pc, bytes, length, back);
    if (back->insn != m->decoded.insn || back->illegal)
        return false;
    return memcmp(back->field, m->decoded.field,
                  m->insn->fields * sizeof(back->field[0])) == 0;
}

static void complain_back(struct matcher *m, const char *end,
                          const struct isa_decoded *back)
{
    const struct isa *isa = m->isa;

    if (!isa_exists(isa, m->decoded.insn, m->features, m->decoded.mode))
        complain(m, end, "%s: not there with this model, its features, or in this mode",
                 own_name(m));
    else if (back->insn != ISA_NONE && back->insn != m->decoded.insn)
        complain(m, end, "%s: with these operands it would be %s", own_name(m),
                 isa_string(isa, isa->insns[back->insn].name));
    else
        complain(m, end, "%s: not allowed with these operands", own_name(m));
}

static bool finish(struct matcher *m, const char *end)
{
    uint64_t set = m->set;
    struct isa_decoded back;
    uint8_t bytes[ISA_MAX_ILEN];
    bool done = false;
    unsigned length;

    if (!apply_fixes(m)) {
        m->set = set;
        return false;
    }
    if (!m->insn->length) {
        done = stream_finish(m);
        if (!done)
            complain(m, end, "%s: no encoding has these operands", own_name(m));
        m->set = set;
        return done;
    }
    if (!assemble_solve(m)) {
        complain(m, end,
                 assemble_allowed(m) ? "%s: no encoding has these operands"
                                     : "%s: not allowed with these operands",
                 own_name(m));
    } else {
        length = isa_encode(m->isa, &m->decoded, bytes);
        if (!length) {
            complain(m, end, "%s: operands do not fit", own_name(m));
        } else if (!decodes_back(m, bytes, length, &back)) {
            complain_back(m, end, &back);
        } else {
            done = true;
            if (!m->length || length < m->length) {
                memcpy(m->bytes, bytes, length);
                m->length = length;
            }
        }
    }
    m->set = set;
    return done;
}

/* -------------------------------------------------------------------- operands */

static const char *skip_blanks(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

/* with_field() for an instruction of a stream, where fields are made of fields. */
static bool with_stream_field(struct matcher *m, unsigned field, uint64_t number,
                              const struct isa_text *item, const struct after *after,
                              const char *p)
{
    struct isa_decoded old = m->decoded;
    uint64_t set = m->set;
    bool done = stream_bind(m, field, number) && match(m, item + 1, after, p);

    m->decoded = old;
    m->set = set;
    return done;
}

/* Goes on with a field set; undone when that leads nowhere. */
static bool with_field(struct matcher *m, unsigned field, uint64_t number,
                       const struct isa_text *item, const struct after *after,
                       const char *p)
{
    uint64_t set = m->set;
    uint64_t old = m->decoded.field[field];

    if (!m->insn->length)
        return with_stream_field(m, field, number, item, after, p);
    if (set >> field & 1 && old != number)
        return false;
    m->decoded.field[field] = number;
    m->set |= UINT64_C(1) << field;
    if (match(m, item + 1, after, p))
        return true;
    m->decoded.field[field] = old;
    m->set = set;
    return false;
}

/* Goes on with something to be satisfied at the end. */
static bool with_pending(struct matcher *m, struct pending pending,
                         const struct isa_text *item, const struct after *after,
                         const char *p)
{
    bool done;

    if (m->npending == MAX_PENDING)
        return false;
    m->pending[m->npending++] = pending;
    done = match(m, item, after, p);
    m->npending--;
    return done;
}

/* A number: 12, -12, 0x1f, 0b101, and `.`, `.+8`, `. - 4`. */
static const char *parse_number(const char *p, uint64_t pc, uint64_t *number)
{
    bool negative = false, is_relative = *p == '.';
    unsigned base = 10;
    const char *digits;

    *number = 0;
    if (is_relative) {
        const char *q = skip_blanks(p + 1);

        *number = pc;
        if (*q != '+' && *q != '-')
            return isalnum((unsigned char)p[1]) ? NULL : p + 1;
        p = q;
    }
    if (*p == '-' || *p == '+')
        negative = *p++ == '-';
    if (is_relative)
        p = skip_blanks(p);
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X' || p[1] == 'b' || p[1] == 'B')) {
        base = p[1] == 'x' || p[1] == 'X' ? 16 : 2;
        p += 2;
    }
    digits = p;
    for (uint64_t v = 0;; p++) {
        unsigned digit = isdigit((unsigned char)*p) ? (unsigned)(*p - '0')
                         : isxdigit((unsigned char)*p)
                             ? (unsigned)(tolower(*p) - 'a' + 10)
                             : 99;

        if (digit >= base) {
            *number += negative ? 0 - v : v;
            return p == digits || isalnum((unsigned char)*p) || *p == '_' ? NULL : p;
        }
        if (v > (UINT64_MAX - digit) / base)
            return NULL;
        v = v * base + digit;
    }
}

/* The field is a function of the number; that it is the right one is checked at the end.
 */
static bool match_inverse(struct matcher *m, const struct isa_operand *operand,
                          uint64_t number, const struct isa_text *item,
                          const struct after *after, const char *p)
{
    struct isa_text go_on[2] = { *item, { .kind = TEXT_END } };
    struct after rest = { item + 1, after };
    uint64_t raw;
    bool done;

    m->decoded.field[operand->field] = number;
    raw = isa_decode_value(m->isa, operand->inverse, &m->decoded);
    if (m->npending == MAX_PENDING)
        return false;
    m->pending[m->npending++] = (struct pending){ operand, WANT_NUMBER, number };
    done = with_field(m, operand->field, raw, go_on, &rest, p);
    m->npending--;
    return done;
}

static bool match_number(struct matcher *m, const struct isa_operand *operand,
                         const struct isa_text *item, const struct after *after,
                         const char *p)
{
    const struct isa_field *field = &m->isa->fields_all[m->insn->field + operand->field];
    uint64_t number;
    const char *start =
        operand->plus_minus && (*p == '+' || *p == '-') ? skip_blanks(p + 1) : p;
    const char *end = parse_number(start, m->decoded.pc, &number);

    if (operand->plus_minus && start == p)
        end = NULL;
    if (operand->plus_minus && *p == '-')
        number = 0 - number;
    if (!end) {
        complain(m, p, "%s: expected %s at \"%.*s\"", own_name(m),
                 operand->kind == OPERAND_PCREL ? "an address" : "a number",
                 word_length(p), p);
        return false;
    }
    if (operand->from_end)
        number &= mask64(m->isa->pc_width);
    if (operand->inverse.count)
        return match_inverse(m, operand, number, item, after, end);
    if (operand->kind == OPERAND_FN || operand->from_end)
        return with_pending(m, (struct pending){ operand, WANT_NUMBER, number }, item + 1,
                            after, end);
    if (operand->kind == OPERAND_PCREL)
        number = sext64(number - m->decoded.pc, m->isa->pc_width);
    number -= (uint64_t)(int64_t)operand->bias;
    if (!isa_field_fits(m->isa, field, number)) {
        complain_range(m, p, operand, number);
        return false;
    }
    return with_field(m, operand->field, number, item, after, end);
}

/* Length of `name` if `p` begins with it, else 0. */
static size_t begins(const char *p, const char *name)
{
    size_t n = 0;

    for (; name[n]; n++)
        if (tolower((unsigned char)p[n]) != tolower((unsigned char)name[n]))
            return 0;
    return n;
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The register of a view that is named at p: its index, or -1. */
static int find_register(const struct isa *isa, unsigned number, const char *p,
                         const char **end)
{
    const struct isa_view *view = &isa->views[number];
    size_t n, longest = 0;
    int found = -1;

    for (unsigned i = 0; view->names && i < view->count; i++)
        if ((n = begins(p, isa_name(isa, view->names, i))) > longest &&
            !is_word_char(p[n])) {
            *end = p + n;
            longest = n;
            found = (int)i;
        }
    if (found >= 0)
        return found;
    for (unsigned i = 0; i < isa->nregnames; i++)
        if (isa->regnames[i].view == number &&
            (n = begins(p, isa_string(isa, isa->regnames[i].name))) &&
            !is_word_char(p[n])) {
            *end = p + n;
            return isa->regnames[i].index;
        }
    n = begins(p, isa_string(isa, view->name));
    if (n && isdigit((unsigned char)p[n]) &&
        !(p[n] == '0' && isdigit((unsigned char)p[n + 1]))) {
        char *after;
        unsigned long index = strtoul(p + n, &after, 10);

        *end = after;
        if (index < view->count && !is_word_char(*after))
            return (int)index;
    }
    return -1;
}

static bool match_register(struct matcher *m, const struct isa_operand *operand,
                           const struct isa_text *item, const struct after *after,
                           const char *p)
{
    const struct isa_field *field = &m->isa->fields_all[m->insn->field + operand->field];
    unsigned choices = 1;
    const char *end = p;
    bool found = false;

    if (operand->view_choice.count) {
        const struct sem_body *body = &operand->view_choice;
        unsigned width = m->isa->nodes[body->first + body->count - 1].w;

        choices = 1u << (width < 4 ? width : 4);
    }
    for (unsigned v = operand->view; v < operand->view + choices && v < m->isa->nviews;
         v++) {
        int index = find_register(m->isa, v, p, &end);
        uint64_t number = (uint64_t)((int64_t)index - operand->bias);
        struct isa_text go_on[2] = { *item, { .kind = TEXT_END } };
        struct after rest = { item + 1, after };

        if (index < 0)
            continue;
        found = true;
        if (operand->value.count) /* it has no field: that it is this one is checked */
            return with_pending(m,
                                (struct pending){ operand, WANT_NUMBER, (uint64_t)index },
                                item + 1, after, end);
        if (!isa_field_fits(m->isa, field, number)) {
            complain(m, p, "%s: register %.*s cannot be used here", own_name(m),
                     (int)(end - p), p);
            continue;
        }
        if (choices == 1)
            return with_field(m, operand->field, number, item, after, end);
        m->pending[m->npending] = (struct pending){ operand, WANT_VIEW, v };
        if (m->npending + 1 == MAX_PENDING)
            return false;
        m->npending++;
        if (with_field(m, operand->field, number, go_on, &rest, end)) {
            m->npending--;
            return true;
        }
        m->npending--;
    }
    if (!found)
        complain(m, p, "%s: expected a register of %s at \"%.*s\"", own_name(m),
                 isa_string(m->isa, m->isa->views[operand->view].name), word_length(p),
                 p);
    return false;
}

/* The bit of a list for a register. */
static uint64_t list_bit(const struct matcher *m, const struct isa_operand *operand,
                         int index)
{
    unsigned bits = m->isa->fields_all[m->insn->field + operand->field].bits;

    if (index < 0 || (unsigned)index >= bits)
        return 0;
    return UINT64_C(1) << (operand->reversed ? (int)bits - 1 - index : index);
}

/* Registers, or runs of them, between separators; blanks do not matter. */
static bool match_list(struct matcher *m, const struct isa_operand *operand,
                       const struct isa_text *item, const struct after *after,
                       const char *p)
{
    const char *start = p, *sep = isa_string(m->isa, operand->sep), *end;
    uint64_t set = 0;

    while (*sep == ' ')
        sep++;
    for (;;) {
        int first = find_register(m->isa, operand->view, skip_blanks(p), &end),
            last = first;

        if (first < 0)
            break;
        p = end;
        if (*p == '-' &&
            (last = find_register(m->isa, operand->view, p + 1, &end)) >= first)
            p = end;
        for (int i = first; i <= last; i++)
            set |= list_bit(m, operand, i);
        end = skip_blanks(p);
        if (*sep && *end != *sep)
            return with_field(m, operand->field, set, item, after, p);
        p = *sep ? end + 1 : end;
    }
    if (p == start) /* an empty list, if it is allowed */
        return with_field(m, operand->field, 0, item, after, p);
    complain(m, p, "%s: expected a register of %s at \"%.*s\"", own_name(m),
             isa_string(m->isa, m->isa->views[operand->view].name), word_length(p), p);
    return false;
}

static bool match_enum(struct matcher *m, const struct isa_operand *operand,
                       const struct isa_text *item, const struct after *after,
                       const char *p)
{
    const struct isa_enum_name *enums = &m->isa->enums[operand->enums];
    size_t longest = SIZE_MAX, next;

    do { /* names that fit, the longest first; the empty name fits always */
        next = 0;
        for (unsigned i = 0; i < operand->nenums; i++) {
            size_t n = begins(p, isa_string(m->isa, enums[i].name));
            bool is_empty = !isa_string(m->isa, enums[i].name)[0];

            if (!n && !is_empty)
                continue;
            if (n < longest && n >= next)
                next = n + 1;
        }
        if (!next)
            break;
        longest = next - 1;
        for (unsigned i = 0; i < operand->nenums; i++)
            if (begins(p, isa_string(m->isa, enums[i].name)) == longest &&
                (longest || !isa_string(m->isa, enums[i].name)[0]) &&
                with_field(m, operand->field, enums[i].value, item, after, p + longest))
                return true;
    } while (longest);
    if (operand->open || isdigit((unsigned char)*p))
        return match_number(m, operand, item, after, p);
    complain(m, p, "%s: \"%.*s\" is no %s", own_name(m), word_length(p), p,
             isa_string(m->isa, operand->name));
    return false;
}

static bool match_alts(struct matcher *m, const struct isa_operand *operand,
                       const struct isa_text *item, const struct after *after,
                       const char *p)
{
    struct after rest = { item + 1, after };
    bool done = false;

    /* of a stream's alternatives a later one may have a shorter encoding */
    for (unsigned i = 0; i < operand->nalts && !(done && m->insn->length); i++)
        done |=
            with_pending(m, (struct pending){ operand, WANT_ALT, i },
                         m->isa->texts + m->isa->alts[operand->alts + i].text, &rest, p);
    return done;
}

static bool omit_operand(struct matcher *m, const struct isa_operand *operand,
                         const struct isa_text *item, const struct after *after,
                         const char *p)
{
    if (operand->kind == OPERAND_FN)
        return with_pending(
            m, (struct pending){ operand, WANT_NUMBER, (uint64_t)operand->omit },
            item + 1, after, p);
    return with_field(m, operand->field, (uint64_t)operand->omit, item, after, p);
}

static bool match_operand(struct matcher *m, const struct isa_text *item,
                          const struct after *after, const char *p)
{
    const struct isa_operand *operand =
        &m->isa->operands_all[m->insn->operand + item->operand];
    bool done = false;

    switch (operand->kind) {
    case OPERAND_REG:
        done = match_register(m, operand, item, after, skip_blanks(p));
        break;
    case OPERAND_ENUM: done = match_enum(m, operand, item, after, p); break;
    case OPERAND_LIST: done = match_list(m, operand, item, after, p); break;
    case OPERAND_ALTS: done = match_alts(m, operand, item, after, p); break;
    default: done = match_number(m, operand, item, after, skip_blanks(p));
    }
    if (!done && operand->has_omit)
        done = omit_operand(m, operand, item, after, p);
    return done;
}

/* -------------------------------------------------------------------- literals */

/* After the literal, or NULL.  A blank between words needs one; others may be left out.
 */
static const char *match_literal(const struct matcher *m, const char *literal,
                                 const char *p, const char **stuck)
{
    for (; *literal; literal++) {
        if (*literal == ' ') {
            bool is_needed = p > m->text && is_word_char(p[-1]);

            if (is_needed && !isspace((unsigned char)*p) && is_word_char(*p)) {
                *stuck = p;
                return NULL;
            }
            p = skip_blanks(p);
            continue;
        }
        if (!is_word_char(*literal) && *literal != '.')
            p = skip_blanks(p);
        if (tolower((unsigned char)*p) != tolower((unsigned char)*literal)) {
            *stuck = p;
            return NULL;
        }
        p++;
    }
    return p;
}

static bool match_text(struct matcher *m, const struct isa_text *item,
                       const struct after *after, const char *p)
{
    const struct isa_operand *operands = &m->isa->operands_all[m->insn->operand];
    const struct isa_text *start =
        m->isa->texts + (m->alias ? m->alias->text : m->insn->text);
    const char *stuck = p,
               *end = match_literal(m, m->isa->literals + item->literal, p, &stuck);

    if (end) {
        if (match(m, item + 1, after, end))
            return true;
    } else if (item != start) {
        const char *missing = m->isa->literals + item->literal;

        while (*missing == ' ')
            missing++;
        stuck = skip_blanks(stuck);
        complain(m, stuck,
                 *stuck ? "%s: expected \"%s\" at \"%.*s\"" : "%s: expected \"%s\"",
                 own_name(m), missing, word_length(stuck), stuck);
    }
    if (item == start || item[1].kind != TEXT_OPERAND ||
        !operands[item[1].operand].has_omit)
        return false;
    return omit_operand(m, &operands[item[1].operand], item + 1, after, p);
}

static bool match(struct matcher *m, const struct isa_text *item,
                  const struct after *after, const char *p)
{
    while (item->kind == TEXT_END && after) {
        item = after->item;
        after = after->outer;
    }
    if (item->kind == TEXT_LITERAL)
        return match_text(m, item, after, p);
    if (item->kind == TEXT_OPERAND)
        return match_operand(m, item, after, p);
    p = skip_blanks(p);
    if (*p) {
        complain(m, p, "%s: nothing expected at \"%.*s\"", own_name(m), word_length(p),
                 p);
        return false;
    }
    return finish(m, p);
}

/* ------------------------------------------------------------------ candidates */

static void try_candidate(struct matcher *m, unsigned insn, const struct isa_alias *alias,
                          uint64_t mode, uint64_t pc)
{
    m->insn = &m->isa->insns[insn];
    m->alias = alias;
    m->set = 0;
    m->npending = 0;
    m->decoded.insn = (uint16_t)insn;
    m->decoded.features = m->features;
    m->decoded.pc = pc;
    m->decoded.mode = mode;
    m->decoded.length = m->insn->length;
    memset(m->decoded.field, 0, sizeof(m->decoded.field));
    match(m, m->isa->texts + (alias ? alias->text : m->insn->text), NULL, m->text);
}

/* Whether the first piece of a text could begin like the input. */
static bool may_begin(const struct isa *isa, uint32_t first, const char *p)
{
    const struct isa_text *text = &isa->texts[first];

    if (text->kind != TEXT_LITERAL)
        return text->kind == TEXT_OPERAND;
    return tolower((unsigned char)*p) ==
           tolower((unsigned char)isa->literals[text->literal]);
}

static unsigned assembled(struct matcher *m, uint8_t *out)
{
    if (!m->length) {
        if (!m->error_at[0] && m->error_size && !m->error[0])
            snprintf(m->error, m->error_size, "no instruction");
        return 0;
    }
    memcpy(out, m->bytes, m->length);
    if (m->error_size)
        m->error[0] = 0;
    return m->length;
}

static void prepare(struct matcher *m, const char *text, char *error, size_t error_size)
{
    m->text = skip_blanks(text);
    m->error = error;
    m->error_size = error_size;
    m->error_at = m->text;
    m->error_rank = 0;
    if (error_size)
        snprintf(error, error_size, "unknown instruction \"%.*s\"", word_length(m->text),
                 m->text);
}

unsigned isa_assemble(const struct isa *isa, const struct isa_features *features,
                      uint64_t mode, uint64_t pc, const char *text, uint8_t *out,
                      char *error, size_t error_size)
{
    struct matcher m = { .isa = isa, .features = features };

    prepare(&m, text, error, error_size);
    for (unsigned i = 0; i < isa->ninsns; i++)
        if (may_begin(isa, isa->insns[i].text, m.text))
            try_candidate(&m, i, NULL, mode, pc);
    for (unsigned i = 0; i < isa->naliases; i++)
        if (may_begin(isa, isa->aliases[i].text, m.text) &&
            isa_has_features(isa, isa->aliases[i].features, features))
            try_candidate(&m, isa->aliases[i].insn, &isa->aliases[i], mode, pc);
    return assembled(&m, out);
}

unsigned isa_assemble_as(const struct isa *isa, const struct isa_features *features,
                         uint64_t mode, uint64_t pc, uint16_t insn, const char *text,
                         uint8_t *out, char *error, size_t error_size)
{
    struct matcher m = { .isa = isa, .features = features };

    prepare(&m, text, error, error_size);
    try_candidate(&m, insn, NULL, mode, pc);
    for (unsigned i = 0; i < isa->naliases; i++)
        if (isa->aliases[i].insn == insn &&
            isa_has_features(isa, isa->aliases[i].features, features))
            try_candidate(&m, insn, &isa->aliases[i], mode, pc);
    return assembled(&m, out);
}
