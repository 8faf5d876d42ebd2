/* emit_interp_body.c - a body's nodes, in order, as C statements.
 *
 * Values become locals v0, v1, ... by node; constants, packed operands and pure nodes
 * that are used once are written where they are used. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/sem.h"
#include "isagen/emit_interp.h"

enum { LONG_TEXT = 160 }; /* longer expressions get a local */

void body_line(struct body *body, const char *fmt, ...)
{
    va_list args;

    fprintf(body->out, "%*s", (int)(4 * (body->depth + 1)), "");
    va_start(args, fmt);
    vfprintf(body->out, fmt, args);
    va_end(args);
    fputc('\n', body->out);
}

/* -------------------------------------------------------------------- looking */

/* Takes a use from the node, and from its operands when it was the last one. */
static void unuse(struct body *body, unsigned i)
{
    struct sem node = body->nodes[i];
    uint16_t *in[3];
    unsigned n;

    if (--body->uses[i])
        return;
    n = node_operands(body->isa, &node, in);
    for (unsigned k = 0; k < n; k++)
        unuse(body, *in[k]);
}

/* Conditions over flags are computed as a whole: their parts have no users. */
static void find_conds(struct body *body, struct sem_body sem)
{
    body->nconds =
        flag_conds(body->arena, body->isa, sem, body->result_uses != 0, &body->conds);
    for (unsigned c = 0; c < body->nconds; c++) {
        struct sem node = body->nodes[body->conds[c].root];
        uint16_t *in[3];
        unsigned n = node_operands(body->isa, &node, in);

        for (unsigned k = 0; k < n; k++)
            unuse(body, *in[k]);
    }
}

static const struct flag_cond *cond_at(const struct body *body, unsigned node)
{
    for (unsigned c = 0; c < body->nconds; c++)
        if (body->conds[c].root == node)
            return &body->conds[c];
    return NULL;
}

void body_begin(struct body *body, struct sem_body sem)
{
    body->nodes = &body->isa->nodes[sem.first];
    body->count = sem.count;
    body->text = arena_array(body->arena, sem.count + 1u, sizeof *body->text);
    body->uses = arena_array(body->arena, sem.count + 1u, sizeof *body->uses);
    for (unsigned i = 0; i < sem.count; i++) {
        struct sem node = body->nodes[i];
        uint16_t *in[3];
        unsigned n = node_operands(body->isa, &node, in);

        for (unsigned k = 0; k < n; k++)
            if (*in[k] < sem.count)
                body->uses[*in[k]]++;
    }
    if (sem.count)
        body->uses[sem.count - 1] += body->result_uses;
    find_conds(body, sem);
}

/* Locals are as wide as what is put into them. */
static void declare_locals(struct body *body)
{
    unsigned width[256] = { 0 };

    for (unsigned i = 0; i < body->count; i++) {
        const struct sem *node = &body->nodes[i];
        unsigned w = 0;

        if (node->op == S_LOCAL)
            w = node->w;
        else if (node->op == S_SETL || node->op == S_LOOP)
            w = body->nodes[node->b].w;
        else
            continue;
        if (node->a < 256 && w > width[node->a])
            width[node->a] = w;
    }
    for (unsigned i = 0; i < 256; i++)
        if (width[i])
            body_line(body, "%s l%u = %s;", expr_type(width[i]), i,
                      width[i] > 64 ? "wide_from(0)" : "0");
}

static void add_in(const struct isa *isa, struct acc_use *use,
                   const struct isa_slot *slot, unsigned number)
{
    const struct isa_view *view = &isa->views[slot->view];
    unsigned k = 0;

    if (view->file == ISA_NONE || view->low_bit || isa->files[view->file].stride > 8)
        return;
    while (k < ACC_IN && use->in[k] && use->in[k] != number + 1)
        k++;
    if (k < ACC_IN)
        use->in[k] = (uint8_t)(number + 1);
}

/* What a handler may take from acc and what it leaves there. */
struct acc_use body_acc_use(const struct isa *isa, const struct isa_variant *variant)
{
    const struct sem *nodes = &isa->nodes[variant->body.first];
    struct acc_use use = { { 0 }, 0 };
    unsigned depth = 0, puts = 0;

