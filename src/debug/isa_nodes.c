/* isa_nodes.c - bodies of the semantic table as text, in the manner of the spec language.
 *
 * A value that is used once is written where it is used, unless state changes in between;
 * others get names (v3: the value of node 3). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "debug/isa_cmd.h"
#include "isa/sem.h"

struct writer {
    FILE *out;
    const struct isa *isa;
    const struct isa_insn *insn;       /* names of fields; NULL: none */
    const struct isa_variant *variant; /* slots; NULL: none */
    const struct sem *nodes;
    unsigned count;
    unsigned *at; /* where each value is written: its own position, or its user's */
    unsigned *uses;
    unsigned indent;
};

enum operand_use { USES_A = 1, USES_B = 2, USES_C = 4 };

/* Which of a, b, c are nodes. */
static unsigned operands_of(const struct sem *node)
{
    switch (node->op) {
    case S_GETX:
    case S_PUT:
    case S_SETL:
    case S_GETL: return USES_B;
    case S_PUTF: return USES_C;
    case S_PUTX:
    case S_PUTL:
    case S_LOOP: return USES_B | USES_C;
    case S_SETFLAGS: return USES_A | USES_B | USES_C;
    case S_TRAP: return USES_B | USES_C;
    case S_GOTO: return node->x & GOTO_DIRECT ? 0 : USES_A;
    case S_LD:
    case S_RESERVE:
    case S_IF:
    case S_PUSH:
    case S_SYSREAD:
    case S_PUTNPC:
    case S_EXTRACT:
    case S_NOT:
    case S_NEG:
    case S_ZEXT:
    case S_SEXT:
    case S_CLZ:
    case S_CTZ:
    case S_POPCNT:
    case S_BSWAP:
    case S_BITREV:
    case S_PARITY: return USES_A;
    case S_ST:
    case S_AMO:
    case S_STCOND:
    case S_SYSWRITE:
    case S_CONCAT: return USES_A | USES_B;
    case S_CAS:
    case S_SELECT:
    case S_FP: return USES_A | USES_B | USES_C;
    default:
        if ((node->op >= S_ADD && node->op <= S_LES) || node->op == S_CLMUL)
            return USES_A | USES_B;
        return 0;
    }
}

static bool changes_state(const struct sem *node)
{
    switch (node->op) {
    case S_PUT:
    case S_PUTF:
    case S_PUTX:
    case S_PUTL:
    case S_SETL:
    case S_SETFLAGS:
    case S_ST:
    case S_AMO:
    case S_CAS:
    case S_RESERVE:
    case S_STCOND:
    case S_HELPER:
    case S_SYSWRITE:
    case S_SYSREAD:
    case S_PUTNPC:
    case S_FP:
    case S_IF:
    case S_ELSE:
    case S_END:
    case S_LOOP: return true;
    default: return false;
    }
}

static unsigned operand(const struct sem *node, unsigned k)
{
    const uint16_t all[] = { node->a, node->b, node->c };

    return all[k];
}

/* Decides where each value is written. */
static void place_values(struct writer *w)
{
    unsigned *user = calloc(w->count + 1, sizeof(*user));

    w->at = calloc(w->count + 1, sizeof(*w->at));
    w->uses = calloc(w->count + 1, sizeof(*w->uses));
    if (!user || !w->at || !w->uses)
        die("out of memory");
    for (unsigned i = 0; i < w->count; i++)
        for (unsigned k = 0; k < 3; k++) {
            unsigned o = operand(&w->nodes[i], k);

            if (operands_of(&w->nodes[i]) >> k & 1 && o < i) {
                w->uses[o]++;
                user[o] = i;
            }
        }
    for (unsigned i = w->count; i-- > 0;) {
        unsigned to = w->uses[i] == 1 ? w->at[user[i]] : i;

        w->at[i] = to;
        for (unsigned k = i + 1; k < to; k++)
            if (changes_state(&w->nodes[k]))
                w->at[i] = i;
    }
    free(user);
}

