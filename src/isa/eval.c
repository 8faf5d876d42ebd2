/* eval.c - the tree evaluator: a body's nodes, in order, over the state of a CPU.
 *
 * eval_mem.c has the memory nodes, eval_fp.c the floating-point ones, sem.c the pure
 * ones. */
#include "isa/eval.h"

#include <string.h>

#include "base/report.h"
#include "isa/eval_parts.h"
#include "isa/state.h"

static uint64_t pc_mask(const struct cpu *cpu)
{
    return mask64(cpu->isa->pc_width);
}

int eval_fault(struct eval *eval, unsigned kind, unsigned access, uint64_t addr)
{
    struct exec_event *event = &eval->cpu->event;

    *event = (struct exec_event){ 0 };
    event->kind = (uint8_t)kind;
    event->access = (uint8_t)access;
    event->addr = addr;
    if (eval->run.insn)
        event->ilen = eval->run.insn->length;
    return EVAL_EVENT;
}

/* --------------------------------------------------------------------- slots */

static struct fp128 slot_value(const struct eval *eval, unsigned number)
{
    const struct isa_slot *slot = &eval->run.isa->slots[eval->variant->slot + number];
    const struct isa_decoded *insn = eval->run.insn;
    uint64_t v;

    if (!slot->quick)
        return u128(0, sem_value(eval->run.isa, slot->expr, insn, NULL));
    v = insn->field[slot->quick - 1] + (uint64_t)(int64_t)slot->bias;
    if (slot->plus_pc)
        v += insn->pc;
    return u128(0, v);
}

static struct fp128 slot_wide(const struct eval *eval, const struct sem *node)
{
    const struct isa_slot *slot = &eval->run.isa->slots[eval->variant->slot + node->a];
    struct fp128 result = slot_value(eval, node->a);

    if (node->w > 64 && slot->expr.count) {
        struct sem_run run = { .isa = eval->run.isa, .insn = eval->run.insn };

        sem_run(&run, slot->expr, &result);
    } else if (node->w > 64 && slot->is_signed && result.lo >> 63) {
        result.hi = UINT64_MAX;
    }
    return result;
}

static struct fp128 get_slot(const struct eval *eval, unsigned number)
{
    const struct isa_slot *slot = &eval->run.isa->slots[eval->variant->slot + number];

    return view_get(eval->cpu, slot->view, (unsigned)slot_value(eval, number).lo,
                    slot->w);
}

static void put_slot(struct eval *eval, unsigned number, struct fp128 value)
{
    const struct isa_slot *slot = &eval->run.isa->slots[eval->variant->slot + number];

    view_put(eval->cpu, slot->view, (unsigned)slot_value(eval, number).lo, slot->w,
             value);
}

/* ------------------------------------------------------------------- control */

/* With delay slots a branch takes effect after the next instruction, or at once. */
static int do_goto(struct eval *eval, const struct sem *node)
{
    uint64_t target = node->x & GOTO_DIRECT ? slot_value(eval, node->a).lo
                                            : eval->run.values[node->a].lo;

    target &= pc_mask(eval->cpu);
    if (node->x & GOTO_DELAY) {
        eval->next_npc = target;
    } else {
        eval->next = target;
        eval->next_npc = target + eval->run.insn->length;
    }
    return EVAL_DONE;
}

static int do_annul(struct eval *eval)
{
    eval->next = eval->cpu->npc + eval->run.insn->length;
    eval->next_npc = eval->next + eval->run.insn->length;
    return EVAL_DONE;
}

static int do_repeat(struct eval *eval)
{
    eval->next = eval->run.insn->pc;
    eval->next_npc = eval->cpu->npc;
    return EVAL_DONE;
}

static int do_trap(struct eval *eval, const struct sem *node)
{
    struct exec_event *event = &eval->cpu->event;

    eval_fault(eval, EXEC_TRAP, ACCESS_READ, 0);
    event->trap = node->a;
    event->args[0] = node->b == ISA_NONE ? 0 : eval->run.values[node->b].lo;
    event->args[1] = node->c == ISA_NONE ? 0 : eval->run.values[node->c].lo;
    return EVAL_EVENT;
}

