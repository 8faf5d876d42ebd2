/* collect.c - which instructions make a region: those that have run (or that somebody
 * says are code), reached from its head by direct edges; behind calls, too, and into
 * those of small functions that call nothing: each such call has a copy of the function,
 * a context of its own, whose returns lead to where the call came from. */
#include "interp/jit.h"

#include <stdlib.h>
#include <string.h>

#include "isa/sem.h"
#include "isa/space.h"
#include "isa/trace.h"

enum {
    MAX_SLOTS = 16 * MAX_REGION_INSNS,
    MAX_PAGES = 32,
    MAX_MAPPED_PAGES =
        6,           /* the same where it is looked at each time what is mapped there */
    KNOWN = 1 << 14, /* of pcs that have run: open hash */
    MAX_KNOWN = KNOWN / 2,
    FIND = 1 << 10, /* instructions of the region by pc and context: open hash */
    MAX_CONTEXTS = 64,
    MAX_INLINE = 48, /* instructions of a function that is copied ... */
    MAX_AHEAD = 12,  /* ... where nobody knows whether it ever runs */
    MAX_CALLS = 6,   /* into functions that are not copied */
};

struct context { /* [0]: not inside of a call */
    uint64_t return_pc;
    int32_t return_insn;
};

struct collector {
    struct interp *ip;
    const struct isa *isa;
    const struct reach *reach; /* what is code; NULL: what has run */
    uint64_t pc_mask;
    struct region_insn insns[MAX_REGION_INSNS];
    struct region_slot slots[MAX_SLOTS];
    uint32_t ninsns, nslots;
    uint64_t pages[MAX_PAGES], places[MAX_PAGES]; /* struct job's */
    uint32_t npages;
    uint64_t known[KNOWN]; /* pc + 1 */
    uint32_t nknown;
    uint16_t find[FIND];               /* insn + 1 */
    uint8_t context[MAX_REGION_INSNS]; /* of each instruction */
    struct context contexts[MAX_CONTEXTS];
    uint32_t ncontexts, ncalls;
};

/* ------------------------------------------------------------------- what has run */

static uint64_t *known_entry(struct collector *c, uint64_t pc)
{
    uint32_t i = block_hash(pc);

    while (c->known[i % KNOWN] && c->known[i % KNOWN] != pc + 1)
        i++;
    return &c->known[i % KNOWN];
}

/* All instructions of the block at pc, if there is one, and it has run often enough: what
 * is rare costs time to compile, and leaves the region. */
static void learn_block(struct collector *c, uint64_t pc)
{
    const struct interp *ip = c->ip;
    const struct block *block = block_find(c->ip, pc);
    uint32_t end;

    if (!block || (!jit_options.threshold && !heat_is_hot(ip, block)))
        return;
    end = block == &ip->blocks[ip->nblocks - 1] ? ip->npositions : block[1].position;
    for (uint32_t i = block->position; i < end && c->nknown < MAX_KNOWN; i++) {
        uint64_t at =
            (block->pc + (uint64_t)(int64_t)ip->positions[i].distance) & c->pc_mask;
        uint64_t *entry = known_entry(c, at);

        if (!ip->positions[i].ilen || *entry)
            continue;
        *entry = at + 1;
        c->nknown++;
    }
}

/* `is_copy`: for a copy of a function, which may be anywhere. */
static bool is_code(struct collector *c, uint64_t pc, bool is_copy)
{
    if (c->reach)
        return is_copy || c->reach->is_code(c->reach->context, pc);
    if (!*known_entry(c, pc))
        learn_block(c, pc);
    return *known_entry(c, pc) != 0;
}

/* ------------------------------------------------------------------- instructions */

static bool take_page(struct collector *c, uint64_t pc)
{
    uint64_t page = code_page(c->ip, pc);

    for (uint32_t i = 0; i < c->npages; i++)
        if (c->places[i] == pc >> PAGE_SHIFT)
            return true;
    if (c->npages == (RHEA_TLB ? MAX_MAPPED_PAGES : MAX_PAGES))
        return false;
    c->places[c->npages] = pc >> PAGE_SHIFT;
    c->pages[c->npages++] = page;
    return true;
}