/* -------------------------------------------------------------------- values */

static void write_value(struct writer *w, unsigned i);
static void write_alone(struct writer *w, unsigned i);
static void write_node(struct writer *w, const struct sem *node);

static void write_body(struct writer *w, struct sem_body body)
{
    print_expression(w->out, w->isa, w->insn, body);
}

static const char *field_name(const struct writer *w, unsigned field)
{
    return w->insn ? isa_string(w->isa, w->isa->fields_all[w->insn->field + field].name)
                   : "?";
}

static void write_slot(struct writer *w, unsigned number)
{
    const struct isa_slot *slot = &w->isa->slots[w->variant->slot + number];
    bool is_register = slot->kind == SLOT_READ || slot->kind == SLOT_WRITE;

    if (is_register)
        fprintf(w->out, "%s[", isa_string(w->isa, w->isa->views[slot->view].name));
    if (slot->quick) {
        fprintf(w->out, slot->plus_pc ? "pc + %s" : "%s",
                field_name(w, slot->quick - 1u));
        if (slot->bias)
            fprintf(w->out, " + %" PRId32, slot->bias);
    } else {
        write_body(w, slot->expr);
    }
    if (is_register)
        putc(']', w->out);
}

static void write_constant(struct writer *w, const struct sem *node)
{
    uint32_t at = node->a | (uint32_t)node->b << 16;
    uint64_t value = w->isa->consts[at], sign = UINT64_C(1) << ((node->w - 1) & 63);

    if (node->w > 64 && w->isa->consts[at + 1])
        fprintf(w->out, "0x%" PRIx64 "%016" PRIx64, w->isa->consts[at + 1], value);
    else if (value < 1024)
        fprintf(w->out, "%" PRIu64, value);
    else if (node->w <= 64 && value & sign && ((0 - value) & mask64(node->w)) < 1024)
        fprintf(w->out, "-%" PRIu64, (0 - value) & mask64(node->w));
    else
        fprintf(w->out, "0x%" PRIx64, value);
}

static void write_call(struct writer *w, const char *name, const struct sem *node)
{
    bool is_first = true;

    fprintf(w->out, "%s(", name);
    for (unsigned k = 0; k < 3; k++) {
        unsigned o = operand(node, k);

        if (!(operands_of(node) >> k & 1) || o == ISA_NONE || o >= w->count)
            continue;
        if (!is_first)
            fputs(", ", w->out);
        is_first = false;
        write_alone(w, o);
    }
    putc(')', w->out);
}

static const char *const infix[S_OPS] = {
    [S_ADD] = "+",    [S_SUB] = "-",   [S_MUL] = "*",   [S_DIVU] = "/u",
    [S_DIVS] = "/s",  [S_REMU] = "%u", [S_REMS] = "%s", [S_AND] = "&",
    [S_OR] = "|",     [S_XOR] = "^",   [S_SHL] = "<<",  [S_SHRU] = ">>u",
    [S_SHRS] = ">>s", [S_EQ] = "==",   [S_NE] = "!=",   [S_LTU] = "<u",
    [S_LTS] = "<s",   [S_LEU] = "<=u", [S_LES] = "<=s", [S_CONCAT] = "++",
};
static const char *const functions[S_OPS] = {
    [S_ROTL] = "rotl",       [S_ROTR] = "rotr",       [S_CLZ] = "clz",
    [S_CTZ] = "ctz",         [S_POPCNT] = "popcount", [S_BSWAP] = "bswap",
    [S_BITREV] = "bitrev",   [S_PARITY] = "parity",   [S_CLMUL] = "clmul",
    [S_SYSREAD] = "sysread",
};
static const char *const fp_names[FPOPS] = {
    "fadd",   "fsub",   "fmul",   "fdiv",   "fsqrt",  "fma",    "fms",  "fnma",
    "fnms",   "fmin",   "fmax",   "fminm",  "fmaxm",  "feq",    "flt",  "fle",
    "feqs",   "flts",   "fles",   "funord", "frint",  "frintx", "fcvt", "f_to_s",
    "f_to_u", "s_to_f", "u_to_f", "fclass", "fscalb", "flogb",  "frem", "f_to_s_mod",
    "fmin2",  "fmax2",  "fmin08", "fmax08",
};
static const char *const amo_names[] = { "xchg", "add", "and",  "or",  "xor",
                                         "min",  "max", "minu", "maxu" };