static int do_helper(struct eval *eval, const struct sem *node, struct fp128 *value)
{
    struct cpu *cpu = eval->cpu;
    uint64_t args[EVAL_MAX_PUSHED] = { 0 };

    for (unsigned i = 0; i < eval->npushed; i++)
        args[i] = eval->pushed[i].lo;
    eval->npushed = 0;
    if (!cpu->helper)
        return eval_fault(eval, EXEC_ILLEGAL, ACCESS_FETCH, 0);
    if (eval->variant && eval->variant->flags & VAR_SYNC)
        eval_settle(cpu);
    cpu->event.kind = EXEC_NONE;
    *value = u128(0, cpu->helper(cpu, node->a, args));
    return cpu->event.kind == EXEC_NONE ? EVAL_ON : EVAL_EVENT;
}

static void do_setflags(struct eval *eval, const struct sem *node)
{
    const uint16_t operand[3] = { node->a, node->b, node->c };
    struct fp128 args[3] = { 0 };

    for (unsigned i = 0; i < 3; i++)
        if (operand[i] != ISA_NONE)
            args[i] = eval->run.values[operand[i]];
    flags_set(eval->cpu, node->d, args);
}

/* Lane `lane` of `width` bits, counted from the element a slot names into the next ones.
 * Returns the element, and its lowest bit in *low. */
static unsigned find_lane(const struct eval *eval, unsigned number, uint64_t lane,
                          unsigned width, unsigned *low)
{
    const struct isa_slot *slot = &eval->run.isa->slots[eval->variant->slot + number];
    const struct isa_view *view = &eval->run.isa->views[slot->view];
    const struct isa_file *file = &eval->run.isa->files[view->file];
    unsigned lanes = file->width / width; /* in an element */
    uint64_t element = slot_value(eval, number).lo + lane / lanes;

    *low = (unsigned)(lane % lanes) * width + view->low_bit;
    return (unsigned)(element % file->count);
}

static unsigned slot_file(const struct eval *eval, unsigned number)
{
    const struct isa_slot *slot = &eval->run.isa->slots[eval->variant->slot + number];

    return eval->run.isa->views[slot->view].file;
}

static int sysreg_trap(struct eval *eval)
{
    eval_fault(eval, EXEC_TRAP, ACCESS_READ, 0);
    if (eval->run.isa->sysreg_trap == ISA_NONE)
        eval->cpu->event.kind = EXEC_ILLEGAL;
    eval->cpu->event.trap = eval->run.isa->sysreg_trap;
    return EVAL_EVENT;
}

static int do_sysreg(struct eval *eval, const struct sem *node, struct fp128 *value)
{
    const struct isa *isa = eval->run.isa;
    const struct isa_sysreg *reg = isa->sysregs, *end = reg + isa->nsysregs;
    bool is_write = node->op == S_SYSWRITE;
    struct fp128 unused;

    while (reg < end && reg->number != eval->run.values[node->a].lo)
        reg++;
    if (reg == end || (is_write && reg->read_only))
        return sysreg_trap(eval);
    if (isa->sysreg_priv.count &&
        eval_state_body(eval->cpu, isa->sysreg_priv, NULL).lo < reg->priv)
        return sysreg_trap(eval);
    if (is_write) {
        if (reg->write.count)
            return eval_inner(eval, reg->write, &eval->run.values[node->b], &unused);
        if (reg->file != ISA_NONE)
            state_put(eval->cpu, reg->file, 0, 0, reg->w, eval->run.values[node->b]);
        return EVAL_ON;
    }
    if (reg->read.count)
        return eval_inner(eval, reg->read, NULL, value);
    *value = reg->file == ISA_NONE ? u128(0, 0)
                                   : state_get(eval->cpu, reg->file, 0, 0, reg->w);
    return EVAL_ON;
}

/* Nodes that name a file. */
static void file_node(struct eval *eval, const struct sem *node, struct fp128 *value)
{
    const struct isa_file *file = &eval->run.isa->files[node->a];
    const struct fp128 *v = eval->run.values;
    struct cpu *cpu = eval->cpu;
    unsigned element = node->b;

    if (node->op == S_GETX || node->op == S_PUTX)
        element = (unsigned)(v[node->b].lo % file->count);
    if (node->op == S_GETF || node->op == S_GETX)
        *value = state_get(cpu, node->a, element, 0, node->w);
    else
        state_put(cpu, node->a, element, 0, file->width, v[node->c]);
}

