/* assemble_solve.c - fields that the text of an instruction does not show.
 *
 * An operand may only choose between registers of two views, or be a function of a field:
 * what fields it takes is found by trying their values, the smallest first. */
#include "isa/assemble.h"

#include "isa/sem.h"

bool pending_holds(const struct matcher *m, const struct pending *pending)
{
    const struct isa_operand *operand = pending->operand;

    switch (pending->kind) {
    case WANT_NUMBER:
        return operand_number(m->isa, operand, &m->decoded) == pending->want;
    case WANT_VIEW: return operand_view(m->isa, operand, &m->decoded) == pending->want;
    default:
        return operand_alternative(m->isa, operand, &m->decoded) ==
               &m->isa->alts[operand->alts + pending->want];
    }
}

static bool all_hold(const struct matcher *m)
{
    for (unsigned i = 0; i < m->npending; i++)
        if (!pending_holds(m, &m->pending[i]))
            return false;
    return true;
}

bool assemble_allowed(const struct matcher *m)
{
    return !m->insn->where_ok.count ||
           (isa_decode_value(m->isa, m->insn->where_ok, &m->decoded) & 1);
}

/* The fields that a decode-time body looks at. */
static uint64_t fields_of(const struct matcher *m, struct sem_body body)
{
    const struct sem *node = &m->isa->nodes[body.first];
    uint64_t fields = 0;

    for (unsigned i = 0; i < body.count; i++, node++)
        if (node->op == S_FIELD)
            fields |= UINT64_C(1) << node->a;
    return fields;
}

/* The fields that the text does not give and something asks about. */
static uint64_t open_fields(const struct matcher *m)
{
    uint64_t fields = fields_of(m, m->insn->where_ok);

    for (unsigned i = 0; i < m->npending; i++) {
        const struct isa_operand *operand = m->pending[i].operand;

        fields |= UINT64_C(1) << operand->field;
        fields |= fields_of(m, operand->view_choice) | fields_of(m, operand->value);
        for (unsigned k = 0; k < operand->nalts; k++)
            fields |= fields_of(m, m->isa->alts[operand->alts + k].when);
    }
    return fields & ~m->set;
}

/* Gives the open fields the bits of `value`, in order. */
static void fill_open(struct matcher *m, uint64_t open, uint64_t value)
{
    for (unsigned i = 0; i < m->insn->fields; i++) {
        const struct isa_field *field = &m->isa->fields_all[m->insn->field + i];
        uint64_t raw = value & mask64(field->bits);

        if (!(open >> i & 1))
            continue;
        m->decoded.field[i] = (field->is_signed ? sext64(raw, field->bits) : raw)
                              << field->scale;
        value = field->bits >= 64 ? 0 : value >> field->bits;
    }
}

bool assemble_solve(struct matcher *m)
{
    uint64_t open = open_fields(m);
    unsigned bits = 0;

    for (unsigned i = 0; i < m->insn->fields; i++) {
        if (!(m->set >> i & 1))
            m->decoded.field[i] = 0;
        if (open >> i & 1)
            bits += m->isa->fields_all[m->insn->field + i].bits;
    }
    if (all_hold(m) && assemble_allowed(m))
        return true;
    for (uint64_t v = 1; bits <= MAX_OPEN_BITS && v < UINT64_C(1) << bits; v++) {
        fill_open(m, open, v);
        if (all_hold(m) && assemble_allowed(m))
            return true;
    }
    fill_open(m, open, 0);
    return false;
}