static void write_memory(struct writer *w, const struct sem *node)
{
    switch (node->op) {
    case S_LD: fprintf(w->out, "mem.ld%u", node->w); break;
    case S_AMO: fprintf(w->out, "mem.amo%u.%s", node->w, amo_names[node->d]); break;
    case S_CAS: fprintf(w->out, "mem.cas%u", node->w); break;
    case S_RESERVE: fprintf(w->out, "mem.reserve%u", node->w); break;
    default: fprintf(w->out, "mem.store_cond%u", w->nodes[node->b].w);
    }
    write_call(w, "", node);
}

static void write_leaf(struct writer *w, const struct sem *node)
{
    const struct isa *isa = w->isa;
    char name[64];

    switch (node->op) {
    case S_CONST: write_constant(w, node); break;
    case S_FIELD: fputs(field_name(w, node->a), w->out); break;
    case S_PC: fputs("pc", w->out); break;
    case S_ILEN: fputs("ilen", w->out); break;
    case S_NPC: fputs("npc", w->out); break;
    case S_MODE:
        fprintf(w->out, "mode.%s", isa_string(isa, isa->modes[node->a].name));
        break;
    case S_FEATURE:
        fprintf(w->out, "has(%s)", isa_string(isa, isa->features[node->a]));
        break;
    case S_SLOT:
    case S_GET: write_slot(w, node->a); break;
    case S_ARG: fprintf(w->out, "arg%u", node->a); break;
    case S_LOCAL: fprintf(w->out, "t%u", node->a); break;
    case S_FLAG:
        fprintf(w->out, "%s.%s", isa_string(isa, isa->flags[node->a].name),
                isa_name(isa, isa->flags[node->a].names, node->b));
        break;
    case S_GETF:
        if (isa->files[node->a].names && node->b < isa->files[node->a].count)
            fputs(isa_name(isa, isa->files[node->a].names, node->b), w->out);
        else if (isa->files[node->a].count == 1)
            fputs(isa_string(isa, isa->files[node->a].name), w->out);
        else
            fprintf(w->out, "%s[%u]", isa_string(isa, isa->files[node->a].name), node->b);
        break;
    default: snprintf(name, sizeof(name), "node%u", node->op); fputs(name, w->out);
    }
}

/* A slice that cuts nothing off: a number takes the width of its context. */
static bool is_whole_field(const struct writer *w, const struct sem *slice)
{
    const struct sem *node = &w->nodes[slice->a];
    const struct isa_field *field;

    if (node->op != S_FIELD || slice->b || !w->insn)
        return false;
    field = &w->isa->fields_all[w->insn->field + node->a];
    return slice->w >= field->bits + field->scale;
}

/* Nodes whose form is their own. */
static bool write_special(struct writer *w, const struct sem *node)
{
    FILE *out = w->out;

    switch (node->op) {
    case S_GETX:
        fprintf(out, "%s[", isa_string(w->isa, w->isa->files[node->a].name));
        break;
    case S_GETL:
        fprintf(out, "lane<%u>(", node->w);
        write_slot(w, node->a);
        fputs(", ", out);
        break;
    case S_NOT:
        fputs(node->w == 1 ? "!" : "~", out);
        write_value(w, node->a);
        return true;
    case S_NEG:
        putc('-', out);
        write_value(w, node->a);
        return true;
    case S_ZEXT:
    case S_SEXT:
        fprintf(out, node->op == S_ZEXT ? "zext<%u>(" : "sext<%u>(", node->w);
        write_value(w, node->a);
        putc(')', out);
        return true;
    case S_EXTRACT:
        write_value(w, node->a);
        if (is_whole_field(w, node))
            return true;
        fprintf(out, node->w == 1 ? "[%u]" : "[%u:%u]", node->b + node->w - 1u, node->b);
        return true;
    case S_SELECT:
        putc('(', out);
        write_value(w, node->a);
        fputs(" ? ", out);
        write_value(w, node->b);
        fputs(" : ", out);
        write_value(w, node->c);
        putc(')', out);
        return true;
    default: return false;
    }
    write_value(w, node->b); /* GETX, GETL */
    putc(node->op == S_GETX ? ']' : ')', out);
    return true;
}

