/* text.c - instruction text: "addi {rd}, {rs1}, {imm}" to pieces. */
#include <string.h>

#include "build.h"

int find_operand(struct build *b, uint16_t insn, const char *name)
{
    const struct isa_insn *row = AT(b, insns, struct isa_insn, insn);

    for (unsigned i = 0; i < row->operands; i++)
        if (!strcmp(
                text_at(b, AT(b, operands, struct isa_operand, row->operand + i)->name),
                name))
            return (int)i;
    return -1;
}

struct text_out {
    struct isa_text items[64];
    unsigned count;
    char literal[256];
    size_t length;
};

/* The string in isa.literals. */
uint16_t text_literal(struct build *b, const char *text, size_t length, struct pos pos)
{
    const char *all = b->literals.items;

    for (uint32_t at = 0; at < b->literals.count; at += (uint32_t)strlen(all + at) + 1)
        if (!strncmp(all + at, text, length) && !all[at + length])
            return (uint16_t)at;
    if (b->literals.count + length > UINT16_MAX)
        fail(b->g, pos, "E-BUDGET",
             "all texts together are longer than 65,535 characters");
    for (size_t i = 0; i < length; i++)
        *VEC(b, literals, char) = text[i];
    *VEC(b, literals, char) = 0;
    return (uint16_t)(b->literals.count - length - 1);
}

static void flush(struct build *b, struct text_out *t, struct pos pos)
{
    if (t->count >= 62)
        fail(b->g, pos, "E-BUDGET", "more than 62 pieces of text");
    if (t->length)
        t->items[t->count++] =
            (struct isa_text){ TEXT_LITERAL, 0,
                               text_literal(b, t->literal, t->length, pos) };
    t->length = 0;
}

/* The separator of an operand that can be left out stands before it. */
static const char *separator(struct build *b, uint16_t insn, const char *name)
{
    const struct insn *i = *AT(b, insn_items, const struct insn *, insn);

    for (const struct operand *o = i->operands; o; o = o->next) {
        const struct kind *k = o->kind;
        const struct item *named;

        if (strcmp(o->name, name))
            continue;
        for (int n = 0; k && k->base == K_NAMED && n < 20 &&
                        (named = find_item(b, I_OPERAND, k->name));
             n++)
            k = named->operand;
        return k && k->base != K_LIST ? k->sep : NULL;
    }
    return NULL;
}

static void add_hole(struct build *b, struct text_out *t, const struct text_holes *holes,
                     const char *name, struct pos pos)
{
    unsigned operand = holes->operand(b, holes, name, pos);
    const char *sep = holes->row ? NULL : separator(b, holes->insn, name);

    if (sep && strlen(sep) < sizeof t->literal - t->length) {
        flush(b, t, pos);
        memcpy(t->literal, sep, t->length = strlen(sep));
    }
    flush(b, t, pos);
    t->items[t->count++] = (struct isa_text){ TEXT_OPERAND, (uint8_t)operand, 0 };
}

uint32_t text_of(struct build *b, const char *text, struct pos pos,
                 const struct text_holes *holes)
{
    struct text_out t = { .count = 0 };

    for (const char *p = text; *p; p++) {
        if ((*p == '{' && p[1] == '{') || (*p == '}' && p[1] == '}')) {
            t.literal[t.length++] = *p++;
        } else if (*p == '{') {
            const char *end = strchr(p, '}');
            char name[80];

            if (!end || end - p > 70)
                fail(b->g, pos, "E-SYNTAX", "text: { without }");
            snprintf(name, sizeof name, "%.*s", (int)(end - p - 1), p + 1);
            add_hole(b, &t, holes, name, pos);
            p = end;
        } else {
            t.literal[t.length++] = *p;
        }
        if (t.length > 250)
            fail(b->g, pos, "E-BUDGET", "text is too long");
    }
    flush(b, &t, pos);
    t.items[t.count++] = (struct isa_text){ .kind = TEXT_END };
    return RUN(b, texts, t.items, t.count);
}

static unsigned insn_operand(struct build *b, const struct text_holes *holes,
                             const char *name, struct pos pos)
{
    int operand = find_operand(b, holes->insn, name);

    if (operand < 0)
        fail(b->g, pos, "E-NAME", "text: no operand {%s}", name);
    return (unsigned)operand;
}

uint32_t build_text(struct build *b, const char *text, struct pos pos, uint16_t insn)
{
    struct text_holes holes = { .operand = insn_operand, .insn = insn };

    return text_of(b, text, pos, &holes);
}
