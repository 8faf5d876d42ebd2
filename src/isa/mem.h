/* mem.h - every access of a guest to its memory, for handlers and helpers.
 *
 * Another thread may change guest memory at any time, and a load may be done for its
 * fault alone: so each access is volatile, and no register is written before an access
 * that may fault or read anew after it (mem_barrier on both sides).
 * An aligned access is one host access.
 *
 * Direct scheme: guest address + base is the host's.  Paged scheme (RHEA_PAGED: hosts
 * whose addresses are too small, or a test): functions that ask the space and do not
 * return where the guest faults.  Translated scheme (RHEA_SYSTEM, whole machines): by the
 * TLB at `base` (isa/tlb.h). */
#ifndef RHEA_MEM_H
#define RHEA_MEM_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/host.h"
#include "isa/cpu.h"
#include "isa/tlb.h"

#ifdef RHEA_SYSTEM
#define RHEA_TLB 1
#define RHEA_PAGED 0
#else
#define RHEA_TLB 0
#endif
#ifndef RHEA_PAGED
#define RHEA_PAGED (UINTPTR_MAX <= 0xffffffff)
#endif

#define MEM_HOST_BIG (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
#define MEM_SWAP8(v) (v)
#define MEM_SWAP16(v) __builtin_bswap16(v)
#define MEM_SWAP32(v) __builtin_bswap32(v)
#define MEM_SWAP64(v) __builtin_bswap64(v)

/* The paged scheme.  Bytes are in memory order. */
void mem_paged_read(struct cpu *cpu, uint64_t addr, void *to, unsigned size);
void mem_paged_write(struct cpu *cpu, uint64_t addr, const void *from, unsigned size);
/* Host address of an object to be written; one that is not in one piece there faults. */
void *mem_paged_host(struct cpu *cpu, uint64_t addr, unsigned size);

/* The host has faulted in the running handler, and said so by a return value. */
_Noreturn void mem_fault(struct cpu *cpu);

static inline void mem_barrier(void)
{
    atomic_signal_fence(memory_order_seq_cst);
}

/* A host that ignores the top byte of addresses would find something at any guest address
 * whose top byte is not 0: there that byte is put where the host looks at it too, so that
 * the access faults.  (The direct scheme maps nothing so high.) */
static inline uintptr_t mem_direct(const uint8_t *base, uint64_t addr)
{
    uint64_t host = (uintptr_t)base + addr;

    if (HOST_IGNORES_TOP_BYTE)
        host |= host >> 8 & (uint64_t)0xff << 48;
    return (uintptr_t)host;
}

#if RHEA_TLB
/* The host address of an access that is to go there directly, or 0. */
static inline uintptr_t mem_tlb(const uint8_t *base, uint64_t addr, unsigned size,
                                bool is_write)
{
    const struct tlb_entry *entry = tlb_entry(base, addr);
    uintptr_t host;

    if (__builtin_expect(!tlb_fits(is_write ? entry->write : entry->read, addr, size), 0))
        return 0;
    host = entry->host + (uintptr_t)addr;
    if (!host)
        __builtin_unreachable();
    return host;
}
#else
static inline uintptr_t mem_tlb(const uint8_t *base, uint64_t addr, unsigned size,
                                bool is_write)
{
    (void)size;
    (void)is_write;
    return mem_direct(base, addr);
}
#endif

/* Hosts that do unaligned accesses in one instruction; elsewhere the compiler makes bytes
 * of a packed access, so aligned ones need their own. */
#if defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) ||                  \
    defined(__powerpc64__) || defined(__s390x__)
#define MEM_UNALIGNED_OK 1
#else
#define MEM_UNALIGNED_OK 0
#endif