static void lane_node(struct eval *eval, const struct sem *node, struct fp128 *value)
{
    const struct fp128 *v = eval->run.values;
    unsigned width = node->op == S_GETL ? node->w : eval->run.nodes[node->c].w, low;
    unsigned element = find_lane(eval, node->a, v[node->b].lo, width, &low);

    if (node->op == S_GETL)
        *value = state_get(eval->cpu, slot_file(eval, node->a), element, low, width);
    else
        state_put(eval->cpu, slot_file(eval, node->a), element, low, width, v[node->c]);
}

static int effect(struct sem_run *run, const struct sem *node, struct fp128 *value)
{
    struct eval *eval = (struct eval *)run;
    const struct fp128 *v = run->values;

    switch (node->op) {
    case S_SLOT: *value = slot_wide(eval, node); break;
    case S_GET: *value = get_slot(eval, node->a); break;
    case S_GETF:
    case S_GETX:
    case S_PUTF:
    case S_PUTX: file_node(eval, node, value); break;
    case S_GETL:
    case S_PUTL: lane_node(eval, node, value); break;
    case S_PUT: put_slot(eval, node->a, v[node->b]); break;
    case S_FLAG: *value = u128(0, flags_get(eval->cpu, node->a, node->b)); break;
    case S_SETFLAGS: do_setflags(eval, node); break;
    case S_LD:
    case S_ST:
    case S_AMO:
    case S_CAS:
    case S_RESERVE:
    case S_STCOND: return eval_memory_node(eval, node, value);
    case S_FENCE: break;
    case S_FP: eval_fp_node(eval, node, value); break;
    case S_GOTO: return do_goto(eval, node);
    case S_TRAP: return do_trap(eval, node);
    case S_ANNUL: return do_annul(eval);
    case S_REPEAT: return do_repeat(eval);
    case S_PUSH:
        if (eval->npushed == EVAL_MAX_PUSHED)
            bug("more than %d arguments of a helper", EVAL_MAX_PUSHED);
        eval->pushed[eval->npushed++] = v[node->a];
        break;
    case S_HELPER: return do_helper(eval, node, value);
    case S_SETTLE: flags_settle(eval->cpu, node->a); break;
    case S_SYSREAD:
    case S_SYSWRITE: return do_sysreg(eval, node, value);
    case S_NPC: *value = u128(0, eval->cpu->npc); break;
    case S_PUTNPC: eval->next_npc = v[node->a].lo; break;
    default: bug("node %u in a body", node->op);
    }
    return EVAL_ON;
}

/* ------------------------------------------------------------------- running */

int eval_inner(struct eval *outer, struct sem_body body, const struct fp128 *args,
               struct fp128 *value)
{
    struct eval eval = { .cpu = outer->cpu, .memory = outer->memory };

    eval.run = (struct sem_run){
        .isa = outer->run.isa, .insn = outer->run.insn, .args = args, .effect = effect
    };
    return sem_run(&eval.run, body, value) == EVAL_EVENT ? EVAL_EVENT : EVAL_ON;
}

struct fp128 eval_state_body(struct cpu *cpu, struct sem_body body,
                             const struct fp128 *args)
{
    struct isa_decoded none = {
        .insn = ISA_NONE, .pc = cpu->pc, .mode = cpu->mode, .features = &cpu->features
    };
    struct eval eval = { .cpu = cpu };
    struct fp128 result = u128(0, 0);

    eval.run = (struct sem_run){
        .isa = cpu->isa, .insn = &none, .args = args, .effect = effect
    };
    sem_run(&eval.run, body, &result);
    return result;
}

uint64_t eval_mode(struct cpu *cpu)
{
    uint64_t key = 0;

    for (unsigned i = 0; i < cpu->isa->nmodes; i++) {
        const struct isa_mode *mode = &cpu->isa->modes[i];

        if (mode->value.count)
            key |= (eval_state_body(cpu, mode->value, NULL).lo & mask64(mode->bits))
                   << mode->at;
    }
    return key;
}