    for (unsigned i = 0; i < variant->body.count; i++) {
        const struct sem *node = &nodes[i];
        const struct isa_slot *slot = &isa->slots[variant->slot + node->a];

        switch (node->op) {
        case S_IF:
        case S_LOOP: depth++; break;
        case S_END: depth--; break;
        case S_GET:
            if (!puts && slot->w <= 64)
                add_in(isa, &use, slot, node->a);
            break;
        case S_PUT:
            puts++;
            if (puts == 1 && !depth && slot->w <= 64 &&
                isa->views[slot->view].file != ISA_NONE &&
                isa->files[isa->views[slot->view].file].stride <= 8 &&
                slot->w == isa->files[isa->views[slot->view].file].width)
                use.out = (uint8_t)(node->a + 1);
            else
                use.out = 0xff;
            break;
        case S_PUTF:
            if (isa->files[node->a].count > 1)
                use.out = 0xff, puts++;
            break;
        case S_PUTX:
        case S_PUTL:
        case S_HELPER:
        case S_SYSREAD:
        case S_SYSWRITE:
        case S_SETTLE:
            use.out = 0xff;
            puts++;
            break;
        default: break;
        }
    }
    return use;
}

static bool is_in(const struct acc_use *use, unsigned slot)
{
    for (unsigned k = 0; k < ACC_IN; k++)
        if (use->in[k] == slot + 1)
            return true;
    return false;
}

/* Whether the registers in acc_use are all that the variant reads and writes, and it
 * reads before it writes. */
bool body_is_tracked(const struct isa *isa, const struct isa_variant *variant)
{
    const struct sem *nodes = &isa->nodes[variant->body.first];
    struct acc_use use = body_acc_use(isa, variant);
    bool has_put = false;

    if (sem_is_unrepeatable(isa, variant->body)) /* a fault shows what was written */
        return false;
    for (unsigned i = 0; i < variant->body.count; i++) {
        switch (nodes[i].op) {
        case S_GET:
            if (has_put || !is_in(&use, nodes[i].a))
                return false;
            break;
        case S_PUT:
            if (use.out != nodes[i].a + 1)
                return false;
            has_put = true;
            break;
        case S_GETF:
        case S_PUTF:
            if (isa->files[nodes[i].a].count > 1)
                return false;
            break;
        case S_GETX:
        case S_PUTX:
        case S_GETL:
        case S_PUTL:
        case S_HELPER:
        case S_SYSREAD:
        case S_SYSWRITE:
        case S_SETTLE:
        case S_FLAG:
        case S_NPC:
        case S_PUTNPC:
        case S_ANNUL:
        case S_REPEAT: return false;
        default: break;
        }
    }
    return true;
}

/* ---------------------------------------------------------------------- state */

static const struct isa_slot *slot_of(const struct body *body, unsigned number)
{
    return &body->isa->slots[body->variant->slot + number];
}

static bool is_computed(const struct body *body, unsigned number)
{
    return body->isa->views[slot_of(body, number)->view].file == ISA_NONE;
}

static const struct isa_file *slot_file(const struct body *body, unsigned number)
{
    return &body->isa->files[body->isa->views[slot_of(body, number)->view].file];
}

/* Whether a slot's value is the same read as a signed number: so that instructions with a
 * short unsigned immediate share the handlers of those with a longer signed one. */
static bool reads_as_signed(const struct body *body, const struct isa_slot *slot)
{
    const struct isa_insn *insn = &body->isa->insns[body->variant->insn];
    const struct isa_field *field;

    if (slot->is_signed || !slot->quick || slot->plus_pc || slot->size > 4)
        return slot->is_signed;
    field = &body->isa->fields_all[insn->field + slot->quick - 1u];
    return !field->is_signed && slot->bias >= 0 && slot->bias < 0x1000 &&
           field->bits + field->scale < slot->size * 8u - 2;
}

