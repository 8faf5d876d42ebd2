/* lift_mem.c - accesses to guest memory.
 *
 * All are volatile: another thread may change guest memory at any time, and a load may be
 * done for its fault alone. */
#include "isa/mem.h"
#include "llvmjit/lift_parts.h"

static LLVMValueRef swap(struct lift *lift, LLVMValueRef value, bool big)
{
    unsigned id = LLVMLookupIntrinsicID("llvm.bswap", 10);
    LLVMTypeRef type = LLVMTypeOf(value);

    if (big == MEM_HOST_BIG || lift_width(value) == 8)
        return value;
    return LLVMBuildCall2(
        lift->builder, LLVMIntrinsicGetType(lift->context, id, &type, 1),
        LLVMGetIntrinsicDeclaration(lift->module, id, &type, 1), &value, 1, "");
}

/* As mem_direct(). */
static LLVMValueRef host_address(struct lift *lift, LLVMValueRef address)
{
    LLVMValueRef host, top;

    address = lift_fit(lift, address, 64);
    if (!HOST_IGNORES_TOP_BYTE)
        return lift_behind(lift, lift->base, address);
    host = LLVMBuildPtrToInt(lift->builder, lift->base, lift->state->i64, "");
    host = LLVMBuildAdd(lift->builder, host, address, "");
    top = LLVMBuildLShr(lift->builder, host, lift_const(lift, 64, 8), "");
    top =
        LLVMBuildAnd(lift->builder, top, lift_const(lift, 64, UINT64_C(0xff) << 48), "");
    host = LLVMBuildOr(lift->builder, host, top, "");
    return LLVMBuildIntToPtr(lift->builder, host, lift->state->pointer, "");
}

/* By the TLB; what misses it is the interpreter's. */
static LLVMValueRef translated(struct lift *lift, LLVMValueRef address, unsigned size,
                               bool is_write)
{
    LLVMTypeRef i64 = lift->state->i64;
    LLVMValueRef entry, last, page, tag;

    address = lift_fit(lift, address, 64);
    entry =
        LLVMBuildLShr(lift->builder, address, lift_const(lift, 64, TLB_SHIFT - 5), "");
    entry = LLVMBuildAnd(lift->builder, entry,
                         lift_const(lift, 64, (TLB_ENTRIES - 1) << 5), "");
    entry = lift_behind(lift, lift->base, entry);
    last = LLVMBuildAdd(lift->builder, address, lift_const(lift, 64, size - 1), "");
    page = LLVMBuildAnd(lift->builder, last,
                        lift_const(lift, 64, ~((UINT64_C(1) << TLB_SHIFT) - 1)), "");
    tag = LLVMBuildLoad2(
        lift->builder, i64,
        lift_behind(lift, entry,
                    lift_const(lift, 64,
                               is_write ? offsetof(struct tlb_entry, write)
                                        : offsetof(struct tlb_entry, read))),
        "");
    region_side_exit_if(lift, LLVMBuildICmp(lift->builder, LLVMIntNE, tag, page, ""));
    entry = LLVMBuildLoad2(
        lift->builder, i64,
        lift_behind(lift, entry, lift_const(lift, 64, offsetof(struct tlb_entry, host))),
        "");
    return LLVMBuildIntToPtr(lift->builder,
                             LLVMBuildAdd(lift->builder, entry, address, ""),
                             lift->state->pointer, "");
}

static void check_alignment(struct lift *lift, const struct isa_access *access,
                            LLVMValueRef address)
{
    unsigned w = lift_width(address);
    LLVMValueRef rest;

    if (access->align <= 1)
        return;
    rest = LLVMBuildURem(lift->builder, address, lift_const(lift, w, access->align), "");
    region_side_exit_if(
        lift, LLVMBuildICmp(lift->builder, LLVMIntNE, rest, lift_const(lift, w, 0), ""));
}

/* ------------------------------------------------------------- loads and stores */

static unsigned alignment(const struct isa_access *access, unsigned w)
{
    return access->align >= w / 8 ? w / 8 : 1;
}

static void order(struct lift *lift, bool wanted)
{
    if (wanted)
        LLVMBuildFence(lift->builder, LLVMAtomicOrderingSequentiallyConsistent, false,
                       "");
}

static LLVMValueRef load(struct lift *lift, const struct isa_access *access, unsigned w,
                         LLVMValueRef host)
{
    LLVMValueRef value = lift_load_volatile(lift, lift_type(lift, w), host);

    LLVMSetAlignment(value, alignment(access, w));
    return swap(lift, value, access->big);
}