/* mem_ldN(cpu, base, addr), mem_stN(cpu, base, addr, value): in host byte order. */
#define MEM_DEFINE(bits, type)                                                           \
    struct mem_packed##bits {                                                            \
        type value;                                                                      \
    } __attribute__((packed, may_alias));                                                \
    typedef type mem_plain##bits __attribute__((may_alias));                             \
                                                                                         \
    static inline type mem_ld##bits(struct cpu *cpu, uint8_t *base, uint64_t addr)       \
    {                                                                                    \
        type value;                                                                      \
        uintptr_t host = mem_tlb(base, addr, sizeof value, false);                       \
                                                                                         \
        mem_barrier();                                                                   \
        if (RHEA_PAGED)                                                                  \
            mem_paged_read(cpu, addr, &value, sizeof value);                             \
        else if (RHEA_TLB && !host)                                                      \
            value = (type)HOST_RARE_CALL(tlb_load##bits, cpu, addr, 0);                  \
        else if (MEM_UNALIGNED_OK || host % sizeof value)                                \
            value = ((volatile struct mem_packed##bits *)host)->value;                   \
        else                                                                             \
            value = *(volatile mem_plain##bits *)host;                                   \
        mem_barrier();                                                                   \
        (void)cpu;                                                                       \
        return value;                                                                    \
    }                                                                                    \
                                                                                         \
    static inline void mem_st##bits(struct cpu *cpu, uint8_t *base, uint64_t addr,       \
                                    type value)                                          \
    {                                                                                    \
        uintptr_t host = mem_tlb(base, addr, sizeof value, true);                        \
                                                                                         \
        mem_barrier();                                                                   \
        if (RHEA_PAGED)                                                                  \
            mem_paged_write(cpu, addr, &value, sizeof value);                            \
        else if (RHEA_TLB && !host)                                                      \
            HOST_RARE_CALL(tlb_store##bits, cpu, addr, value);                           \
        else if (MEM_UNALIGNED_OK || host % sizeof value)                                \
            ((volatile struct mem_packed##bits *)host)->value = value;                   \
        else                                                                             \
            *(volatile mem_plain##bits *)host = value;                                   \
        mem_barrier();                                                                   \
        (void)cpu;                                                                       \
    }                                                                                    \
    static inline type mem_ld##bits##_le(struct cpu *c, uint8_t *base, uint64_t addr)    \
    {                                                                                    \
        type value = mem_ld##bits(c, base, addr);                                        \
                                                                                         \
        return MEM_HOST_BIG ? MEM_SWAP##bits(value) : value;                             \
    }                                                                                    \
    static inline type mem_ld##bits##_be(struct cpu *c, uint8_t *base, uint64_t addr)    \
    {                                                                                    \
        type value = mem_ld##bits(c, base, addr);                                        \
                                                                                         \
        return MEM_HOST_BIG ? value : MEM_SWAP##bits(value);                             \
    }                                                                                    \
    static inline void mem_st##bits##_le(struct cpu *c, uint8_t *base, uint64_t addr,    \
                                         type value)                                     \
    {                                                                                    \
        mem_st##bits(c, base, addr, MEM_HOST_BIG ? MEM_SWAP##bits(value) : value);       \
    }                                                                                    \
    static inline void mem_st##bits##_be(struct cpu *c, uint8_t *base, uint64_t addr,    \
                                         type value)                                     \
    {                                                                                    \
        mem_st##bits(c, base, addr, MEM_HOST_BIG ? value : MEM_SWAP##bits(value));       \
    }

MEM_DEFINE(8, uint8_t)
MEM_DEFINE(16, uint16_t)
MEM_DEFINE(32, uint32_t)
MEM_DEFINE(64, uint64_t)

/* ------------------------------------------------------------------- atomics */

static inline uint64_t mem_extend(uint64_t value, unsigned bits)
{
    return (uint64_t)((int64_t)(value << (64 - bits)) >> (64 - bits));
}

/* What an AMO stores; values of `bits` bits. */
static inline uint64_t mem_amo_result(enum sem_amo op, uint64_t old, uint64_t value,
                                      unsigned bits)
{
    int64_t a = (int64_t)mem_extend(old, bits), b = (int64_t)mem_extend(value, bits);

    switch (op) {
    case AMO_XCHG: return value;
    case AMO_ADD: return old + value;
    case AMO_AND: return old & value;
    case AMO_OR: return old | value;
    case AMO_XOR: return old ^ value;
    case AMO_MIN: return a < b ? old : value;
    case AMO_MAX: return a > b ? old : value;
    case AMO_MINU: return old < value ? old : value;
    case AMO_MAXU: return old > value ? old : value;
    }
    return value;
}

/* mem_amoN(cpu, base, addr, op, value, big) and mem_casN(cpu, base, addr, expected,
 * value, big) give the old value.  Where the address is not aligned and the host's own
 * operations refuse that, they take a lock (host_compare_exchange). */
#define MEM_IS_SPLIT(host) (!HOST_SPLIT_ATOMICS && (uintptr_t)(host) % sizeof *(host))

#define MEM_DEFINE_ATOMIC(bits, type)                                                    \
    static inline type *mem_atomic##bits(struct cpu *cpu, uint8_t *base, uint64_t addr)  \
    {                                                                                    \
        uintptr_t host = mem_tlb(base, addr, sizeof(type), true);                        \
                                                                                         \
        if (RHEA_PAGED)                                                                  \
            return (type *)mem_paged_host(cpu, addr, sizeof(type));                      \
        if (RHEA_TLB && !host)                                                           \
            return (type *)HOST_RARE_CALL(tlb_host##bits, cpu, addr, 0);                 \
        return (type *)host;                                                             \
    }                                                                                    \
                                                                                         \
    static inline type mem_split_cas##bits(struct cpu *cpu, type *host, type expected,   \
                                           type value)                                   \
    {                                                                                    \
        if (host_compare_exchange(host, &expected, &value, sizeof(type)))                \
            mem_fault(cpu);                                                              \
        return expected;                                                                 \
    }                                                                                    \
                                                                                         \
    static inline type mem_cas##bits(struct cpu *cpu, uint8_t *base, uint64_t addr,      \
                                     type expected, type value, bool big)                \
    {                                                                                    \
        type *host = mem_atomic##bits(cpu, base, addr);                                  \
        bool swap = big != MEM_HOST_BIG;                                                 \
        type old = swap ? MEM_SWAP##bits(expected) : expected;                           \
                                                                                         \
        if (swap)                                                                        \
            value = MEM_SWAP##bits(value);                                               \
        mem_barrier();                                                                   \
        if (MEM_IS_SPLIT(host))                                                          \
            old = mem_split_cas##bits(cpu, host, old, value);                            \
        else                                                                             \
            __atomic_compare_exchange_n(host, &old, value, 0, __ATOMIC_SEQ_CST,          \
                                        __ATOMIC_SEQ_CST);                               \
        mem_barrier();                                                                   \
        return swap ? MEM_SWAP##bits(old) : old;                                         \
    }                                                                                    \
                                                                                         \
    static inline type mem_amo##bits(struct cpu *cpu, uint8_t *base, uint64_t addr,      \
                                     enum sem_amo op, type value, bool big)              \
    {                                                                                    \
        type *host = mem_atomic##bits(cpu, base, addr);                                  \
        bool swap = big != MEM_HOST_BIG;                                                 \
        type old, next;                                                                  \
                                                                                         \
        mem_barrier();                                                                   \
        if (MEM_IS_SPLIT(host)) {                                                        \
            type seen = mem_ld##bits(cpu, base, addr);                                   \
                                                                                         \
            do {                                                                         \
                old = seen;                                                              \
                next = (type)mem_amo_result(op, swap ? MEM_SWAP##bits(old) : old, value, \
                                            bits);                                       \
                if (swap)                                                                \
                    next = MEM_SWAP##bits(next);                                         \
                seen = mem_split_cas##bits(cpu, host, old, next);                        \
            } while (seen != old);                                                       \
        } else if (op == AMO_XCHG) {                                                     \
            next = swap ? MEM_SWAP##bits(value) : value;                                 \
            old = __atomic_exchange_n(host, next, __ATOMIC_SEQ_CST);                     \
        } else if (op == AMO_ADD && !swap) {                                             \
            old = __atomic_fetch_add(host, value, __ATOMIC_SEQ_CST);                     \
        } else {                                                                         \
            old = __atomic_load_n(host, __ATOMIC_RELAXED);                               \
            do {                                                                         \
                next = (type)mem_amo_result(op, swap ? MEM_SWAP##bits(old) : old, value, \
                                            bits);                                       \
                if (swap)                                                                \
                    next = MEM_SWAP##bits(next);                                         \
            } while (!__atomic_compare_exchange_n(host, &old, next, 0, __ATOMIC_SEQ_CST, \
                                                  __ATOMIC_RELAXED));                    \
        }                                                                                \
        mem_barrier();                                                                   \
        return swap ? MEM_SWAP##bits(old) : old;                                         \
    }                                                                                    \
                                                                                         \
    static inline type mem_reserve##bits(struct cpu *cpu, uint8_t *base, uint64_t addr,  \
                                         bool big)                                       \
    {                                                                                    \
        type value = mem_ld##bits(cpu, base, addr);                                      \
                                                                                         \
        if (big != MEM_HOST_BIG)                                                         \
            value = MEM_SWAP##bits(value);                                               \
        cpu->reserved_addr = addr;                                                       \
        cpu->reserved_value = value;                                                     \
        return value;                                                                    \
    }                                                                                    \
                                                                                         \
    static inline unsigned mem_stcond##bits(struct cpu *cpu, uint8_t *base,              \
                                            uint64_t addr, type value, bool big)         \
    {                                                                                    \
        type expected = (type)cpu->reserved_value;                                       \
        unsigned stored = 0;                                                             \
                                                                                         \
        if (cpu->reserved_addr == addr)                                                  \
            stored = mem_cas##bits(cpu, base, addr, expected, value, big) == expected;   \
        cpu->reserved_addr = UINT64_MAX;                                                 \
        return stored;                                                                   \
    }

MEM_DEFINE_ATOMIC(8, uint8_t)
MEM_DEFINE_ATOMIC(16, uint16_t)
MEM_DEFINE_ATOMIC(32, uint32_t)
MEM_DEFINE_ATOMIC(64, uint64_t)

static inline void mem_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#endif