static const char *slot_value(struct body *body, const struct sem *node)
{
    const struct isa_slot *slot = slot_of(body, node->a);
    unsigned at = slot->at + body->at;
    unsigned bits = slot->kind == SLOT_RETURN ? 64 : slot->size * 8u;
    bool is_signed = reads_as_signed(body, slot);
    const char *text;

    if (bits == 128)
        return arena_printf(body->arena, "wide_make(OP_U64(%u), OP_U64(%u))", at + 8, at);
    text = arena_printf(body->arena, "OP_%c%u(%u)", is_signed ? 'S' : 'U', bits, at);
    if (node->w > 64)
        return expr_mask(
            body->arena, node->w,
            arena_printf(body->arena, "wide_sext64((uint64_t)%s, 64)", text));
    text = arena_printf(body->arena, "(%s)%s", expr_type(node->w), text);
    if (node->w == 32 || node->w == 64 || (!slot->is_signed && bits <= node->w))
        return arena_printf(body->arena, "(%s)", text);
    return expr_mask(body->arena, node->w, text);
}

static const char *slot_place(struct body *body, unsigned number)
{
    return arena_printf(body->arena, "OP_U16(%u)", slot_of(body, number)->at + body->at);
}

/* The name of in[k], or of out, in a group: it is in a C variable. */
static unsigned named(const struct body *body, unsigned k)
{
    return body->group && body->is_tracked ? body->name[k] : 0;
}

static void get_slot(struct body *body, unsigned i)
{
    const struct sem *node = &body->nodes[i];
    const struct isa_view *view = &body->isa->views[slot_of(body, node->a)->view];
    const struct isa_file *file;

    if (is_computed(body, node->a)) {
        body_line(body, "%s v%u = %s_view%u_get(cpu, %s);", expr_type(node->w), i,
                  body->target, slot_of(body, node->a)->view, slot_place(body, node->a));
        return;
    }
    file = slot_file(body, node->a);
    for (unsigned k = 0; k < ACC_IN; k++)
        if (body->acc.in[k] == node->a + 1 && (body->form >> k & 1 || named(body, k))) {
            const char *from = body->form >> k & 1
                                   ? "in"
                                   : arena_printf(body->arena, "c%u", named(body, k));

            body_line(body, "%s v%u = %s;", expr_type(node->w), i,
                      node->w < file->width ? expr_mask(body->arena, node->w, from)
                                            : arena_printf(body->arena, "(%s)%s",
                                                           expr_type(node->w), from));
            return;
        }
    body_line(body, "%s v%u = %s;", expr_type(node->w), i,
              element_read(body->arena, file, slot_place(body, node->a), view->low_bit,
                           node->w));
}

static void put_slot(struct body *body, const struct sem *node)
{
    const struct isa_slot *slot = slot_of(body, node->a);
    const struct isa_view *view = &body->isa->views[slot->view];
    const struct isa_file *file;
    const char *value = body->text[node->b];

    if (is_computed(body, node->a)) {
        body_line(body, "%s_view%u_put(cpu, %s, %s);", body->target, slot->view,
                  slot_place(body, node->a), value);
        return;
    }
    file = slot_file(body, node->a);
    if (body->acc.out == node->a + 1) {
        unsigned name = named(body, ACC_IN);

        if (name) {
            body_line(body, "acc = c%u = %s;", name, value);
            group_write(body);
            return;
        }
        body_line(body, "acc = %s;", value);
        value = "acc";
    }
    body_line(body, "%s",
              element_write(body->arena, file, slot_place(body, node->a), view->low_bit,
                            slot->w, value));
}

/* Lane `b` of w bits, counted from the element that the slot names. */
static void lane_node(struct body *body, unsigned i)
{
    const struct sem *node = &body->nodes[i];
    const char *place = slot_place(body, node->a), *lane = expr_narrow(body, node->b);
    unsigned w = node->op == S_GETL ? node->w : body->nodes[node->c].w;

    if (node->op == S_GETL && w > 64)
        body_line(body, "wide v%u = REG_LANE128(%s, %s);", i, place, lane);
    else if (node->op == S_GETL)
        body_line(body, "%s v%u = REG_LANE(%u, %s, %s);", expr_type(w), i, w, place,
                  lane);
    else if (w > 64)
        body_line(body, "PUT_LANE128(%s, %s, %s);", place, lane, body->text[node->c]);
    else
        body_line(body, "REG_LANE(%u, %s, %s) = (uint%u_t)%s;", w, place, lane, w,
                  body->text[node->c]);
}

