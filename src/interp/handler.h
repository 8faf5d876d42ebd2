/* handler.h - the language that generated handlers are written in.
 *
 * A handler gets (cpu, op, base, acc) and ends in one of NEXT, JUMP, JUMP_TO, JUMP_MODE,
 * JUMP_DELAYED, TRAP, MISALIGNED, ANNUL, REPEAT, GO_SLOW or LEAVE.  `unit` counts 16-byte
 * units from the first op of a fused group: op + unit is the op that is meant. */
#ifndef RHEA_INTERP_HANDLER_H
#define RHEA_INTERP_HANDLER_H

#include "interp/op.h"
#include "interp/wide.h"
#include "isa/mem.h"

#ifdef FP_WHOLE
#include "isa/fp/fp_host.h"
#else
#include "interp/fpfast.h"
#endif

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ------------------------------------------------------- operands and registers */

typedef uint8_t op_u8 __attribute__((may_alias));
typedef uint16_t op_u16 __attribute__((may_alias));
typedef uint32_t op_u32 __attribute__((may_alias));
typedef uint64_t op_u64 __attribute__((may_alias));

#ifdef STENCIL
#include "interp/stencil.h"
#else
#define OP_HERE(unit) (op + (unit))
#define OP_AT(type, at) (*(const type *)((const uint8_t *)op + (at)))
#define OP_U8(at) OP_AT(op_u8, at)
#define OP_U16(at) OP_AT(op_u16, at)
#define OP_U32(at) OP_AT(op_u32, at)
#define OP_U64(at) OP_AT(op_u64, at)
#define OP_S8(at) ((int64_t)(int8_t)OP_U8(at))
#define OP_S16(at) ((int64_t)(int16_t)OP_U16(at))
#define OP_S32(at) ((int64_t)(int32_t)OP_U32(at))
#define OP_S64(at) ((int64_t)OP_U64(at))
#define OP_LINK(at) OP_S32(at)
#define STENCIL_VOLATILE
#endif

#define REG8(at) (*(STENCIL_VOLATILE op_u8 *)((uint8_t *)cpu + (at)))
#define REG16(at) (*(STENCIL_VOLATILE op_u16 *)((uint8_t *)cpu + (at)))
#define REG32(at) (*(STENCIL_VOLATILE op_u32 *)((uint8_t *)cpu + (at)))
#define REG64(at) (*(STENCIL_VOLATILE op_u64 *)((uint8_t *)cpu + (at)))

/* Lanes are counted from the least significant end; elements are 64-bit units. */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LANE_AT(w, lane) ((lane) * ((w) / 8) ^ (8 - (w) / 8))
#else
#define LANE_AT(w, lane) ((lane) * ((w) / 8))
#endif
#define REG_LANE(w, place, lane) REG##w((place) + LANE_AT(w, lane))
#define REG_LANE128(place, lane)                                                         \
    wide_make(REG64((place) + (lane)*16 + 8), REG64((place) + (lane)*16))
#define PUT_LANE128(place, lane, value)                                                  \
    do {                                                                                 \
        REG64((place) + (lane)*16) = wide_lo(value);                                     \
        REG64((place) + (lane)*16 + 8) = wide_hi(value);                                 \
    } while (0)

/* --------------------------------------------------------------------- dispatch */

/* Where an indirect jump to pc leads. */
struct jump_entry {
    uint64_t pc;
    const struct op *op;
#if UINTPTR_MAX <= 0xffffffff
    uint32_t unused;
#endif
};
_Static_assert(sizeof(struct jump_entry) == 16,
               "one is a unit of an op, and see JUMP_ENTRY");
/* What handlers see of the interpreter behind cpu->engine. */
struct interp_head {
    uint64_t acc;               /* between handlers, where they return to a loop */
    uint64_t target;            /* of a delayed jump, on its way to x_jump_delayed */
    bool has_jumped;            /* a helper has set cpu->pc */
    const struct op *left_from; /* whose jump or event ended the run */
    uint64_t stop;              /* counting: cpu->insns at which to stop */
    uint64_t touch_addr;        /* see TOUCH */
    uint8_t touch_size, touch_access;
    bool counting;
};
#define INTERP_HEAD(cpu) ((struct interp_head *)(cpu)->engine)

#define INTERP_FN __attribute__((visibility("hidden")))
#define UNUSED __attribute__((unused))
#define INTERP_COLD __attribute__((visibility("hidden"), cold, noinline))
#define HANDLER(name)                                                                    \
    INTERP_FN interp_result name(struct cpu *cpu, const struct op *op,                   \
                                 uint8_t *base UNUSED, uint64_t acc UNUSED)