void eval_settle(struct cpu *cpu)
{
    for (unsigned g = 0; g < cpu->isa->nflags; g++)
        flags_settle(cpu, g);
}

uint64_t eval_flag_call(struct cpu *cpu, uint64_t what, uint64_t a, uint64_t b,
                        uint64_t c)
{
    const struct isa_flagfn *fn = &cpu->isa->flagfns[(uint32_t)what - 1];
    struct fp128 args[3] = { u128(0, a), u128(0, b), u128(0, c) };
    unsigned flag = (uint8_t)(what >> EVAL_FLAG_NUMBER);

    if (!(uint32_t)what || !(fn->sets >> flag & 1))
        return what >> EVAL_FLAG_STORED & 1;
    for (unsigned i = 0; i < fn->args; i++)
        args[i] = value_mask(args[i], fn->arg_w[i]);
    return sem_value(cpu->isa, fn->flag[flag], NULL, args) & 1;
}

static void advance(struct eval *eval, uint64_t pc)
{
    struct cpu *cpu = eval->cpu;

    if (cpu->pc == pc) { /* else a helper has jumped */
        cpu->pc = eval->next & pc_mask(cpu);
        cpu->npc = eval->next_npc & pc_mask(cpu);
    }
    if (cpu->isa->nmodes)
        cpu->mode = eval_mode(cpu);
    cpu->insns++;
}

int eval_insn(struct cpu *cpu, const struct eval_memory *memory,
              const struct isa_decoded *insn)
{
    struct eval eval = { .cpu = cpu, .memory = memory };

    eval.run.isa = cpu->isa;
    eval.run.insn = insn;
    eval.run.ifs = memory->ifs;
    eval.run.effect = effect;
    if (cpu->isa->delay) {
        eval.next = cpu->npc;
        eval.next_npc = cpu->npc + insn->length;
    } else {
        eval.next = insn->pc + insn->length;
        eval.next_npc = eval.next + insn->length;
    }
    if (insn->insn == ISA_NONE || (insn->illegal && insn->illegal != 1 + ILLEGAL_NOP))
        return eval_fault(&eval, EXEC_ILLEGAL, ACCESS_FETCH, 0);
    if (!insn->illegal) {
        eval.variant = &cpu->isa->variants[isa_choose(cpu->isa, insn)];
        if (sem_run(&eval.run, eval.variant->body, NULL) == EVAL_EVENT)
            return -1;
    }
    advance(&eval, insn->pc);
    return 0;
}

/* ------------------------------------------------------------------ fetching */

/* What can be read at pc, at most ISA_MAX_ILEN bytes: all at once, or up to a fault. */
static unsigned fetch_bytes(const struct cpu *cpu, const struct eval_memory *memory,
                            uint8_t *bytes)
{
    unsigned n = 0;

    if (cpu->pc <= pc_mask(cpu) - ISA_MAX_ILEN &&
        !memory->fetch(memory->context, cpu->pc, bytes, ISA_MAX_ILEN))
        return ISA_MAX_ILEN;
    while (n < ISA_MAX_ILEN &&
           !memory->fetch(memory->context, (cpu->pc + n) & pc_mask(cpu), bytes + n, 1))
        n++;
    return n;
}

int eval_fetch(struct cpu *cpu, const struct eval_memory *memory,
               struct isa_decoded *insn)
{
    uint8_t bytes[ISA_MAX_ILEN];
    unsigned size = fetch_bytes(cpu, memory, bytes);

    isa_decode(cpu->isa, &cpu->features, cpu->mode, cpu->pc, bytes, size, insn);
    if (!insn->truncated)
        return 0;
    cpu->event = (struct exec_event){ 0 };
    cpu->event.kind = EXEC_FETCH_FAULT;
    cpu->event.access = ACCESS_FETCH;
    cpu->event.addr = (cpu->pc + size) & pc_mask(cpu);
    return -1;
}

int eval_step(struct cpu *cpu, const struct eval_memory *memory)
{
    struct isa_decoded insn;

    if (eval_fetch(cpu, memory, &insn))
        return -1;
    return eval_insn(cpu, memory, &insn);
}