/* System registers: a function of their own, which may trap. */
static void sysreg_node(struct body *body, unsigned i)
{
    const struct sem *node = &body->nodes[i];
    const char *number = expr_narrow(body, node->a);

    if (node->op == S_SYSREAD)
        body_line(body, "%s v%u = (%s)%s_sysread(cpu, OP_HERE(%u), %s);",
                  expr_type(node->w), i, expr_type(node->w), body->target, body->at / 16,
                  number);
    else
        body_line(body, "%s_syswrite(cpu, OP_HERE(%u), %s, %s);", body->target,
                  body->at / 16, number, expr_narrow(body, node->b));
    if (node->op == S_SYSREAD && !body->uses[i])
        body_line(body, "(void)v%u;", i);
    body_line(body, "if (UNLIKELY(cpu->event.kind))");
    body_line(body, body->inner ? "    return 0;" : "    LEAVE();");
}

/* Index of the zero register of a file, or -1. */
static int zero_of(const struct isa *isa, unsigned file)
{
    for (unsigned i = 0; i < isa->nviews && isa->files[file].has_zero; i++)
        if (isa->views[i].file == file && isa->views[i].zero != ISA_NONE)
            return isa->views[i].zero;
    return -1;
}

static const char *indexed_place(struct body *body, const struct sem *node, bool write)
{
    const struct isa_file *file = &body->isa->files[node->a];
    const char *index =
        arena_printf(body->arena, "(%s %% %u)", expr_narrow(body, node->b), file->count);
    int zero = zero_of(body->isa, node->a);

    if (zero >= 0)
        index = arena_printf(body->arena, "(%s == %d ? %uu : %s)", index, zero,
                             file->count + (write ? 1u : 0u), index);
    return arena_printf(body->arena, "(CPU_STATE + %u + %s * %u)", file->offset, index,
                        file->stride);
}

/* Reading or writing the settled flags of a group directly settles it first. */
static void settle_for(struct body *body, unsigned file)
{
    for (unsigned g = 0; g < body->isa->nflags; g++)
        if (body->isa->flags[g].bits_file == file &&
            body->isa->flags[g].kind_file != ISA_NONE)
            body_line(body, "%s_settle%u(cpu);", body->target, g);
}

static void state_node(struct body *body, unsigned i)
{
    const struct sem *node = &body->nodes[i];
    const struct isa_file *file = &body->isa->files[node->a];
    const char *place;

    settle_for(body, node->a);
    switch (node->op) {
    case S_GETF:
        body_line(body, "%s v%u = %s;", expr_type(node->w), i,
                  element_read(body->arena, file,
                               element_place(body->arena, file, node->b), 0, node->w));
        break;
    case S_GETX:
        place = indexed_place(body, node, false);
        body_line(body, "%s v%u = %s;", expr_type(node->w), i,
                  element_read(body->arena, file, place, 0, node->w));
        break;
    case S_PUTF:
        body_line(body, "%s",
                  element_write(body->arena, file,
                                element_place(body->arena, file, node->b), 0, file->width,
                                body->text[node->c]));
        break;
    default: /* S_PUTX */
        place = indexed_place(body, node, true);
        body_line(
            body, "%s",
            element_write(body->arena, file, place, 0, file->width, body->text[node->c]));
    }
}

static void set_flags(struct body *body, const struct sem *node)
{
    const struct isa_flagfn *fn = &body->isa->flagfns[node->d];
    const uint16_t args[3] = { node->a, node->b, node->c };
    const char *text = "";

    for (unsigned i = 0; i < fn->args && i < 3; i++)
        text = arena_printf(body->arena, "%s, %s", text, body->text[args[i]]);
    body_line(body, "%s_set%u(cpu%s);", body->target, node->d, text);
}

/* -------------------------------------------------------------------- control */

static void jump(struct body *body, const struct sem *node)
{
    unsigned flags = body->variant ? body->variant->flags : 0;
    bool is_plain = !(flags & VAR_MODE || body->isa->delay);

    group_store(body, true);
    if (node->x & GOTO_CALL && is_plain)
        body_line(body, "CALLED(%u);", (slot_of(body, node->b)->at + body->at) / 16);
    if (node->x & GOTO_DIRECT)
        body_line(body, "JUMP(%u, %u);", body->at / 16,
                  slot_of(body, node->a)->at + body->at);
    else if (node->x & GOTO_DELAY)
        body_line(body, "JUMP_DELAYED(%u, %s);", body->at / 16, body->text[node->a]);
    else if (!is_plain)
        body_line(body, "JUMP_MODE(%u, %s);", body->at / 16, body->text[node->a]);
    else
        body_line(body, "%s(%u, %s);", node->x & GOTO_RETURN ? "JUMP_BACK" : "JUMP_TO",
                  body->at / 16, body->text[node->a]);
}