#ifdef FP_FMA_TARGET
#define FMA_HANDLER(name) FP_FMA_TARGET HANDLER(name)
#else
#define FMA_HANDLER(name) HANDLER(name)
#endif
#define SLOW_HANDLER(name)                                                               \
    INTERP_COLD interp_result name(struct cpu *cpu, const struct op *op,                 \
                                   uint8_t *base UNUSED, uint64_t acc UNUSED)

/* The next op is computed into its own register, not into a spare one that is then moved.
 */
#ifdef STENCIL
#elif defined(__GNUC__) && INTERP_TAIL
#define HERE(op) __asm__("" : "+r"(op))
#else
#define HERE(op) (void)0
#endif

#define CALL_HANDLER(fn, to) INTERP_MUSTTAIL return (fn)(cpu, (to), base, acc)
#ifdef STENCIL
#elif INTERP_TAIL
#define TAIL(to)                                                                         \
    do {                                                                                 \
        op = (to);                                                                       \
        HERE(op);                                                                        \
        INTERP_MUSTTAIL return op->fn(cpu, op, base, acc);                               \
    } while (0)
#define LEAVE() return
#else
#define TAIL(to)                                                                         \
    do {                                                                                 \
        INTERP_HEAD(cpu)->acc = acc;                                                     \
        return (to);                                                                     \
    } while (0)
#define LEAVE() return NULL
#endif

#ifndef STENCIL
#define NEXT(units) TAIL(op + (units))
#endif
#define GO_SLOW(unit, name) CALL_HANDLER(name, OP_HERE(unit))

/* A link: signed distance in bytes from the op it belongs to. */
#define LINK_TARGET(unit, at)                                                            \
    ((const struct op *)((const uint8_t *)OP_HERE(unit) + OP_LINK(at)))
#define JUMP(unit, at)                                                                   \
    do {                                                                                 \
        const struct op *jump_to = LINK_TARGET(unit, at);                                \
        if (UNLIKELY(cpu->kick)) {                                                       \
            INTERP_HEAD(cpu)->left_from = OP_HERE(unit);                                 \
            CALL_HANDLER(x_kick, jump_to);                                               \
        }                                                                                \
        TAIL(jump_to);                                                                   \
    } while (0)
/* cpu->jump_mask is one of bytes. */
#define JUMP_ENTRY(pc)                                                                   \
    ((const struct jump_entry *)((const uint8_t *)cpu->jumps +                           \
                                 ((pc) << (4 - JUMP_SHIFT) & cpu->jump_mask)))
/* The ring: behind an op that calls is a jump_entry for its return (SLOT_RETURN).  A call
 * puts its address into the ring; a return that leads where the newest one says takes it.
 * What is older than CPU_RING calls is forgotten.  All of them are of the current mode
 * table and of blocks that were not flushed (ring_clear). */
#define CALLED(unit)                                                                     \
    do {                                                                                 \
        uintptr_t ring_at = (cpu->ring_top + 1) % CPU_RING;                              \
        cpu->ring_top = ring_at;                                                         \
        cpu->ring[ring_at] = (const struct jump_entry *)(const void *)OP_HERE(unit);     \
    } while (0)
#define JUMP_BACK(unit, target)                                                          \
    do {                                                                                 \
        uint64_t jump_pc = (target);                                                     \
        uintptr_t ring_at = cpu->ring_top;                                               \
        const struct jump_entry *jump_entry = cpu->ring[ring_at];                        \
        if (LIKELY(jump_entry->pc == jump_pc && !cpu->kick)) {                           \
            cpu->ring_top = (ring_at - 1) % CPU_RING;                                    \
            TAIL(jump_entry->op);                                                        \
        }                                                                                \
        cpu->pc = jump_pc;                                                               \
        CALL_HANDLER(x_return, OP_HERE(unit));                                           \
    } while (0)
#define JUMP_TO(unit, target)                                                            \
    do {                                                                                 \
        uint64_t jump_pc = (target);                                                     \
        const struct jump_entry *jump_entry = JUMP_ENTRY(jump_pc);                       \
        if (LIKELY(jump_entry->pc == jump_pc && !cpu->kick))                             \
            TAIL(jump_entry->op);                                                        \
        cpu->pc = jump_pc;                                                               \
        CALL_HANDLER(x_jump, OP_HERE(unit));                                             \
    } while (0)
#define JUMP_MODE(unit, target)                                                          \
    do {                                                                                 \
        cpu->pc = (target);                                                              \
        CALL_HANDLER(x_jump_mode, OP_HERE(unit));                                        \
    } while (0)
#define JUMP_DELAYED(unit, to_pc)                                                        \
    do {                                                                                 \
        INTERP_HEAD(cpu)->target = (to_pc);                                              \
        CALL_HANDLER(x_jump_delayed, OP_HERE(unit));                                     \
    } while (0)