/* Its number, or where to put it. */
static uint16_t *find_insn(struct collector *c, uint64_t pc, uint8_t context)
{
    uint32_t i = block_hash(pc) + context;

    for (;; i++) {
        uint16_t *found = &c->find[i % FIND];

        if (!*found ||
            (c->insns[*found - 1].pc == pc && c->context[*found - 1] == context))
            return found;
    }
}

static bool fill_slots(struct collector *c, struct region_insn *insn,
                       const struct isa_variant *variant,
                       const struct isa_decoded *decoded)
{
    if (c->nslots + variant->slots > MAX_SLOTS)
        return false;
    insn->slot = c->nslots;
    for (unsigned i = 0; i < variant->slots; i++) {
        const struct isa_slot *slot = &c->isa->slots[variant->slot + i];
        struct region_slot *out = &c->slots[c->nslots++];

        *out = (struct region_slot){ .insn = REGION_NONE };
        out->value = slot_number(c->isa, slot, decoded);
        if (slot->kind == SLOT_LINK || slot->kind == SLOT_RETURN)
            out->value &= c->pc_mask;
        if (slot->kind == SLOT_VALUE && slot->size > 8 && slot->expr.count)
            insn->is_side = true;
        out->high = slot->is_signed && out->value >> 63 ? UINT64_MAX : 0;
    }
    return true;
}

/* Whether the interpreter is to execute it. */
static bool is_left_out(const struct isa *isa, const struct isa_variant *variant,
                        const struct region_slot *slots)
{
    if (variant->flags & (VAR_MODE | VAR_SYNC | VAR_ENDS_BLOCK) &&
        !(variant->flags & VAR_DELAY) && region_has_plain_sysregs(isa, variant, slots))
        return false;
    /* An access that misses the TLB is done by the interpreter, from the beginning. */
    if (RHEA_TLB && sem_is_unrepeatable(isa, variant->body))
        return true;
    return variant->flags & (VAR_MODE | VAR_SYNC | VAR_DELAY) ||
           (variant->flags & VAR_ENDS_BLOCK && !(variant->flags & VAR_BRANCHES));
}

static bool decode(struct collector *c, uint64_t pc, struct isa_decoded *out)
{
    uint8_t bytes[ISA_MAX_ILEN];
    uint64_t UNUSED fault;
    unsigned size = ISA_MAX_ILEN;

    if (pc > c->pc_mask - ISA_MAX_ILEN)
        return false;
#if RHEA_TLB
    tlb_fetch(c->ip->cpu, pc, bytes, &size);
#else
    if (space_fetch(c->ip->cpu->space, pc, bytes, size, &fault))
        size = fault - pc < size ? (unsigned)(fault - pc) : 0;
#endif
    isa_decoder_decode(&c->ip->mode->decoder, pc, bytes, size, out);
    return !out->truncated && out->insn != ISA_NONE && !out->illegal;
}

/* The number of the instruction at pc, which is in the region from now on, if it can be.
 */
static int32_t want(struct collector *c, uint64_t pc, uint8_t context)
{
    uint16_t *found = find_insn(c, pc, context);
    const struct isa_variant *variant;
    struct isa_decoded decoded;
    struct region_insn *insn;
    uint32_t number;

    if (*found)
        return *found - 1;
    if (c->ninsns == MAX_REGION_INSNS || !is_code(c, pc, context) ||
        !decode(c, pc, &decoded) || !take_page(c, pc) ||
        !take_page(c, (pc + decoded.length - 1) & c->pc_mask))
        return REGION_NONE;
    number = isa_choose(c->isa, &decoded);
    variant = &c->isa->variants[number];
    insn = &c->insns[c->ninsns];
    *insn = (struct region_insn){ .pc = pc,
                                  .variant = number,
                                  .ilen = decoded.length,
                                  .next = REGION_NONE,
                                  .behind = REGION_NONE,
                                  .guess_insn = REGION_NONE,
                                  .return_pc = c->contexts[context].return_pc,
                                  .return_insn = c->contexts[context].return_insn };
    c->context[c->ninsns] = context;
    if (!fill_slots(c, insn, variant, &decoded))
        return REGION_NONE;
    insn->is_side |= is_left_out(c->isa, variant, &c->slots[insn->slot]);
    *found = (uint16_t)(c->ninsns + 1);
    return (int32_t)c->ninsns++;
}