static void trap(struct body *body, const struct sem *node)
{
    const char *b = node->b == ISA_NONE ? "0" : expr_narrow(body, node->b);
    const char *c = node->c == ISA_NONE ? "0" : expr_narrow(body, node->c);

    if (body->inner) {
        body_line(body, "interp_trap(cpu, op, %u, %s, %s);", node->a, b, c);
        body_line(body, "return 0;");
        return;
    }
    group_store(body, true);
    body_line(body, "TRAP(%u, %u, %s, %s);", body->at / 16, node->a, b, c);
}

static void helper(struct body *body, unsigned i)
{
    const struct sem *node = &body->nodes[i];
    bool sync = body->variant && body->variant->flags & VAR_SYNC;
    const char *value =
        arena_printf(body->arena, "interp_helper(cpu, OP_HERE(%u), %u, %s", body->at / 16,
                     node->a, sync ? "true" : "false");

    if (body->pushed > 6)
        die("%s: helper %s has more than 6 arguments", body->isa->name,
            isa_string(body->isa, body->isa->helpers[node->a].name));
    for (unsigned k = 0; k < 6; k++)
        value = arena_printf(body->arena, "%s, %s", value,
                             k < body->pushed ? expr_narrow(body, body->push[k]) : "0");
    body->pushed = 0;
    for (unsigned g = 0; g < body->isa->nflags; g++)
        if (sync && body->isa->flags[g].kind_file != ISA_NONE)
            body_line(body, "%s_settle%u(cpu);", body->target, g);
    if (node->w)
        body_line(
            body, "%s v%u = %s;", expr_type(node->w), i,
            expr_mask(body->arena, node->w, arena_printf(body->arena, "%s)", value)));
    else
        body_line(body, "%s);", value);
    if (node->w && !body->uses[i])
        body_line(body, "(void)v%u;", i);
    body_line(body, "if (UNLIKELY(cpu->event.kind))");
    body_line(body, body->inner ? "    return 0;" : "    LEAVE();");
}

/* IF, ELSE, END, LOOP and what ends a body. */
static void control(struct body *body, unsigned i)
{
    const struct sem *node = &body->nodes[i];

    switch (node->op) {
    case S_IF:
        body_line(body, "if (%s) {", body->text[node->a]);
        body->depth++;
        return;
    case S_ELSE:
        body->depth--;
        body_line(body, "} else {");
        body->depth++;
        return;
    case S_END:
        body->depth--;
        body_line(body, "}");
        return;
    case S_LOOP:
        body_line(body, "for (l%u = %s; l%u < %s; l%u++) {", node->a, body->text[node->b],
                  node->a, body->text[node->c], node->a);
        body->depth++;
        return;
    case S_GOTO: jump(body, node); break;
    case S_TRAP: trap(body, node); break;
    case S_ANNUL: body_line(body, "ANNUL(%u);", body->at / 16); break;
    default: body_line(body, "REPEAT(%u);", body->at / 16); break; /* S_REPEAT */
    }
    if (!body->depth)
        body->ended = true;
}

/* A pure node: its text where it is used once and short, else a local. */
static void pure(struct body *body, unsigned i)
{
    const struct sem *node = &body->nodes[i];
    const char *text = expr_of(body, i);

    if (!text)
        die("%s: node %u of a body is of no known kind", body->isa->name, node->op);
    if (!body->uses[i])
        return;
    if (node->op == S_CONST || node->op == S_ARG ||
        (body->uses[i] == 1 && strlen(text) < LONG_TEXT)) {
        body->text[i] = text;
        return;
    }
    body_line(body, "%s v%u = %s;", expr_type(node->w), i, text);
}

