/* build_sysreg.c - system registers: their storage, fields, and what reads and writes do.
 */
#include <string.h>

#include "build.h"

/* A write through fields: bits of rw fields, and of warl fields whose new value is legal.
 */
static void lower_fields_write(struct build *b, const struct item *item, unsigned w,
                               uint16_t file)
{
    struct val v = val_run(emit(b, S_ARG, w, 0, ISA_NONE, ISA_NONE), w);
    struct val old = val_run(emit(b, S_GETF, w, file, 0, ISA_NONE), w), next = old;

    for (const struct list *l = item->list; l; l = l->next) {
        uint64_t hi = spec_number(b, l->expr, "a bit", w - 1),
                 lo = spec_number(b, l->expr2, "a bit", w - 1);

        if (lo > hi)
            fail(b->g, l->pos, "E-WIDTH", "field [%llu:%llu]", (unsigned long long)hi,
                 (unsigned long long)lo);
        uint64_t mask = field_mask(hi, lo);
        if (!strcmp(l->name2, "ro"))
            continue;
        struct val kept = op2(b, S_AND, w, next, val_bits(~mask, w), l->pos),
                   put = op2(b, S_OR, w, kept,
                             op2(b, S_AND, w, v, val_bits(mask, w), l->pos), l->pos);
        if (l->number) { /* legal values */
            struct val f = extract(b, v, (unsigned)lo, (unsigned)(hi - lo + 1), l->pos),
                       ok = val_bits(0, 1);

            for (unsigned i = 0; i < 64; i++)
                if (l->number >> i & 1 && (f.w > 6 || i < 1u << f.w))
                    ok = op2(b, S_OR, 1, ok, op2(b, S_EQ, 1, f, val_bits(i, f.w), l->pos),
                             l->pos);
            put = op3(b, S_SELECT, w, ok, put, next, l->pos);
        }
        next = put;
    }
    emit(b, S_PUTF, 0, file, 0, val_node(b, next, w, item->pos));
}

void build_sysreg(struct build *b, struct item *item)
{
    struct isa_sysreg r = { .name = text_add(b, item->name),
                            .file = ISA_NONE,
                            .read_only = item->flag,
                            .priv = (uint8_t)item->number2 };
    unsigned w;

    if (item->number2 > UINT8_MAX)
        fail(b->g, item->pos, "E-WIDTH", "privilege levels are 0 to 255");
    begin_body(b, true);
    r.number = (uint32_t)spec_number(b, item->expr2, "a number", UINT32_MAX);
    w = (unsigned)spec_number(b, item->expr, "a width", 64);
    r.w = (uint8_t)w;
    r.fields = b->sysreg_fields.count;
    for (const struct list *l = item->list; l; l = l->next) {
        struct isa_sysreg_field f = { .name = text_add(b, l->name),
                                      .access = text_add(b, l->name2),
                                      .hi = (uint8_t)spec_number(b, l->expr, "a bit", 63),
                                      .lo = (uint8_t)spec_number(b, l->expr2, "a bit",
                                                                 63) };

        *VEC(b, sysreg_fields, struct isa_sysreg_field) = f;
    }
    r.nfields = (uint16_t)(b->sysreg_fields.count - r.fields);
    struct view *own = find_view(b, item->name);
    /* What is read from elsewhere and has neither `write` nor fields ignores writes. */
    if (!own && (!item->flag2 || (item->list && !item->word && !item->flag))) {
        r.file = file_new(b, item->name, 1, w, false, false, item->pos);
        view_new(b,
                 (struct isa_view){ .name = r.name,
                                    .file = r.file,
                                    .count = 1,
                                    .width = (uint16_t)w,
                                    .zero = ISA_NONE },
                 (struct view){ .name = item->name, .file = r.file });
    } else if (own && !own->item && !item->flag2) {
        r.file = own->file;
    }
    *VEC(b, sysregs, struct isa_sysreg) = r;
    *VEC(b, sysreg_items, struct item *) = item;
}

/* After all state is declared: what reads and writes do. */
void build_sysreg_bodies(struct build *b, uint32_t i)
{
    struct item *item = ((struct item **)b->sysreg_items.items)[i];
    struct isa_sysreg r = *AT(b, sysregs, struct isa_sysreg, i);
    struct pos pos = item->pos;

    begin_body(b, false);
    if (item->flag2)
        r.read = value_body(b, lower_expr(b, item->expr3, r.w), r.w, pos);
    else if (r.file != ISA_NONE)
        r.read = value_body(b, val_run(emit(b, S_GETF, r.w, r.file, 0, ISA_NONE), r.w),
                            r.w, pos);
    begin_body(b, false);
    if (item->word) {
        bind_name(b, "v", val_run(emit(b, S_ARG, r.w, 0, ISA_NONE, ISA_NONE), r.w));
        lower_body(b, item->body);
        r.write = body_finish(b);
    } else if (r.file != ISA_NONE && item->list) {
        lower_fields_write(b, item, r.w, r.file);
        r.write = body_finish(b);
    } else if (r.file != ISA_NONE) {
        emit(b, S_PUTF, 0, r.file, 0, emit(b, S_ARG, r.w, 0, ISA_NONE, ISA_NONE));
        r.write = body_finish(b);
    }
    *AT(b, sysregs, struct isa_sysreg, i) = r;
}

void build_sysregs_item(struct build *b, struct item *item)
{
    int trap = item->word ? find_named(b, &b->trap_items, item->word) : -1;

    if (item->word && trap < 0)
        fail(b->g, item->pos, "E-NAME", "no trap %s", item->word);
    b->isa.sysreg_trap = trap < 0 ? ISA_NONE : (uint16_t)trap;
    begin_body(b, false);
    if (item->expr) {
        struct val v = lower_expr(b, item->expr, 8);

        b->isa.sysreg_priv = value_body(b, v, v.w ? v.w : 8, item->pos);
    }
}