/* Whether a node is `a ^ 1` of one bit. */
static bool is_negation(const struct writer *w, const struct sem *node)
{
    const struct sem *one = &w->nodes[node->b];

    return node->op == S_XOR && node->w == 1 && one->op == S_CONST &&
           w->isa->consts[one->a | (uint32_t)one->b << 16] == 1;
}

/* `a + b` without brackets around it. */
static void write_infix(struct writer *w, const struct sem *node)
{
    if (is_negation(w, node)) {
        write_node(w, node);
        return;
    }
    write_value(w, node->a);
    fprintf(w->out, " %s ", infix[node->op]);
    write_value(w, node->b);
}

static void write_node(struct writer *w, const struct sem *node)
{
    if (is_negation(w, node)) {
        putc('!', w->out);
        write_value(w, node->a);
    } else if (infix[node->op]) {
        putc('(', w->out);
        write_infix(w, node);
        putc(')', w->out);
    } else if (functions[node->op]) {
        write_call(w, functions[node->op], node);
    } else if (write_special(w, node)) {
        return;
    } else if (node->op >= S_LD && node->op <= S_STCOND) {
        write_memory(w, node);
    } else if (node->op == S_FP) {
        write_call(w, fp_names[node->x], node);
        fprintf(w->out, " in %s",
                isa_string(w->isa, w->isa->fpenvs[w->isa->fpcalls[node->d].env].name));
    } else if (node->op == S_HELPER) {
        fprintf(w->out, "%s(..)", isa_string(w->isa, w->isa->helpers[node->a].name));
    } else {
        write_leaf(w, node);
    }
}

static void write_value(struct writer *w, unsigned i)
{
    if (w->at[i] == i && operands_of(&w->nodes[i]))
        fprintf(w->out, "v%u", i);
    else
        write_node(w, &w->nodes[i]);
}

/* A value that stands alone. */
static void write_alone(struct writer *w, unsigned i)
{
    bool is_named = w->at[i] == i && operands_of(&w->nodes[i]);

    if (infix[w->nodes[i].op] && !is_named)
        write_infix(w, &w->nodes[i]);
    else
        write_value(w, i);
}

/* ---------------------------------------------------------------- statements */

static void write_goto(struct writer *w, const struct sem *node)
{
    fputs("goto ", w->out);
    if (node->x & GOTO_DIRECT)
        write_slot(w, node->a);
    else
        write_alone(w, node->a);
    fputs(node->x & GOTO_CALL     ? " as call"
          : node->x & GOTO_RETURN ? " as return"
                                  : "",
          w->out);
    fputs(node->x & GOTO_DELAY ? " after the next instruction" : "", w->out);
}

static void write_assignment(struct writer *w, const struct sem *node)
{
    struct sem place = *node;

    switch (node->op) {
    case S_PUT: write_slot(w, node->a); break;
    case S_PUTF:
        place.op = S_GETF;
        write_leaf(w, &place);
        break;
    case S_PUTX:
        fprintf(w->out, "%s[", isa_string(w->isa, w->isa->files[node->a].name));
        write_value(w, node->b);
        putc(']', w->out);
        break;
    case S_PUTL:
        fprintf(w->out, "lane<%u>(", w->nodes[node->c].w);
        write_slot(w, node->a);
        fputs(", ", w->out);
        write_value(w, node->b);
        putc(')', w->out);
        break;
    default: fprintf(w->out, "t%u", node->a); /* SETL */
    }
    fputs(" = ", w->out);
    write_alone(w, node->op == S_PUT || node->op == S_SETL ? node->b : node->c);
}

