/* isa_show.c - `rhea isa show`: an instruction as a manual shows it; and `cover`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "debug/isa_cmd.h"
#include "isa/sem.h"
#include "isa/text.h"
#include "isagen/cover.h"
#include "isagen/dtree.h"

enum { MAX_CELLS = 64, MAX_LABEL = 24, MAX_GAPS = 20 };

/* ------------------------------------------------------------------- the bits */

/* Neighbouring bits drawn as one box. */
struct cell {
    unsigned high, low;
    char label[MAX_LABEL];
    unsigned width; /* characters between the bars */
};

/* The piece that holds a bit: its number among all of the instruction's, or -1. */
static int piece_at(const struct isa *isa, const struct isa_insn *insn, unsigned bit,
                    const struct isa_field **field, const struct isa_piece **piece)
{
    int number = 0;

    for (unsigned i = 0; i < insn->fields; i++) {
        *field = &isa->fields_all[insn->field + i];
        for (unsigned k = 0; k < (*field)->pieces; k++, number++) {
            *piece = &isa->pieces[(*field)->piece + k];
            if (bit >= (*piece)->at && bit < (unsigned)((*piece)->at + (*piece)->len))
                return number;
        }
    }
    return -1;
}

static void label_cell(const struct isa *isa, const struct isa_insn *insn,
                       struct cell *cell)
{
    const struct isa_field *field;
    const struct isa_piece *piece;
    unsigned n = 0;

    if (!(insn->mask >> cell->low & 1) &&
        piece_at(isa, insn, cell->low, &field, &piece) >= 0) {
        unsigned low = piece->to + field->scale, high = low + piece->len - 1u;
        const char *name = isa_string(isa, field->name);

        if (piece->len == field->bits && !field->scale)
            snprintf(cell->label, MAX_LABEL, "%s", name);
        else if (high == low)
            snprintf(cell->label, MAX_LABEL, "%s[%u]", name, low);
        else
            snprintf(cell->label, MAX_LABEL, "%s[%u:%u]", name, high, low);
        return;
    }
    for (unsigned bit = cell->high + 1; bit-- > cell->low && n + 1 < MAX_LABEL;)
        cell->label[n++] = !(insn->mask >> bit & 1) ? '-'
                           : insn->value >> bit & 1 ? '1'
                                                    : '0';
    cell->label[n] = 0;
}

static unsigned make_cells(const struct isa *isa, const struct isa_insn *insn,
                           struct cell *cells)
{
    const struct isa_field *field;
    const struct isa_piece *piece;
    int last = -9;
    unsigned n = 0;

    for (unsigned bit = 8u * insn->length; bit-- > 0;) {
        bool fixed = insn->mask >> bit & 1;
        int owner = fixed ? -2 : piece_at(isa, insn, bit, &field, &piece);

        if (owner != last || n == 0)
            cells[n++].high = bit;
        cells[n - 1].low = bit;
        last = owner;
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned numbers = cells[i].high == cells[i].low ? 2 : 5;

        label_cell(isa, insn, &cells[i]);
        cells[i].width = (unsigned)strlen(cells[i].label) + 2;
        if (cells[i].width < numbers + 1)
            cells[i].width = numbers + 1;
    }
    return n;
}

static void draw_rule(const struct cell *cells, unsigned count)
{
    printf("   +");
    for (unsigned i = 0; i < count; i++) {
        for (unsigned k = 0; k < cells[i].width; k++)
            putchar('-');
        putchar('+');
    }
    putchar('\n');
}

static void draw_bits(const struct isa *isa, const struct isa_insn *insn)
{
    struct cell cells[MAX_CELLS];
    unsigned n = make_cells(isa, insn, cells);

    printf("    ");
    for (unsigned i = 0; i < n; i++) {
        char high[8], low[8] = "";

        snprintf(high, sizeof(high), "%u", cells[i].high);
        if (cells[i].low != cells[i].high)
            snprintf(low, sizeof(low), "%u", cells[i].low);
        printf("%s%*s ", high, (int)(cells[i].width - strlen(high)), low);
    }
    putchar('\n');
    draw_rule(cells, n);
    printf("   |");
    for (unsigned i = 0; i < n; i++) {
        int spare = (int)(cells[i].width - strlen(cells[i].label));

        printf("%*s%s%*s|", spare / 2, "", cells[i].label, spare - spare / 2, "");
    }
    putchar('\n');
    draw_rule(cells, n);
}