/* The region can be entered at pc, if that is in it. */
static void want_entry(struct collector *c, uint64_t pc, uint8_t context)
{
    int32_t number = want(c, pc, context);

    if (number != REGION_NONE && !context)
        c->insns[number].is_entry = true;
}

/* ------------------------------------------------------------------------- calls */

/* Code that is looked at before it is decided whether to copy it. */
struct look {
    uint64_t pcs[MAX_INLINE];
    unsigned count, most;
    bool returns;
};

/* false: too much. */
static bool look_at(struct look *look, uint64_t pc)
{
    for (unsigned i = 0; i < look->count; i++)
        if (look->pcs[i] == pc)
            return true;
    if (look->count == look->most)
        return false;
    look->pcs[look->count++] = pc;
    return true;
}

/* What follows one instruction.  false: calls, or cannot be followed. */
static bool look_behind(struct collector *c, struct look *look, uint64_t pc)
{
    struct isa_decoded decoded;
    const struct isa_variant *variant;
    struct region_insn insn = { .pc = pc };
    const struct sem *node;

    if (!is_code(c, pc, true))
        return true;
    if (!decode(c, pc, &decoded))
        return false;
    variant = &c->isa->variants[isa_choose(c->isa, &decoded)];
    if (!fill_slots(c, &insn, variant, &decoded))
        return false;
    c->nslots = insn.slot;
    if (is_left_out(c->isa, variant, &c->slots[insn.slot]))
        return false;
    node = &c->isa->nodes[variant->body.first];
    for (unsigned i = 0; i < variant->body.count; i++, node++) {
        if (node->op != S_GOTO)
            continue;
        if (node->x & GOTO_RETURN)
            look->returns = true;
        else if (!(node->x & GOTO_DIRECT) || node->x & GOTO_CALL ||
                 !look_at(look,
                          slot_number(c->isa, &c->isa->slots[variant->slot + node->a],
                                      &decoded) &
                              c->pc_mask))
            return false;
    }
    return !sem_falls_through(c->isa, variant->body) ||
           look_at(look, (pc + decoded.length) & c->pc_mask);
}

static bool is_small(struct collector *c, uint64_t pc)
{
    struct look look = { .pcs = { pc },
                         .count = 1,
                         .most = c->reach ? MAX_AHEAD : MAX_INLINE };

    if (!is_code(c, pc, true))
        return false;
    for (unsigned i = 0; i < look.count; i++)
        if (!look_behind(c, &look, look.pcs[i]))
            return false;
    return look.returns && c->ninsns + look.count < MAX_REGION_INSNS;
}

/* A copy of the function at pc for a call that returns to `next`. */
static int32_t want_callee(struct collector *c, uint64_t pc, uint64_t next,
                           uint8_t context)
{
    int32_t behind;

    if (c->ncontexts == MAX_CONTEXTS || !is_small(c, pc))
        return REGION_NONE;
    behind = want(c, next, context);
    if (behind == REGION_NONE)
        return REGION_NONE;
    c->contexts[c->ncontexts] = (struct context){ next, behind };
    return want(c, pc, (uint8_t)c->ncontexts++);
}

/* The function at pc itself, for a call that returns to `next`. */
static int32_t want_function(struct collector *c, struct region_insn *insn, uint64_t pc,
                             uint64_t next)
{
    int32_t callee;

    if (c->ncalls == MAX_CALLS)
        return REGION_NONE;
    callee = want(c, pc, 0);
    insn->behind = callee == REGION_NONE ? REGION_NONE : want(c, next, 0);
    if (insn->behind == REGION_NONE)
        return REGION_NONE;
    c->insns[callee].is_entry = c->insns[insn->behind].is_entry = true;
    c->ncalls++;
    return callee;
}

/* What a call of pc leads to in the region. */
static int32_t want_called(struct collector *c, struct region_insn *insn, uint64_t pc,
                           uint64_t next, uint8_t context)
{
    int32_t callee = want_callee(c, pc, next, context);

    return callee == REGION_NONE && !context ? want_function(c, insn, pc, next) : callee;
}