static void write_statement(struct writer *w, const struct sem *node)
{
    static const char *const words[S_OPS] = {
        [S_NOP] = "nothing",   [S_FENCE] = "fence",   [S_ANNUL] = "annul",
        [S_REPEAT] = "repeat", [S_SETTLE] = "settle", [S_PUTNPC] = "npc =",
        [S_PUSH] = "argument"
    };

    switch (node->op) {
    case S_ST:
        fprintf(w->out, "mem.st%u", w->nodes[node->b].w);
        write_call(w, "", node);
        break;
    case S_SYSWRITE: write_call(w, "syswrite", node); break;
    case S_SETFLAGS:
        fputs("set ", w->out);
        write_call(w, isa_string(w->isa, w->isa->flagfns[node->d].name), node);
        break;
    case S_TRAP:
        fputs("trap ", w->out);
        write_call(w, isa_string(w->isa, w->isa->traps[node->a].name), node);
        break;
    case S_HELPER:
        fprintf(w->out, "%s(..)", isa_string(w->isa, w->isa->helpers[node->a].name));
        break;
    case S_GOTO: write_goto(w, node); break;
    case S_IF:
        fputs("if ", w->out);
        write_alone(w, node->a);
        fputs(" {", w->out);
        break;
    case S_ELSE: fputs("} else {", w->out); break;
    case S_END: putc('}', w->out); break;
    case S_LOOP:
        fprintf(w->out, "for t%u in ", node->a);
        write_value(w, node->b);
        fputs(" .. ", w->out);
        write_value(w, node->c);
        fputs(" {", w->out);
        break;
    case S_PUT:
    case S_PUTF:
    case S_PUTX:
    case S_PUTL:
    case S_SETL: write_assignment(w, node); break;
    default:
        fputs(words[node->op] ? words[node->op] : "?", w->out);
        if (node->op == S_PUSH || node->op == S_PUTNPC) {
            putc(' ', w->out);
            write_value(w, node->a);
        }
    }
}

static void write_line(struct writer *w, unsigned i)
{
    const struct sem *node = &w->nodes[i];

    if (node->op == S_END || node->op == S_ELSE)
        w->indent -= 2;
    fprintf(w->out, "%*s", (int)w->indent, "");
    if (node->op == S_IF || node->op == S_ELSE || node->op == S_LOOP)
        w->indent += 2;
    if (node->w) {
        fprintf(w->out, "let v%u = ", i);
        if (infix[node->op])
            write_infix(w, node);
        else
            write_node(w, node);
    } else {
        write_statement(w, node);
    }
    putc('\n', w->out);
}

static void end_writer(struct writer *w)
{
    free(w->at);
    free(w->uses);
}

void print_variant(FILE *out, const struct isa *isa, const struct isa_variant *variant,
                   unsigned indent)
{
    struct writer w = { .out = out,
                        .isa = isa,
                        .insn = &isa->insns[variant->insn],
                        .variant = variant,
                        .nodes = isa->nodes + variant->body.first,
                        .count = variant->body.count,
                        .indent = indent };

    place_values(&w);
    for (unsigned i = 0; i < w.count; i++)
        if (!w.nodes[i].w || (w.at[i] == i && operands_of(&w.nodes[i])))
            write_line(&w, i);
    end_writer(&w);
}

void print_expression(FILE *out, const struct isa *isa, const struct isa_insn *insn,
                      struct sem_body body)
{
    struct writer w = { .out = out,
                        .isa = isa,
                        .insn = insn,
                        .nodes = isa->nodes + body.first,
                        .count = body.count };

    if (!body.count)
        return;
    place_values(&w);
    for (unsigned i = 0; i < w.count;
         i++) /* one expression: everything where it is used */
        w.at[i] = w.count;
    write_alone(&w, w.count - 1);
    end_writer(&w);
}