/* ------------------------------------------------------------------- the text */

static void draw_text(const struct isa *isa, const struct isa_insn *insn, uint32_t text)
{
    for (const struct isa_text *item = &isa->texts[text]; item->kind != TEXT_END;
         item++) {
        const struct isa_operand *operand =
            &isa->operands_all[insn->operand + item->operand];

        if (item->kind == TEXT_LITERAL)
            fputs(isa->literals + item->literal, stdout);
        else
            printf("{%s}", isa_string(isa, operand->name));
    }
}

/* Whether a text, or a piece that it chooses among, has operand number `wanted`. */
static bool is_in_text(const struct isa *isa, const struct isa_insn *insn, uint32_t text,
                       unsigned wanted)
{
    for (const struct isa_text *item = &isa->texts[text]; item->kind != TEXT_END;
         item++) {
        const struct isa_operand *operand =
            &isa->operands_all[insn->operand + item->operand];

        if (item->kind != TEXT_OPERAND)
            continue;
        if (item->operand == wanted)
            return true;
        for (unsigned i = 0; i < operand->nalts; i++)
            if (is_in_text(isa, insn, isa->alts[operand->alts + i].text, wanted))
                return true;
    }
    return false;
}

static void describe_operand(const struct isa *isa, const struct isa_insn *insn,
                             const struct isa_operand *operand)
{
    const struct isa_field *field = &isa->fields_all[insn->field + operand->field];
    uint64_t high, step;
    int64_t low;

    if (!operand->name)
        return;
    printf("    %-8s ", isa_string(isa, operand->name));
    isa_field_range(isa, field, &low, &high, &step);
    switch (operand->kind) {
    case OPERAND_REG:
        printf("register of %s", operand->view == ISA_NONE
                                     ? "a view"
                                     : isa_string(isa, isa->views[operand->view].name));
        if (operand->bias)
            printf(", field + %d", operand->bias);
        break;
    case OPERAND_IMM: printf("number %" PRId64 "..%" PRIu64, low, high); break;
    case OPERAND_PCREL: printf("address, pc %+" PRId64 "..+%" PRIu64, low, high); break;
    case OPERAND_ENUM:
        for (unsigned i = 0; i < operand->nenums && i < 12; i++)
            printf("%s\"%s\"", i ? " " : "",
                   isa_string(isa, isa->enums[operand->enums + i].name));
        break;
    case OPERAND_FN:
        printf("= ");
        print_expression(stdout, isa, insn, operand->value);
        break;
    default: printf("one of several texts");
    }
    if ((operand->kind == OPERAND_IMM || operand->kind == OPERAND_PCREL) && step > 1)
        printf(", multiples of %" PRIu64, step);
    if (operand->has_omit)
        printf("; not printed when %" PRId64, operand->omit);
    putchar('\n');
}

static void print_features(const struct isa *isa, uint16_t set)
{
    const struct isa_feature_set *row = &isa->feature_sets[set];

    for (;; row++) {
        const uint16_t *all = &isa->numbers[row->all];

        for (unsigned i = 0; i < row->count; i++)
            printf("%s%s%s", i ? " and " : "", all[i] & 0x8000 ? "not " : "",
                   isa_string(isa, isa->features[all[i] & 0x7fff]));
        if (!row->or_next)
            break;
        printf(", or ");
    }
}