#define ANNUL(unit) CALL_HANDLER(x_annul, OP_HERE(unit))
#define REPEAT(unit) CALL_HANDLER(x_repeat, OP_HERE(unit))
#define NEXT_SYNC(units)                                                                 \
    do {                                                                                 \
        if (UNLIKELY(INTERP_HEAD(cpu)->has_jumped))                                      \
            CALL_HANDLER(x_jump_mode, OP_HERE(0));                                       \
        NEXT(units);                                                                     \
    } while (0)

/* The position of an op that may fault. */
#define PUBLISH(unit) (*(const struct op *volatile *)&cpu->op = OP_HERE(unit))

/* The access that comes next, where executing the instruction anew could not tell which
 * one failed (sem_is_unrepeatable). */
#define TOUCH(addr, size, access)                                                        \
    do {                                                                                 \
        struct interp_head *touch_head = INTERP_HEAD(cpu);                               \
                                                                                         \
        touch_head->touch_addr = (addr);                                                 \
        touch_head->touch_size = (size);                                                 \
        touch_head->touch_access = (access);                                             \
    } while (0)

#define TRAP(unit, number, a, b)                                                         \
    do {                                                                                 \
        interp_trap(cpu, OP_HERE(unit), (number), (a), (b));                             \
        LEAVE();                                                                         \
    } while (0)
#define MISALIGNED(unit, number, addr, access)                                           \
    do {                                                                                 \
        interp_misaligned(cpu, OP_HERE(unit), (number), (addr), (access));               \
        LEAVE();                                                                         \
    } while (0)

/* exits.c */
HANDLER(x_kick);
HANDLER(x_jump);
HANDLER(x_return);
HANDLER(x_jump_mode);
HANDLER(x_jump_delayed);
HANDLER(x_annul);
HANDLER(x_repeat);
INTERP_COLD void interp_trap(struct cpu *cpu, const struct op *op, unsigned trap,
                             uint64_t a, uint64_t b);
INTERP_COLD void interp_misaligned(struct cpu *cpu, const struct op *op, unsigned trap,
                                   uint64_t addr, unsigned access);
INTERP_COLD void interp_illegal(struct cpu *cpu, const struct op *op);
INTERP_COLD uint64_t interp_npc(struct cpu *cpu, const struct op *op);
INTERP_COLD uint64_t interp_helper(struct cpu *cpu, const struct op *op, unsigned number,
                                   bool sync, uint64_t a, uint64_t b, uint64_t c,
                                   uint64_t d, uint64_t e, uint64_t f);
INTERP_COLD void interp_fence_fetch(struct cpu *cpu);

/* S_SCALB's exponent. */
static inline int32_t fp_exponent(uint64_t a, unsigned w)
{
    int64_t n = int_signed(a, w);

    return n > INT32_MAX ? INT32_MAX : n < INT32_MIN ? INT32_MIN : (int32_t)n;
}

/* --------------------------------------------- accesses wider than host atomics */

static inline wide mem_wide_load(struct cpu *cpu, uint8_t *base, uint64_t addr, bool big)
{
    uint64_t first = big ? mem_ld64_be(cpu, base, addr) : mem_ld64_le(cpu, base, addr);
    uint64_t second =
        big ? mem_ld64_be(cpu, base, addr + 8) : mem_ld64_le(cpu, base, addr + 8);

    return big ? wide_make(first, second) : wide_make(second, first);
}

/* Before a store in pieces: none of them may show where the last one faults. */
static inline void mem_need_last(struct cpu *cpu, uint8_t *base, uint64_t addr,
                                 unsigned size)
{
    enum { PAGE = 0x1000 }; /* the smallest of all hosts */

    if (UNLIKELY(addr % PAGE > PAGE - size))
        mem_amo8(cpu, base, addr + size - 1, AMO_OR, 0, false);
}

/* mem_wide.c.  As mem_casN() and so on of isa/mem.h. */
wide mem_wide_cas(struct cpu *cpu, uint8_t *base, uint64_t addr, wide expected,
                  wide value, bool big);
wide mem_wide_amo(struct cpu *cpu, uint8_t *base, uint64_t addr, enum sem_amo op,
                  wide value, bool big);
unsigned mem_wide_stcond(struct cpu *cpu, uint8_t *base, uint64_t addr, wide value,
                         bool big);

static inline wide mem_wide_reserve(struct cpu *cpu, uint8_t *base, uint64_t addr,
                                    bool big)
{
    wide value = mem_wide_load(cpu, base, addr, big);

    cpu->reserved_addr = addr;
    cpu->reserved_value = wide_lo(value);
    cpu->reserved_high = wide_hi(value);
    return value;
}

#endif