/* The number of the file that pc is in. */
static unsigned file_at(struct collector *c, uint64_t pc)
{
    struct space_area area;

    if (RHEA_TLB)
        return 0;
    return space_next(c->ip->cpu->space, pc, &area) && area.start <= pc ? area.file : 0;
}

/* Where an indirect jump or call most likely leads, if that is in the same file: regions
 * of two are not kept. */
static void want_guess(struct collector *c, struct region_insn *insn, bool is_call,
                       uint64_t next, uint8_t context)
{
    uint64_t to;

    if (!jit_likely_target(c->ip, insn->pc, &to) ||
        file_at(c, insn->pc) != file_at(c, to))
        return;
    insn->guess_pc = to;
    insn->guess_insn =
        is_call ? want_called(c, insn, to, next, context) : want(c, to, context);
}

/* What follows an instruction of the region. */
static void follow(struct collector *c, uint32_t number)
{
    struct region_insn *insn = &c->insns[number];
    const struct isa_variant *variant = &c->isa->variants[insn->variant];
    const struct sem *node = &c->isa->nodes[variant->body.first];
    uint64_t next = (insn->pc + insn->ilen) & c->pc_mask;
    uint8_t context = c->context[number];

    if (insn->is_side) {
        want_entry(c, next, context);
        return;
    }
    if (sem_falls_through(c->isa, variant->body))
        insn->next = want(c, next, context);
    for (unsigned i = 0; i < variant->body.count; i++, node++) {
        struct region_slot *slot = &c->slots[insn->slot + node->a];

        if (node->op != S_GOTO)
            continue;
        if (!(node->x & (GOTO_DIRECT | GOTO_RETURN)))
            want_guess(c, insn, node->x & GOTO_CALL, next, context);
        if (node->x & GOTO_CALL) {
            if (node->x & GOTO_DIRECT)
                slot->insn = want_called(c, insn, slot->value, next, context);
            if (!(node->x & GOTO_DIRECT) || slot->insn == REGION_NONE)
                want_entry(c, next, context);
        } else if (node->x & GOTO_DIRECT) {
            slot->insn = want(c, slot->value, context);
        }
    }
}

/* --------------------------------------------------------------------------- jobs */

static void *copy(const void *from, size_t size)
{
    void *to = malloc(size ? size : 1);

    if (to)
        memcpy(to, from, size);
    return to;
}

static struct job *make_job(const struct collector *c)
{
    struct job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    job->table = c->ip->mode;
    job->npages = c->npages;
    job->pages = copy(c->pages, c->npages * sizeof *c->pages);
    job->places = copy(c->places, c->npages * sizeof *c->places);
    job->request = (struct region_request){
        .isa = c->isa,
        .insns = copy(c->insns, c->ninsns * sizeof *c->insns),
        .slots = copy(c->slots, c->nslots * sizeof *c->slots),
        .ninsns = c->ninsns,
        .nslots = c->nslots,
        .base = c->insns[0].pc,
        .is_precise = is_precise(c->ip),
        .is_translated = RHEA_TLB,
        .fp_flags = host_fp_flags(),
        .has_fma = host_has_fma(),
        .counts = jit_options.stats,
        .wants_ir = isa_trace && isa_trace->wants_ir,
        .wants_out_asm = isa_trace && isa_trace->wants_out_asm,
    };
    if (job->pages && job->places && job->request.insns && job->request.slots)
        return job;
    job_free(job);
    return NULL;
}

void job_free(struct job *job)
{
    free((void *)(uintptr_t)job->request.insns);
    free((void *)(uintptr_t)job->request.slots);
    free(job->pages);
    free(job->places);
    free(job);
}

struct job *collect(struct interp *ip, uint64_t pc, const struct reach *reach)
{
    struct collector *c = calloc(1, sizeof *c);
    struct job *job = NULL;

    if (!c)
        return NULL;
    c->ip = ip;
    c->isa = ip->isa;
    c->reach = reach;
    c->pc_mask = mask64(ip->isa->pc_width);
    c->ncontexts = 1;
    c->contexts[0].return_insn = REGION_NONE;
    want_entry(c, pc, 0);
    for (uint32_t i = 0; i < c->ninsns; i++)
        follow(c, i);
    if (c->ninsns && !c->insns[0].is_side)
        job = make_job(c);
    free(c);
    return job;
}