static void store(struct lift *lift, const struct isa_access *access, LLVMValueRef value,
                  LLVMValueRef host)
{
    unsigned w = lift_width(value);
    LLVMValueRef instruction =
        LLVMBuildStore(lift->builder, swap(lift, value, access->big), host);

    LLVMSetVolatile(instruction, true);
    LLVMSetAlignment(instruction, alignment(access, w));
}

/* The same value, of which LLVM knows nothing: an operation that changes nothing would
 * become a fence or a load, but it must fault where nothing can be written. */
static LLVMValueRef unknown(struct lift *lift, LLVMValueRef value)
{
    unsigned w = lift_width(value), wide = w < 32 ? 32 : w;
    LLVMTypeRef type = lift_type(lift, wide);
    LLVMTypeRef function = LLVMFunctionType(type, &type, 1, false);
    LLVMValueRef nothing =
        LLVMGetInlineAsm(function, "", 0, "=r,0", 4, false, false, 0, false);

    value = lift_fit(lift, value, wide);
    return lift_fit(lift, LLVMBuildCall2(lift->builder, function, nothing, &value, 1, ""),
                    w);
}

/* --------------------------------------------------------- accesses of other widths */

static bool is_one_access(unsigned w)
{
    return w == 8 || w == 16 || w == 32 || w == 64;
}

