/* mem_wide.c - atomic operations of 128 bits. */
#include "interp/handler.h"

/* In memory order. */
struct wide_bytes {
    _Alignas(16) uint64_t half[2];
};

static uint64_t swapped(uint64_t half, bool big)
{
    return big == MEM_HOST_BIG ? half : MEM_SWAP64(half);
}

static struct wide_bytes to_bytes(wide value, bool big)
{
    uint64_t lo = swapped(wide_lo(value), big), hi = swapped(wide_hi(value), big);

    return big ? (struct wide_bytes){ { hi, lo } } : (struct wide_bytes){ { lo, hi } };
}

static wide from_bytes(struct wide_bytes bytes, bool big)
{
    uint64_t first = swapped(bytes.half[0], big), second = swapped(bytes.half[1], big);

    return big ? wide_make(first, second) : wide_make(second, first);
}

wide mem_wide_cas(struct cpu *cpu, uint8_t *base, uint64_t addr, wide expected,
                  wide value, bool big)
{
    struct wide_bytes old = to_bytes(expected, big), next = to_bytes(value, big);
    void *host =
        RHEA_PAGED ? mem_paged_host(cpu, addr, 16) : (void *)mem_direct(base, addr);

    if (host_compare_exchange(host, &old, &next, 16))
        mem_fault(cpu);
    return from_bytes(old, big);
}

static wide amo_result(enum sem_amo op, wide old, wide value)
{
    switch (op) {
    case AMO_XCHG: break;
    case AMO_ADD: return wide_add(old, value);
    case AMO_AND: return wide_and(old, value);
    case AMO_OR: return wide_or(old, value);
    case AMO_XOR: return wide_xor(old, value);
    case AMO_MIN: return wide_lts(old, value, 128) ? old : value;
    case AMO_MAX: return wide_lts(old, value, 128) ? value : old;
    case AMO_MINU: return wide_ltu(old, value) ? old : value;
    case AMO_MAXU: return wide_ltu(old, value) ? value : old;
    }
    return value;
}

wide mem_wide_amo(struct cpu *cpu, uint8_t *base, uint64_t addr, enum sem_amo op,
                  wide value, bool big)
{
    wide seen = mem_wide_load(cpu, base, addr, big), old;

    do {
        old = seen;
        seen = mem_wide_cas(cpu, base, addr, old, amo_result(op, old, value), big);
    } while (!wide_eq(seen, old));
    return old;
}

unsigned mem_wide_stcond(struct cpu *cpu, uint8_t *base, uint64_t addr, wide value,
                         bool big)
{
    wide expected = wide_make(cpu->reserved_high, cpu->reserved_value);
    bool is_reserved = cpu->reserved_addr == addr;

    if (is_reserved)
        is_reserved =
            wide_eq(mem_wide_cas(cpu, base, addr, expected, value, big), expected);
    cpu->reserved_addr = UINT64_MAX;
    return is_reserved;
}
