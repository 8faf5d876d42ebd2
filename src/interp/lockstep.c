/* lockstep.c - the interpreter beside the tree evaluator, block by block.
 *
 * A round: the evaluator runs ahead on a copy of the CPU, up to a jump, an event or STEPS
 * instructions, keeping its stores in a list that its loads see, and a snapshot after
 * each instruction.  Then the interpreter runs with the kick word set, so that it leaves
 * at the first link or jump; how many instructions that were its positions tell.
 * Registers must equal that snapshot, memory the stores up to it.
 *
 * Helpers whose results vary run once: the interpreter gets what the evaluator got. */
#include "interp/lockstep.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/report.h"
#include "interp/interp.h"
#include "isa/eval.h"
#include "isa/space.h"
#include "isa/state.h"
#include "isa/text.h"

enum { PLAIN_COLD_RUNS = 2 }; /* to compare what blocks become, too */
enum { STEPS = 64, MAX_STORES = STEPS * 64, MAX_RESULTS = STEPS * 4 };

#define OUR_KICK (UINT32_C(1) << 31) /* among those of others */

struct store {
    uint64_t addr;
    uint8_t bytes[16];
    unsigned size;
};

struct lockstep {
    struct cpu *cpu, *ahead;
    struct cpu *at[STEPS + 1]; /* snapshots: before, after 1, 2 ... instructions */
    unsigned stores_at[STEPS + 1];
    unsigned steps;
    bool has_event; /* of the instruction after the last step, in ahead->event */
    struct store stores[MAX_STORES];
    unsigned nstores;
    uint64_t results[MAX_RESULTS];
    unsigned nresults, used;
    uint64_t (*helper)(struct cpu *cpu, unsigned number, const uint64_t *args);
};

static _Thread_local struct lockstep
    *current; /* helpers and memory have no room for a context */

/* ---------------------------------------------------------------- evaluator */

static int ahead_read(void *context, uint64_t addr, void *bytes, unsigned size)
{
    struct lockstep *ls = context;

    if (space_read(ls->cpu->space, addr, bytes, size, NULL))
        return -1;
    for (unsigned i = 0; i < ls->nstores; i++)
        for (unsigned k = 0; k < ls->stores[i].size; k++)
            if (ls->stores[i].addr + k - addr < size)
                ((uint8_t *)bytes)[ls->stores[i].addr + k - addr] =
                    ls->stores[i].bytes[k];
    return 0;
}

static int ahead_write(void *context, uint64_t addr, const void *bytes, unsigned size)
{
    struct lockstep *ls = context;
    struct store *store;

    if (!(space_prot(ls->cpu->space, addr) & SPACE_WRITE) ||
        !(space_prot(ls->cpu->space, addr + size - 1) & SPACE_WRITE))
        return -1;
    if (ls->nstores == MAX_STORES)
        bug("lockstep: more than %d stores", MAX_STORES);
    store = &ls->stores[ls->nstores++];
    store->addr = addr;
    store->size = size;
    memcpy(store->bytes, bytes, size);
    return 0;
}

static int ahead_fetch(void *context, uint64_t addr, void *bytes, unsigned size)
{
    struct lockstep *ls = context;

    return space_fetch(ls->cpu->space, addr, bytes, size, NULL);
}

static uint64_t recording_helper(struct cpu *cpu, unsigned number, const uint64_t *args)
{
    uint64_t result = current->helper(cpu, number, args);

    if (cpu->isa->helpers[number].nondet && current->nresults < MAX_RESULTS)
        current->results[current->nresults++] = result;
    return result;
}

static uint64_t replaying_helper(struct cpu *cpu, unsigned number, const uint64_t *args)
{
    if (cpu->isa->helpers[number].nondet && current->used < current->nresults)
        return current->results[current->used++];
    return current->helper(cpu, number, args);
}

static void copy_state(struct cpu *to, const struct cpu *from)
{
    to->pc = from->pc;
    to->npc = from->npc;
    to->mode = from->mode;
    to->insns = from->insns;
    to->event = from->event;
    to->reserved_addr = from->reserved_addr;
    to->reserved_value = from->reserved_value;
    to->reserved_high = from->reserved_high;
    memcpy((uint8_t *)to + CPU_STATE, (const uint8_t *)from + CPU_STATE,
           from->isa->state_size);
}