/* Bytes of the piece that begins `done` bytes behind the first of `size`. */
static unsigned piece_size(unsigned size, unsigned done)
{
    unsigned left = size - done;

    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* Where a piece is in the value, in bits. */
static LLVMValueRef piece_place(struct lift *lift, const struct isa_access *access,
                                unsigned size, unsigned done, unsigned n)
{
    return lift_const(lift, 128, 8 * (access->big ? size - done - n : done));
}

static LLVMValueRef load_pieces(struct lift *lift, const struct isa_access *access,
                                unsigned w, LLVMValueRef host)
{
    unsigned size = (w + 7) / 8, n;
    LLVMValueRef value = lift_const(lift, 128, 0);

    for (unsigned done = 0; done < size; done += n) {
        LLVMValueRef at = lift_behind(lift, host, lift_const(lift, 64, done)), piece;

        n = piece_size(size, done);
        piece = lift_fit(lift, load(lift, access, 8 * n, at), 128);
        piece = LLVMBuildShl(lift->builder, piece,
                             piece_place(lift, access, size, done, n), "");
        value = LLVMBuildOr(lift->builder, value, piece, "");
    }
    return lift_fit(lift, value, w);
}

/* mem_need_last() of handler.h: none of the pieces may show where the last one faults. */
static void need_last(struct lift *lift, LLVMValueRef host, unsigned size)
{
    enum { PAGE = 0x1000 };
    LLVMBasicBlockRef crossing = lift_block(lift, "crossing"),
                      on = lift_block(lift, "crossed");
    LLVMValueRef at = LLVMBuildPtrToInt(lift->builder, host, lift->state->i64, ""), last;

    at = LLVMBuildAnd(lift->builder, at, lift_const(lift, 64, PAGE - 1), "");
    lift_branch(lift,
                LLVMBuildICmp(lift->builder, LLVMIntUGT, at,
                              lift_const(lift, 64, PAGE - size), ""),
                crossing, on, false);
    lift_at(lift, crossing);
    last = LLVMBuildAtomicRMW(lift->builder, LLVMAtomicRMWBinOpOr,
                              lift_behind(lift, host, lift_const(lift, 64, size - 1)),
                              unknown(lift, lift_const(lift, 8, 0)),
                              LLVMAtomicOrderingSequentiallyConsistent, false);
    LLVMSetVolatile(last, true);
    LLVMBuildBr(lift->builder, on);
    lift_at(lift, on);
}

static void store_pieces(struct lift *lift, const struct isa_access *access,
                         LLVMValueRef value, LLVMValueRef host)
{
    unsigned size = (lift_width(value) + 7) / 8, n;

    need_last(lift, host, size);
    value = lift_fit(lift, value, 128);
    for (unsigned done = 0; done < size; done += n) {
        LLVMValueRef at = lift_behind(lift, host, lift_const(lift, 64, done)), piece;

        n = piece_size(size, done);
        piece = LLVMBuildLShr(lift->builder, value,
                              piece_place(lift, access, size, done, n), "");
        store(lift, access, lift_fit(lift, piece, 8 * n), at);
    }
}

static LLVMValueRef reserve(struct lift *lift, const struct isa_access *access,
                            unsigned w, LLVMValueRef address, LLVMValueRef host)
{
    LLVMValueRef value = load(lift, access, w, host);

    lift_store_volatile(lift, lift_fit(lift, address, 64),
                        lift_field(lift, offsetof(struct cpu, reserved_addr)));
    lift_store_volatile(lift, lift_fit(lift, value, 64),
                        lift_field(lift, offsetof(struct cpu, reserved_value)));
    return value;
}

/* ---------------------------------------------------------------------- atomics */

/* The old value, as memory has it; *stored: 1 bit. */
static LLVMValueRef exchange(struct lift *lift, LLVMValueRef host, LLVMValueRef expected,
                             LLVMValueRef value, LLVMValueRef *stored)
{
    LLVMValueRef pair = LLVMBuildAtomicCmpXchg(
        lift->builder, host, expected, value, LLVMAtomicOrderingSequentiallyConsistent,
        LLVMAtomicOrderingSequentiallyConsistent, false);

    LLVMSetVolatile(pair, true);
    *stored = LLVMBuildExtractValue(lift->builder, pair, 1, "");
    return LLVMBuildExtractValue(lift->builder, pair, 0, "");
}

static LLVMValueRef compare_and_swap(struct lift *lift, const struct isa_access *access,
                                     LLVMValueRef host, LLVMValueRef expected,
                                     LLVMValueRef value)
{
    LLVMValueRef stored;

    value = exchange(lift, host, swap(lift, expected, access->big),
                     swap(lift, value, access->big), &stored);
    return swap(lift, value, access->big);
}

static LLVMValueRef phi_of(struct lift *lift, LLVMTypeRef type, LLVMValueRef a,
                           LLVMBasicBlockRef from_a, LLVMValueRef b,
                           LLVMBasicBlockRef from_b)
{
    LLVMValueRef phi = LLVMBuildPhi(lift->builder, type, "");

    LLVMAddIncoming(phi, &a, &from_a, 1);
    if (b)
        LLVMAddIncoming(phi, &b, &from_b, 1);
    return phi;
}

static LLVMValueRef store_conditionally(struct lift *lift,
                                        const struct isa_access *access,
                                        LLVMValueRef address, LLVMValueRef host,
                                        LLVMValueRef value)
{
    LLVMBasicBlockRef here = LLVMGetInsertBlock(lift->builder),
                      try = lift_block(lift, "try"), on = lift_block(lift, "tried");
    LLVMValueRef place = lift_field(lift, offsetof(struct cpu, reserved_addr));
    LLVMValueRef reserved = lift_load_volatile(lift, lift->state->i64, place), stored;
    LLVMValueRef is_reserved = LLVMBuildICmp(lift->builder, LLVMIntEQ, reserved,
                                             lift_fit(lift, address, 64), "");

    lift_branch(lift, is_reserved, try, on, true);
    lift_at(lift, try);
    reserved = lift_load_volatile(lift, lift->state->i64,
                                  lift_field(lift, offsetof(struct cpu, reserved_value)));
    reserved = lift_fit(lift, reserved, lift_width(value));
    exchange(lift, host, swap(lift, reserved, access->big),
             swap(lift, value, access->big), &stored);
    LLVMBuildBr(lift->builder, on);
    lift_at(lift, on);
    stored = phi_of(lift, lift->state->i1, lift_const(lift, 1, 0), here, stored, try);
    lift_store_volatile(lift, lift_const(lift, 64, UINT64_MAX), place);
    return stored;
}

static const LLVMAtomicRMWBinOp operations[] = {
    [AMO_XCHG] = LLVMAtomicRMWBinOpXchg, [AMO_ADD] = LLVMAtomicRMWBinOpAdd,
    [AMO_AND] = LLVMAtomicRMWBinOpAnd,   [AMO_OR] = LLVMAtomicRMWBinOpOr,
    [AMO_XOR] = LLVMAtomicRMWBinOpXor,   [AMO_MIN] = LLVMAtomicRMWBinOpMin,
    [AMO_MAX] = LLVMAtomicRMWBinOpMax,   [AMO_MINU] = LLVMAtomicRMWBinOpUMin,
    [AMO_MAXU] = LLVMAtomicRMWBinOpUMax,
};

/* What is not the same for swapped bytes. */
static LLVMValueRef amo_result(struct lift *lift, unsigned op, LLVMValueRef old,
                               LLVMValueRef value)
{
    LLVMIntPredicate keeps = op == AMO_MIN    ? LLVMIntSLT
                             : op == AMO_MAX  ? LLVMIntSGT
                             : op == AMO_MINU ? LLVMIntULT
                                              : LLVMIntUGT;

    if (op == AMO_ADD)
        return LLVMBuildAdd(lift->builder, old, value, "");
    return LLVMBuildSelect(lift->builder,
                           LLVMBuildICmp(lift->builder, keeps, old, value, ""), old,
                           value, "");
}

static LLVMValueRef swapped_amo(struct lift *lift, const struct isa_access *access,
                                unsigned op, LLVMValueRef host, LLVMValueRef value)
{
    LLVMTypeRef type = LLVMTypeOf(value);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(lift->builder),
                      loop = lift_block(lift, "amo"), on = lift_block(lift, "amo.on");
    LLVMValueRef first = lift_load_volatile(lift, type, host), old, seen, stored, next;

    LLVMSetAlignment(first, alignment(access, lift_width(value)));
    LLVMBuildBr(lift->builder, loop);
    lift_at(lift, loop);
    old = phi_of(lift, type, first, before, NULL, NULL);
    next = amo_result(lift, op, swap(lift, old, access->big), value);
    seen = exchange(lift, host, old, swap(lift, next, access->big), &stored);
    LLVMAddIncoming(old, &seen, &loop, 1);
    lift_branch(lift, stored, on, loop, true);
    lift_at(lift, on);
    return swap(lift, old, access->big);
}

static LLVMValueRef amo(struct lift *lift, const struct isa_access *access, unsigned op,
                        LLVMValueRef host, LLVMValueRef value)
{
    bool is_bitwise = op <= AMO_XOR && op != AMO_ADD;
    LLVMValueRef old;

    if (op > AMO_MAXU) {
        lift->why = "an atomic operation of no known kind";
        return value;
    }
    if (access->big != MEM_HOST_BIG && !is_bitwise)
        return swapped_amo(lift, access, op, host, value);
    old = LLVMBuildAtomicRMW(lift->builder, operations[op], host,
                             unknown(lift, swap(lift, value, access->big)),
                             LLVMAtomicOrderingSequentiallyConsistent, false);
    LLVMSetVolatile(old, true);
    return swap(lift, old, access->big);
}

/* ------------------------------------------------------------------------ nodes */

/* Only a load after a store needs an instruction of hosts that order the rest by
 * themselves. */
static void fence(struct lift *lift, const struct sem *node)
{
    LLVMAtomicOrdering how = node->x & FENCE_WR ? LLVMAtomicOrderingSequentiallyConsistent
                                                : LLVMAtomicOrderingAcquireRelease;

    if (node->x & FENCE_FETCH)
        region_side_exit(lift);
    else if (node->x)
        LLVMBuildFence(lift->builder, how, false, "");
}

void lift_memory(struct lift *lift, unsigned number)
{
    const struct sem *node = &lift->nodes[number];
    const struct isa_access *access = &lift->isa->accesses[node->x];
    LLVMValueRef address, host, b, value = NULL;

    if (node->op == S_FENCE) {
        fence(lift, node);
        return;
    }
    address = lift->values[node->a];
    b = node->op == S_LD || node->op == S_RESERVE ? NULL : lift->values[node->b];
    check_alignment(lift, access, address);
    host = lift->request->is_translated
               ? translated(lift, address, (b ? lift_width(b) : node->w) / 8,
                            node->op != S_LD && node->op != S_RESERVE)
               : host_address(lift, address);
    switch (node->op) {
    case S_LD:
        order(lift, access->order & 2);
        value = is_one_access(node->w) ? load(lift, access, node->w, host)
                                       : load_pieces(lift, access, node->w, host);
        order(lift, access->order & 1);
        break;
    case S_ST:
        order(lift, access->order & 2);
        if (is_one_access(lift_width(b)))
            store(lift, access, b, host);
        else
            store_pieces(lift, access, b, host);
        order(lift, access->order & 1);
        break;
    case S_AMO: value = amo(lift, access, node->d, host, b); break;
    case S_CAS:
        value = compare_and_swap(lift, access, host, b, lift->values[node->c]);
        break;
    case S_RESERVE: value = reserve(lift, access, node->w, address, host); break;
    default: value = store_conditionally(lift, access, address, host, b);
    }
    lift->values[number] = value;
}
