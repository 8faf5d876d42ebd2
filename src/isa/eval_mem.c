/* eval_mem.c - the memory nodes of the tree evaluator. */
#include "isa/eval_parts.h"

#include <string.h>

static void to_bytes(struct fp128 value, unsigned size, bool big, uint8_t *bytes)
{
    for (unsigned i = 0; i < size; i++) {
        unsigned shift = 8 * (big ? size - 1 - i : i);

        bytes[i] = (uint8_t)(shift < 64 ? value.lo >> shift : value.hi >> (shift - 64));
    }
}

static struct fp128 from_bytes(const uint8_t *bytes, unsigned size, bool big)
{
    struct fp128 value = u128(0, 0);

    for (unsigned i = 0; i < size; i++) {
        unsigned shift = 8 * (big ? size - 1 - i : i);

        if (shift < 64)
            value.lo |= (uint64_t)bytes[i] << shift;
        else
            value.hi |= (uint64_t)bytes[i] << (shift - 64);
    }
    return value;
}

/* Something failed at [addr, addr + size): where exactly? */
static int memory_fault(struct eval *eval, unsigned access, uint64_t addr, unsigned size)
{
    const struct eval_memory *memory = eval->memory;
    uint8_t byte;

    if (memory->fault_addr) {
        addr = memory->fault_addr(memory->context);
    } else if (access == ACCESS_READ) {
        unsigned i = 0;

        while (i < size - 1 && !memory->read(memory->context, addr + i, &byte, 1))
            i++;
        addr += i;
    }
    return eval_fault(eval, EXEC_MEM_FAULT, access, addr);
}

static int read_value(struct eval *eval, uint64_t addr, unsigned size, bool big,
                      struct fp128 *value)
{
    uint8_t bytes[16];

    if (eval->memory->read(eval->memory->context, addr, bytes, size))
        return -1;
    *value = from_bytes(bytes, size, big);
    return 0;
}

static int write_value(struct eval *eval, uint64_t addr, unsigned size, bool big,
                       struct fp128 value)
{
    uint8_t bytes[16];

    to_bytes(value, size, big, bytes);
    return eval->memory->write(eval->memory->context, addr, bytes, size);
}

/* Writes `desired` if memory holds `*old`, which gets what was there.  -1: fault. */
static int cas_value(struct eval *eval, uint64_t addr, unsigned size, bool big,
                     struct fp128 *old, struct fp128 desired)
{
    const struct eval_memory *memory = eval->memory;
    struct fp128 expected = *old;
    uint8_t was[16] = { 0 }, then[16] = { 0 };

    if (!memory->cas) {
        if (read_value(eval, addr, size, big, old))
            return -1;
        /* An unequal compare-and-swap writes back what was there: it needs a writable
         * page. */
        if (old->lo != expected.lo || old->hi != expected.hi)
            desired = *old;
        return write_value(eval, addr, size, big, desired);
    }
    to_bytes(expected, size, big, was);
    to_bytes(desired, size, big, then);
    if (memory->cas(memory->context, addr, was, then, size))
        return -1;
    *old = from_bytes(was, size, big);
    return 0;
}

static struct fp128 amo_result(unsigned amo, struct fp128 old, struct fp128 v,
                               unsigned width)
{
    struct fp128 a = value_sext(old, width), b = value_sext(v, width);
    bool less = u128_less(old, v), less_signed;

    a.hi ^= UINT64_C(1) << 63;
    b.hi ^= UINT64_C(1) << 63;
    less_signed = u128_less(a, b);
    switch (amo) {
    case AMO_ADD: return value_mask(u128_add(old, v), width);
    case AMO_AND: return u128(old.hi & v.hi, old.lo & v.lo);
    case AMO_OR: return u128(old.hi | v.hi, old.lo | v.lo);
    case AMO_XOR: return u128(old.hi ^ v.hi, old.lo ^ v.lo);
    case AMO_MIN: return less_signed ? old : v;
    case AMO_MAX: return less_signed ? v : old;
    case AMO_MINU: return less ? old : v;
    case AMO_MAXU: return less ? v : old;
    default: return v; /* AMO_XCHG */
    }
}

static int do_amo(struct eval *eval, const struct sem *node, uint64_t addr, bool big,
                  struct fp128 *value)
{
    struct fp128 operand = eval->run.values[node->b], seen;

    if (read_value(eval, addr, node->w / 8, big, &seen))
        return -1;
    do {
        *value = seen;
        if (cas_value(eval, addr, node->w / 8, big, &seen,
                      amo_result(node->d, *value, operand, node->w)))
            return -1;
    } while (seen.lo != value->lo || seen.hi != value->hi);
    return 0;
}

/* Stores if the reservation is for this address and memory still holds what was read
 * then. */
static int do_stcond(struct eval *eval, uint64_t addr, unsigned width, bool big,
                     struct fp128 desired, struct fp128 *value)
{
    struct cpu *cpu = eval->cpu;
    struct fp128 reserved =
                     value_mask(u128(cpu->reserved_high, cpu->reserved_value), width),
                 seen = reserved;
    bool is_reserved = cpu->reserved_addr == addr;

    cpu->reserved_addr = UINT64_MAX;
    *value = u128(0, 0);
    if (!is_reserved)
        return 0;
    if (cas_value(eval, addr, width / 8, big, &seen, desired))
        return -1;
    value->lo = seen.lo == reserved.lo && seen.hi == reserved.hi;
    return 0;
}

static int misaligned(struct eval *eval, const struct isa_access *access, uint64_t addr,
                      unsigned kind)
{
    eval_fault(eval, EXEC_TRAP, kind, addr);
    eval->cpu->event.trap = access->trap;
    eval->cpu->event.args[0] = addr;
    return EVAL_EVENT;
}

int eval_memory_node(struct eval *eval, const struct sem *node, struct fp128 *value)
{
    const struct isa_access *access = &eval->run.isa->accesses[node->x];
    const struct fp128 *v = eval->run.values;
    bool is_load = node->op == S_LD || node->op == S_RESERVE;
    unsigned width = is_load ? node->w : eval->run.nodes[node->b].w;
    unsigned kind = is_load ? ACCESS_READ : ACCESS_WRITE;
    uint64_t addr = v[node->a].lo;
    int failed = 0;

    if (access->align && addr % access->align)
        return misaligned(eval, access, addr, kind);
    switch (node->op) {
    case S_LD:
        failed = read_value(eval, addr, (width + 7) / 8, access->big, value);
        break;
    case S_ST:
        failed = write_value(eval, addr, (width + 7) / 8, access->big, v[node->b]);
        break;
    case S_AMO: failed = do_amo(eval, node, addr, access->big, value); break;
    case S_CAS:
        *value = v[node->b];
        failed = cas_value(eval, addr, width / 8, access->big, value, v[node->c]);
        break;
    case S_RESERVE:
        failed = read_value(eval, addr, width / 8, access->big, value);
        if (!failed) {
            eval->cpu->reserved_addr = addr;
            eval->cpu->reserved_value = value->lo;
            eval->cpu->reserved_high = value->hi;
        }
        break;
    default: /* S_STCOND */
        failed = do_stcond(eval, addr, width, access->big, v[node->b], value);
    }
    return failed ? memory_fault(eval, kind, addr, (width + 7) / 8) : EVAL_ON;
}