static void snapshot(struct lockstep *ls)
{
    if (!ls->at[ls->steps])
        ls->at[ls->steps] = cpu_clone(ls->ahead);
    copy_state(ls->at[ls->steps], ls->ahead);
    ls->stores_at[ls->steps] = ls->nstores;
}

static void run_ahead(struct lockstep *ls, unsigned limit)
{
    struct eval_memory memory = {
        .context = ls, .read = ahead_read, .write = ahead_write, .fetch = ahead_fetch
    };
    struct isa_decoded insn;
    uint64_t pc;

    ls->steps = ls->nstores = ls->nresults = ls->used = 0;
    ls->has_event = false;
    copy_state(ls->ahead, ls->cpu);
    ls->ahead->mode = eval_mode(ls->ahead);
    ls->ahead->helper = recording_helper;
    snapshot(ls);
    while (ls->steps < limit) {
        ls->ahead->event.kind = EXEC_NONE;
        pc = ls->ahead->pc;
        if (eval_fetch(ls->ahead, &memory, &insn) ||
            eval_insn(ls->ahead, &memory, &insn)) {
            ls->has_event = true;
            break;
        }
        ls->steps++;
        snapshot(ls);
        if (ls->ahead->pc != pc + insn.length)
            break;
    }
}

/* -------------------------------------------------------------- interpreter */

/* Instructions that the interpreter has executed in this round: those of the block from
 * its head to the op that it left from (which counts if it did jump). */
static unsigned executed(struct interp_cpu *self, uint64_t head)
{
    struct interp *ip = self->ip;
    const struct op *from = self->head.left_from;
    bool jumped = self->cpu->event.kind == EXEC_KICK;
    struct block *block;
    unsigned count = 0;
    uint32_t unit;

    if (!from)
        return 0;
    unit = unit_of(ip, from);
    block = block_of(ip, unit);
    if (block->pc != head)
        bug("lockstep: ran from 0x%" PRIx64 " into the block at 0x%" PRIx64, head,
            block->pc);
    for (uint32_t i = block->position; i < ip->npositions; i++) {
        const struct packed_position *p = &ip->positions[i];
        bool is_last = i + 1 == ip->npositions || ip->positions[i + 1].unit > unit;

        count += p->ilen && (jumped || !is_last);
        if (is_last)
            break;
    }
    return count;
}

/* --------------------------------------------------------------- comparing */

static void print_insn(struct lockstep *ls, const struct cpu *before, FILE *out)
{
    struct eval_memory memory = {
        .context = ls, .read = ahead_read, .write = ahead_write, .fetch = ahead_fetch
    };
    struct isa_decoded insn;
    char text[128];

    copy_state(ls->ahead, before);
    if (eval_fetch(ls->ahead, &memory, &insn)) {
        fprintf(out, "  %" PRIx64 ": (cannot be fetched)\n", before->pc);
        return;
    }
    isa_print(before->isa, &before->features, &insn, 0, text, sizeof text);
    fprintf(out, "  %" PRIx64 ": %s\n", before->pc, text);
}

static int report(struct lockstep *ls, unsigned done, const char *what, FILE *out)
{
    fprintf(out, "lockstep: evaluator and interpreter differ: %s\n", what);
    fprintf(out, "after these instructions:\n");
    for (unsigned i = 0; i < done; i++)
        print_insn(ls, ls->at[i], out);
    fprintf(out, "evaluator: pc 0x%" PRIx64 ", interpreter: pc 0x%" PRIx64 "\n",
            ls->at[done]->pc, ls->cpu->pc);
    return -1;
}

/* Whether both came to an event: what its instruction wrote before that shows. */
static bool ends_in_event(const struct lockstep *ls, unsigned done)
{
    unsigned kind = ls->cpu->event.kind;

    return ls->has_event && done == ls->steps && kind != EXEC_KICK && kind != EXEC_LIMIT;
}

/* Memory must hold the last store to each byte. */
static int compare_memory(struct lockstep *ls, unsigned done, FILE *out)
{
    unsigned count = ends_in_event(ls, done) ? ls->nstores : ls->stores_at[done];
    char what[96];

    ls->nstores = count;
    for (unsigned i = 0; i < count; i++) {
        const struct store *store = &ls->stores[i];
        uint8_t want[16], got[16];

        if (space_read(ls->cpu->space, store->addr, got, store->size, NULL) ||
            ahead_read(ls, store->addr, want, store->size))
            continue;
        if (!memcmp(want, got, store->size))
            continue;
        snprintf(what, sizeof what, "memory at 0x%" PRIx64, store->addr);
        return report(ls, done, what, out);
    }
    return 0;
}