static void show_variants(const struct isa *isa, const struct isa_insn *insn,
                          uint32_t link, unsigned indent)
{
    const struct isa_choice *choice;

    if (link & LINK_VARIANT) {
        print_variant(stdout, isa, &isa->variants[link & ~(uint32_t)LINK_VARIANT],
                      indent);
        return;
    }
    choice = &isa->choices[link];
    for (unsigned v = choice->values; v-- > 0;) {
        if (choice->values == 2 && v == 0) {
            printf("%*sotherwise:\n", (int)indent, "");
        } else {
            printf("%*swhen ", (int)indent, "");
            print_expression(stdout, isa, insn, choice->expr);
            printf(choice->values == 2 ? ":\n" : " is %u:\n", v);
        }
        show_variants(isa, insn, isa->links[choice->first + v], indent + 2);
    }
}

static void show_examples(const struct isa *isa, unsigned number)
{
    for (unsigned i = 0; i < isa->nexamples; i++) {
        struct isa_example example = isa_example(isa, i);

        if (example.insn != number)
            continue;
        printf("    %-32s ", example.text ? example.text : "");
        print_hex(stdout, isa, example.mode, example.bytes, example.length);
        putchar('\n');
    }
}

static void show_insn(const struct isa *isa, unsigned number)
{
    static const char *const kinds[] = { "undefined", "reserved", "unpredictable",
                                         "a nop" };
    const struct isa_insn *insn = &isa->insns[number];
    char where[100];

    printf("%s%s%s\n", isa_string(isa, insn->name), insn->doc ? ": " : "",
           isa_string(isa, insn->doc));
    if (insn->where.line)
        printf("    %s\n", isa_where_text(isa, insn->where, where, sizeof where));
    if (insn->features != ISA_NONE) {
        printf("    needs ");
        print_features(isa, insn->features);
        putchar('\n');
    }
    if (insn->length)
        draw_bits(isa, insn);
    else if (insn->picture)
        printf("    %s\n", isa_string(isa, insn->picture));
    printf("  text\n    ");
    draw_text(isa, insn, insn->text);
    putchar('\n');
    for (unsigned i = 0; i < insn->operands; i++)
        if (is_in_text(isa, insn, insn->text, i))
            describe_operand(isa, insn, &isa->operands_all[insn->operand + i]);
    for (unsigned i = 0; i < isa->naliases; i++)
        if (isa->aliases[i].insn == number) {
            printf("    also ");
            draw_text(isa, insn, isa->aliases[i].text);
            putchar('\n');
        }
    if (insn->where_ok.count) {
        printf("  where\n    ");
        print_expression(stdout, isa, insn, insn->where_ok);
        printf(", else %s\n", kinds[insn->else_kind]);
    }
    printf("  does\n");
    show_variants(isa, insn, insn->choice, 4);
    printf("  examples\n");
    show_examples(isa, number);
}

int isa_show(const struct isa_args *args)
{
    const struct isa *isa = args->isa;

    if (!args->count)
        for (unsigned i = 0; i < isa->ninsns; i++)
            printf("%-18s %s\n", isa_string(isa, isa->insns[i].name),
                   isa_string(isa, isa->insns[i].doc));
    for (unsigned k = 0; k < args->count; k++) {
        unsigned shown = 0;

        for (unsigned i = 0; i < isa->ninsns; i++)
            if (!strcmp(isa_string(isa, isa->insns[i].name), args->rest[k]) ||
                !strcmp(isa_string(isa, isa->insns[i].mnemonic), args->rest[k])) {
                if (shown++)
                    putchar('\n');
                show_insn(isa, i);
            }
        if (!shown)
            die("%s has no instruction %s; `rhea isa show %s` lists them", isa->name,
                args->rest[k], isa->name);
    }
    return 0;
}

/* ---------------------------------------------------------------------- cover */

static void print_finding(void *context, const char *code, uint16_t a, uint16_t b,
                          uint64_t word, const char *text)
{
    (void)a;
    (void)b;
    (void)word;
    ++*(unsigned *)context;
    printf("%s: %s\n", code, text);
}

int isa_cover(const struct isa_args *args)
{
    const struct isa *isa = args->isa;
    unsigned gaps = 0;
    struct dtree_report report = { .report = print_finding, .context = &gaps };

    dtree_check_gaps(isa, &report, MAX_GAPS);
    cover_examples(isa, stdout);
    if (!gaps)
        printf("%s: no word is free\n", isa->name);
    return 0;
}
