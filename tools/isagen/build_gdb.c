/* build_gdb.c - registers as a debugger numbers them.
 *
 * Spec: gdb's manual, "Target Descriptions". */
#include <string.h>

#include "build.h"
#include "isa/cpu.h"

enum { MAX_NUMBER = 4095, MAX_BITS = 8192 };

/* Text that stands in XML as it is. */
static uint32_t xml_text(struct build *b, const char *text, struct pos pos)
{
    for (const char *p = text; p && *p; p++)
        if (strchr("<>&\"'", *p) || *p < ' ' || *p > '~')
            fail(b->g, pos, "E-SYNTAX", "\"%s\" cannot stand in gdb's target description",
                 text);
    return text ? text_add(b, text) : 0;
}

/* Two rows may have a number in common if it is one register's, or of targets that are
 * told apart by their features. */
static void check_numbers(struct build *b, const struct isa_gdb_row *row, struct pos pos)
{
    for (uint32_t i = 0; i < b->gdb_rows.count; i++) {
        const struct isa_gdb_row *other = AT(b, gdb_rows, struct isa_gdb_row, i);

        if (other->needs == row->needs && other->number < row->number + row->count &&
            row->number < other->number + other->count)
            fail(b->g, pos, "E-NAME", "gdb's number %u is another register's",
                 row->number);
    }
}

static struct isa_reg find(struct build *b, const struct list *l)
{
    struct isa_reg reg;

    if (isa_find_reg(&b->isa, l->name, &reg) < 0)
        fail(b->g, l->pos, "E-NAME", "no register %s", l->name);
    return reg;
}

static unsigned width_of(const struct build *b, struct isa_reg reg)
{
    return reg.group != ISA_NONE  ? 1
           : reg.view == ISA_NONE ? b->isa.pc_width
                                  : b->isa.views[reg.view].width;
}

static bool follows(const struct isa_gdb_row *row, struct isa_reg reg)
{
    return reg.group == row->group && reg.view == row->view && reg.view != ISA_NONE &&
           reg.index == row->index + row->count;
}

/* The other registers whose bits are in it. */
static void add_more(struct build *b, const struct gdb_row *from, struct isa_gdb_row row)
{
    row.more = true;
    for (const struct list *l = from->more; l; l = l->next) {
        struct isa_reg reg = find(b, l);

        if (row.count != 1 || !row.bits || row.bits > 64)
            fail(b->g, l->pos, "E-WIDTH",
                 "only a single register of up to b64 has parts");
        if (l->number + width_of(b, reg) > row.bits)
            fail(b->g, l->pos, "E-WIDTH", "%s << %llu does not fit b%u", l->name,
                 (unsigned long long)l->number, row.bits);
        row.view = reg.view;
        row.index = reg.index;
        row.group = reg.group;
        row.shift = (uint8_t)l->number;
        *VEC(b, gdb_rows, struct isa_gdb_row) = row;
    }
}

/* Neighbours become one row of the table. */
static void build_row(struct build *b, const struct gdb_row *from, struct isa_gdb_row row)
{
    const struct list *l = from->names;
    unsigned number = (unsigned)from->number;

    if (from->number > MAX_NUMBER || from->bits > MAX_BITS)
        fail(b->g, from->pos, "E-WIDTH", "numbers are up to %d, widths up to b%d",
             MAX_NUMBER, MAX_BITS);
    row.name = xml_text(b, from->name, from->pos);
    row.type = xml_text(b, from->type, from->pos);
    row.bits = (uint16_t)from->bits;
    while (l) {
        struct isa_reg reg = find(b, l);

        row.view = reg.view;
        row.index = reg.index;
        row.group = reg.group;
        row.number = (uint16_t)number;
        row.count = 0;
        do {
            row.count++;
            l = l->next;
        } while (l && follows(&row, find(b, l)));
        if (row.name && row.count > 1)
            fail(b->g, from->pos, "E-NAME", "one name of several registers");
        check_numbers(b, &row, from->pos);
        number += row.count;
        *VEC(b, gdb_rows, struct isa_gdb_row) = row;
    }
    add_more(b, from, row);
}

void build_gdb(struct build *b, struct item *item)
{
    struct isa_gdb_row row = { .feature = xml_text(b, item->word, item->pos) };

    begin_body(b, true);
    if (item->when) {
        struct val when = lower_cond(b, item->when);

        if (when.time != SPEC)
            fail(b->g, item->pos, "E-BIND", "gdb's registers are the same in all modes");
        if (!when.lo)
            return;
    }
    if (!item->flag && b->isa.gdb_arch)
        fail(b->g, item->pos, "E-NAME", "gdb has another name for it already");
    if (!item->flag)
        b->isa.gdb_arch = row.feature;
    row.needs = feature_set(b, item->needs);
    for (const struct gdb_row *from = item->extra; from; from = from->next)
        build_row(b, from, row);
}