static int compare_events(struct lockstep *ls, unsigned done, FILE *out)
{
    const struct exec_event *a = &ls->ahead->event, *b = &ls->cpu->event;
    char what[128];

    if (b->kind == EXEC_KICK || b->kind == EXEC_LIMIT)
        return 0;
    if (!ls->has_event || done != ls->steps || a->kind != b->kind ||
        (a->kind == EXEC_TRAP && (a->trap != b->trap || a->args[0] != b->args[0])) ||
        (a->kind != EXEC_TRAP && a->addr != b->addr)) {
        snprintf(what, sizeof what, "events %u (0x%" PRIx64 ") and %u (0x%" PRIx64 ")",
                 ls->has_event ? a->kind : 0, a->addr, b->kind, b->addr);
        return report(ls, done, what, out);
    }
    return 0;
}

static int compare(struct lockstep *ls, unsigned done, FILE *out)
{
    char what[256];

    if (done > ls->steps)
        return report(ls, ls->steps, "the interpreter went further", out);
    if (cpu_compare(ends_in_event(ls, done) ? ls->ahead : ls->at[done], ls->cpu, what,
                    sizeof what))
        return report(ls, done, what, out);
    if (compare_memory(ls, done, out))
        return -1;
    return compare_events(ls, done, out);
}

/* One round.  -1: different. */
static int round_of(struct lockstep *ls, unsigned limit, FILE *out)
{
    struct cpu *cpu = ls->cpu;
    struct interp_cpu *self = interp_of(cpu);
    bool single = limit == 1 || cpu->isa->delay;
    uint64_t head = cpu->pc, insns = cpu->insns;
    unsigned done;

    run_ahead(ls, single ? 1 : STEPS);
    cpu->helper = replaying_helper;
    if (single || ls->steps == STEPS) { /* may not go further than the evaluator went */
        interp_engine.run(cpu, single ? 1 : STEPS);
        done = (unsigned)(cpu->insns - insns);
    } else {
        cpu->kick |= OUR_KICK;
        interp_engine.run(cpu, 0);
        cpu->kick &= ~OUR_KICK;
        done = executed(self, head);
        cpu->insns = insns + done;
    }
    cpu->helper = ls->helper;
    return compare(ls, done, out);
}

static struct host_lock *turn; /* whose CPU's it is */

static void make_plain(struct interp_cpu *self)
{
    struct interp *ip = interp_take(self);

    if (!ip->is_plain) {
        ip->is_plain = true;
        if (ip->cold_runs > PLAIN_COLD_RUNS)
            ip->cold_runs = PLAIN_COLD_RUNS;
        block_flush(ip);
    }
    interp_give(self);
}

int lockstep_run(struct cpu *cpu, uint64_t limit, FILE *out)
{
    struct lockstep *ls = calloc(1, sizeof *ls);
    uint64_t end = limit ? cpu->insns + limit : UINT64_MAX;
    int result = 0;

    if (!turn)
        turn = host_lock_new();
    if (!ls || !turn)
        die("out of memory");
    ls->cpu = cpu;
    ls->ahead = cpu_clone(cpu);
    ls->helper = cpu->helper;
    current = ls;
    make_plain(interp_of(cpu));
    for (;;) {
        if (cpu->insns >= end) {
            interp_leave(cpu, EXEC_LIMIT);
            break;
        }
        if (cpu->kick) {
            interp_leave(cpu, EXEC_KICK);
            break;
        }
        host_lock_take(turn); /* threads run one after the other, or they would differ */
        result = round_of(ls, end - cpu->insns < STEPS ? 1 : STEPS, out);
        host_lock_give(turn);
        if (result < 0 || (cpu->event.kind != EXEC_KICK && cpu->event.kind != EXEC_LIMIT))
            break;
    }
    for (unsigned i = 0; i <= STEPS; i++)
        if (ls->at[i])
            cpu_free(ls->at[i]);
    cpu_free(ls->ahead);
    free(ls);
    return result;
}