/* A flagfn that keeps some flags settles those by itself. */
static bool is_settled_by_next(const struct body *body, unsigned i)
{
    const struct sem *next = &body->nodes[i + 1];

    return i + 1 < body->count && next->op == S_SETFLAGS &&
           body->isa->flagfns[next->d].group == body->nodes[i].a;
}

/* Reads that nobody notices. */
static bool is_unseen(unsigned op)
{
    return op == S_GETL || op == S_NPC || op == S_FEATURE || op == S_GET ||
           op == S_GETF || op == S_GETX || op == S_LOCAL || op == S_FLAG;
}

static void statement(struct body *body, unsigned i)
{
    const struct sem *node = &body->nodes[i];

    body->text[i] = arena_printf(body->arena, "v%u", i);
    if (!body->uses[i] && is_unseen(node->op))
        return;
    if (cond_at(body, i)) {
        body_line(body, "uint32_t v%u = %s(cpu);", i,
                  flags_function(body->arena, body->target, cond_at(body, i)));
        return;
    }
    switch (node->op) {
    case S_NOP: break;
    case S_SLOT:
        if (!body->variant)
            die("%s: a body that is no instruction's asks for its fields",
                body->isa->name);
        body->text[i] = slot_value(body, node);
        break;
    case S_MODE:
        body_line(body, "%s v%u = %s;", expr_type(node->w), i,
                  expr_mask(body->arena, node->w,
                            arena_printf(body->arena, "cpu->mode >> %u",
                                         body->isa->modes[node->a].at)));
        break;
    case S_FEATURE:
        body_line(body, "uint32_t v%u = cpu->features.bits[%u] >> %u & 1;", i,
                  node->a / 64, node->a % 64);
        break;
    case S_LOCAL: body_line(body, "%s v%u = l%u;", expr_type(node->w), i, node->a); break;
    case S_SETL: body_line(body, "l%u = %s;", node->a, body->text[node->b]); break;
    case S_GET: get_slot(body, i); break;
    case S_PUT: put_slot(body, node); break;
    case S_GETF:
    case S_GETX:
    case S_PUTF:
    case S_PUTX: state_node(body, i); break;
    case S_SETFLAGS: set_flags(body, node); break;
    case S_LD:
    case S_ST:
    case S_AMO:
    case S_CAS:
    case S_RESERVE:
    case S_STCOND:
    case S_FENCE: memory_emit(body, i); break;
    case S_FP: fp_emit(body, i); break;
    case S_IF:
    case S_ELSE:
    case S_END:
    case S_LOOP:
    case S_GOTO:
    case S_TRAP:
    case S_ANNUL:
    case S_REPEAT: control(body, i); break;
    case S_PUSH:
        if (body->pushed == MAX_PUSHED)
            die("%s: too many arguments of a helper", body->isa->name);
        body->push[body->pushed++] = node->a;
        break;
    case S_HELPER: helper(body, i); break;
    case S_GETL:
    case S_PUTL: lane_node(body, i); break;
    case S_SETTLE:
        if (!is_settled_by_next(body, i))
            body_line(body, "%s_settle%u(cpu);", body->target, node->a);
        break;
    case S_SYSREAD:
    case S_SYSWRITE: sysreg_node(body, i); break;
    case S_NPC:
        body_line(body, "%s v%u = (%s)interp_npc(cpu, OP_HERE(%u));", expr_type(node->w),
                  i, expr_type(node->w), body->at / 16);
        break;
    case S_PUTNPC:
        body_line(body, "next_npc = %s; has_npc = true;", body->text[node->a]);
        break;
    default: pure(body, i);
    }
}

/* All nodes; afterwards body->ended says that control cannot arrive there. */
void body_statements(struct body *body)
{
    declare_locals(body);
    for (unsigned i = 0; i < body->count && !body->puts_npc; i++)
        body->puts_npc = body->nodes[i].op == S_PUTNPC;
    if (body->puts_npc) {
        body_line(body, "uint64_t next_npc = 0;");
        body_line(body, "bool has_npc = false;");
    }
    for (unsigned i = 0; i < body->count && !body->ended; i++)
        statement(body, i);
}

void body_pure(struct body *body, struct sem_body sem)
{
    body->result_uses = 2;
    body_begin(body, sem);
    body_statements(body);
    body_line(body, "return %s;", sem.count ? body->text[sem.count - 1] : "0");
}
