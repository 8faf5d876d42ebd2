/* fp_test.c - the code that lift_fp.c makes of S_FP nodes gives the evaluator's bits and
 * flags.
 *
 * Each function that is compiled does one node (or a product and a sum), with the rest of
 * the lifter played here.  RHEA_FP_OPS operations in all (default 4000000). */
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "../isa/fp/fp_testing.h"
#include "base/host.h"
#include "base/report.h"
#include "isa/eval.h"
#include "isa/sem.h"
#include "isa/state.h"
#include "llvmjit/lift.h"

enum {
    MAX_CASES = 2000,
    MAX_CALLS = 256,
    LEAVES = 3,
    CASE_NODES = LEAVES + 2,
    STATE = 64
};

/* ---------------------------------------------------------------------- an isa */

static const struct isa_file files[] = {
    { .count = 3, .width = 5, .stride = 1, .offset = 8 },
    { .count = 1, .width = 32, .stride = 4, .offset = 16 },
    { .count = 2, .width = 64, .stride = 8, .offset = 32 },
};

#define NOWHERE 0xff
enum { ENV_SIMPLE, ENV_NO_FLAGS, ENV_TURNED, ENV_NO_INEXACT, ENV_EACH, ENV_INPUTS, ENVS };
static const struct isa_fpenv envs[ENVS] = {
    [ENV_SIMPLE] = { .rules = FP_RULES_RISCV,
                     .file = 0,
                     .index = 1,
                     .bit = { 0, 1, 2, 3, 4, NOWHERE, NOWHERE, NOWHERE } },
    [ENV_NO_FLAGS] = { .rules = FP_RULES_MIPS2008, .file = ISA_NONE },
    [ENV_TURNED] = { .rules = FP_RULES_ARM,
                     .file = 1,
                     .bit = { 31, 3, 2, 1, 0, 7, NOWHERE, NOWHERE } },
    [ENV_NO_INEXACT] = { .rules = FP_RULES_S390,
                         .file = 2,
                         .index = 1,
                         .bit = { NOWHERE, 60, 61, 62, 63, NOWHERE, NOWHERE, NOWHERE } },
    [ENV_EACH] = { .rules = FP_RULES_POWER,
                   .file = 1,
                   .bit = { 0, 1, 2, 3, 4, NOWHERE, NOWHERE, NOWHERE },
                   .each = { 9 },
                   .cause = { 17, 18, 19 } },
    [ENV_INPUTS] = { .rules = FP_RULES_SSE,
                     .file = 2,
                     .bit = { 5, 4, 3, 2, 0, 1, NOWHERE, NOWHERE } },
};

static struct isa_fpcall calls[MAX_CALLS];
static unsigned ncalls;
static struct sem nodes[MAX_CASES * CASE_NODES];
static struct isa isa = {
    .files = files, .fpenvs = envs, .fpcalls = calls, .nodes = nodes
};
static struct isa_variant variant;

typedef uint64_t function(struct cpu *cpu, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t round);

static struct test_case {
    struct isa_fpcall call;
    uint8_t op;
    bool is_chain; /* a * b + c, rounded twice */
    bool gathers;  /* the host's register has the flags meanwhile */
    uint8_t w, width_a;
    function *fast;
} cases[MAX_CASES];
static unsigned ncases;
static struct region_request request = { .isa = &isa };

/* One run of one case. */
struct operands {
    uint64_t v[3], status;
    uint8_t round;
};

/* Before there is a test to fail. */
static void require(bool is_so, const char *what)
{
    if (!is_so)
        die("fp_test: %s", what);
}

/* -------------------------------------------------------- the rest of the lifter */

static LLVMValueRef status_slot;
static unsigned long helper_calls;

static uint64_t counted_call(struct cpu *cpu, uint64_t what, uint64_t a, uint64_t b,
                             uint64_t c)
{
    helper_calls++;
    return eval_fp_call(cpu, what, a, b, c);
}

static LLVMValueRef constant(struct lift *lift, unsigned width, uint64_t value)
{
    return LLVMConstInt(LLVMIntTypeInContext(lift->context, width), value, false);
}

static const struct isa_fpenv *env_of(const struct lift *lift)
{
    return &envs[calls[lift->nodes[LEAVES].d].env];
}

static LLVMValueRef status_place(struct lift *lift)
{
    const struct isa_fpenv *env = env_of(lift);
    const struct isa_file *file = &files[env->file];
    LLVMValueRef at = constant(
        lift, 64, CPU_STATE + file->offset + (uint64_t)env->index * file->stride);

    return LLVMBuildGEP2(lift->builder, LLVMInt8TypeInContext(lift->context), lift->cpu,
                         &at, 1, "");
}

static void load_status(struct lift *lift)
{
    const struct isa_file *file = &files[env_of(lift)->file];
    LLVMTypeRef stored = LLVMIntTypeInContext(lift->context, file->stride * 8u);
    LLVMTypeRef seen = LLVMIntTypeInContext(lift->context, file->width);
    LLVMValueRef status = LLVMBuildLoad2(lift->builder, stored, status_place(lift), "");

    status = LLVMBuildIntCast2(lift->builder, status, seen, false, "");
    LLVMBuildStore(lift->builder, status, status_slot);
}

LLVMValueRef lift_get(struct lift *lift, unsigned file, unsigned index)
{
    require(file == env_of(lift)->file, "file");
    require(index == env_of(lift)->index, "index");
    return LLVMBuildLoad2(lift->builder,
                          LLVMIntTypeInContext(lift->context, files[file].width),
                          status_slot, "");
}

void lift_put(struct lift *lift, unsigned file, unsigned index, LLVMValueRef value)
{
    (void)lift, (void)file, (void)index, (void)value;
    require(false, "flags are the helper's");
}

/* The element with the flags, at the end. */
static void store_gathered(struct lift *lift)
{
    const struct isa_fpenv *env = env_of(lift);
    unsigned width = files[env->file].stride * 8u;
    LLVMTypeRef type = LLVMIntTypeInContext(lift->context, width);
    LLVMValueRef status = lift_fp_gathered(lift, lift_get(lift, env->file, env->index));
    LLVMValueRef place = status_place(lift);
    LLVMValueRef around =
        LLVMBuildAnd(lift->builder, LLVMBuildLoad2(lift->builder, type, place, ""),
                     constant(lift, width, ~mask64(files[env->file].width)), "");

    status = LLVMBuildIntCast2(lift->builder, status, type, false, "");
    LLVMBuildStore(lift->builder, LLVMBuildOr(lift->builder, around, status, ""), place);
}

LLVMBasicBlockRef lift_block(struct lift *lift, const char *name)
{
    return LLVMAppendBasicBlockInContext(lift->context, lift->function, name);
}

void lift_at(struct lift *lift, LLVMBasicBlockRef block)
{
    LLVMPositionBuilderAtEnd(lift->builder, block);
}

void lift_branch(struct lift *lift, LLVMValueRef condition, LLVMBasicBlockRef yes,
                 LLVMBasicBlockRef no, bool is_likely)
{
    LLVMValueRef branch = LLVMBuildCondBr(lift->builder, condition, yes, no);
    LLVMMetadataRef weights[] = {
        LLVMMDStringInContext2(lift->context, "branch_weights", 14),
        LLVMValueAsMetadata(constant(lift, 32, is_likely ? 2000 : 1)),
        LLVMValueAsMetadata(constant(lift, 32, is_likely ? 1 : 2000)),
    };

    LLVMSetMetadata(branch, LLVMGetMDKindIDInContext(lift->context, "prof", 4),
                    LLVMMetadataAsValue(lift->context,
                                        LLVMMDNodeInContext2(lift->context, weights, 3)));
}

LLVMValueRef lift_call_fp(struct lift *lift, uint32_t node, LLVMValueRef round,
                          const LLVMValueRef operands[3])
{
    LLVMTypeRef word = LLVMInt64TypeInContext(lift->context);
    LLVMTypeRef pointer = LLVMPointerTypeInContext(lift->context, 0);
    LLVMTypeRef types[] = { pointer, word, word, word, word };
    LLVMTypeRef type = LLVMFunctionType(word, types, COUNT(types), false);
    LLVMBuilderRef b = lift->builder;
    LLVMValueRef fn = LLVMBuildIntToPtr(
        b, constant(lift, 64, (uint64_t)(uintptr_t)counted_call), pointer, "");
    LLVMValueRef what = LLVMBuildShl(b, round, constant(lift, 64, EVAL_FP_ROUND), "");
    LLVMValueRef result;
    unsigned width = nodes[node - (node % CASE_NODES) + nodes[node].a].w;

    what = LLVMBuildOr(b, what,
                       constant(lift, 64, node | (uint64_t)width << EVAL_FP_WIDTH), "");
    result = LLVMBuildCall2(
        b, type, fn,
        (LLVMValueRef[]){ lift->cpu, what, operands[0], operands[1], operands[2] },
        COUNT(types), "");
    if (env_of(lift)->file != ISA_NONE)
        load_status(lift);
    return result;
}

/* ------------------------------------------------------------------------ compiling */

static void die_of(LLVMErrorRef error)
{
    require(!error, error ? LLVMGetErrorMessage(error) : "");
}

static void lift_case(struct lift *lift, unsigned number)
{
    const struct test_case *test = &cases[number];
    const struct isa_fpenv *env = &envs[test->call.env];
    unsigned last = LEAVES;

    variant.body.first = number * CASE_NODES;
    lift->variant = &variant;
    lift->nodes = &nodes[number * CASE_NODES];
    if (env->file != ISA_NONE) {
        status_slot = LLVMBuildAlloca(
            lift->builder, LLVMIntTypeInContext(lift->context, files[env->file].width),
            "");
        load_status(lift);
    }
    lift->host_flags = NULL;
    lift->gathered = test->gathers ? test->call.env : -1;
    if (lift_gathers(lift))
        lift_fp_enter(lift, lift_get(lift, env->file, env->index));
    for (unsigned i = 0; i < LEAVES; i++)
        lift->values[i] = LLVMBuildIntCast2(
            lift->builder, LLVMGetParam(lift->function, i + 1),
            LLVMIntTypeInContext(lift->context, lift->nodes[i].w), false, "");
    for (; last < LEAVES + (test->is_chain ? 2u : 1u); last++) {
        lift->pushed[0] = LLVMGetParam(lift->function, 4);
        lift->npushed = 1;
        lift_fp(lift, last);
        require(!lift->why, "lift->why");
        require(LLVMGetIntTypeWidth(LLVMTypeOf(lift->values[last])) ==
                    lift->nodes[last].w,
                "width");
    }
    if (lift_gathers(lift))
        store_gathered(lift);
    LLVMBuildRet(lift->builder,
                 LLVMBuildIntCast2(lift->builder, lift->values[last - 1],
                                   LLVMInt64TypeInContext(lift->context), false, ""));
}

static void add_function(struct lift *lift, unsigned number)
{
    LLVMTypeRef word = LLVMInt64TypeInContext(lift->context);
    LLVMTypeRef types[] = { LLVMPointerTypeInContext(lift->context, 0), word, word, word,
                            word };
    char name[16];

    snprintf(name, sizeof name, "case%u", number);
    lift->function = LLVMAddFunction(lift->module, name,
                                     LLVMFunctionType(word, types, COUNT(types), false));
    lift->cpu = LLVMGetParam(lift->function, 0);
    lift_at(lift, lift_block(lift, "entry"));
    lift_case(lift, number);
}

static LLVMTargetMachineRef host_machine(void)
{
    char *triple = LLVMGetDefaultTargetTriple(), *cpu = LLVMGetHostCPUName();
    char *features = LLVMGetHostCPUFeatures(), *error;
    LLVMTargetMachineRef machine;
    LLVMTargetRef target;

    if (LLVMGetTargetFromTriple(triple, &target, &error))
        require(false, error);
    machine =
        LLVMCreateTargetMachine(target, triple, cpu, features, LLVMCodeGenLevelDefault,
                                LLVMRelocPIC, LLVMCodeModelJITDefault);
    LLVMDisposeMessage(triple);
    LLVMDisposeMessage(cpu);
    LLVMDisposeMessage(features);
    return machine;
}

static void optimize(struct lift *lift, LLVMTargetMachineRef machine)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();

    die_of(LLVMRunPasses(lift->module,
                         "verify,function(mem2reg,early-cse,simplifycfg,jump-threading,"
                         "instcombine,gvn,simplifycfg)",
                         machine, options));
    for (LLVMValueRef f = LLVMGetFirstFunction(lift->module); f;
         f = LLVMGetNextFunction(f))
        lift_fp_spread(f, lift->builder);
    die_of(LLVMRunPasses(lift->module, "verify", machine, options));
    LLVMDisposePassBuilderOptions(options);
}

static LLVMOrcLLJITRef jit;

static void compile_cases(void)
{
    LLVMOrcThreadSafeContextRef context = LLVMOrcCreateNewThreadSafeContext();
    LLVMTargetMachineRef machine;
    LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
    struct lift lift = { .isa = &isa, .request = &request };

    LLVMInitializeNativeAsmPrinter();
    machine = host_machine();
    lift.context = LLVMOrcThreadSafeContextGetContext(context);
    lift.module = LLVMModuleCreateWithNameInContext("fp_test", lift.context);
    lift.builder = LLVMCreateBuilderInContext(lift.context);
    for (unsigned i = 0; i < ncases; i++)
        add_function(&lift, i);
    optimize(&lift, machine);
    LLVMDisposeBuilder(lift.builder);
    LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(
        builder, LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(machine));
    die_of(LLVMOrcCreateLLJIT(&jit, builder));
    die_of(LLVMOrcLLJITAddLLVMIRModule(
        jit, LLVMOrcLLJITGetMainJITDylib(jit),
        LLVMOrcCreateNewThreadSafeModule(lift.module, context)));
    LLVMOrcDisposeThreadSafeContext(context); /* the module shares it */
    for (unsigned i = 0; i < ncases; i++) {
        LLVMOrcExecutorAddress address;
        char name[16];

        snprintf(name, sizeof name, "case%u", i);
        die_of(LLVMOrcLLJITLookup(jit, &address, name));
        cases[i].fast = (function *)(uintptr_t)address;
    }
}

/* ---------------------------------------------------------------------------- cases */

enum { ROUND_PUSHED = ISA_NONE };

static unsigned format_width(unsigned format)
{
    return format == FMT_F64 ? 64 : format == FMT_F32 ? 32 : 16;
}

static uint8_t find_call(const struct isa_fpcall *call)
{
    for (unsigned i = 0; i < ncalls; i++)
        if (!memcmp(&calls[i], call, sizeof *call))
            return (uint8_t)i;
    require(ncalls < MAX_CALLS, "ncalls");
    calls[ncalls] = *call;
    return (uint8_t)ncalls++;
}

static void add_nodes(const struct test_case *test)
{
    struct sem *at = &nodes[ncases * CASE_NODES];
    unsigned width = format_width(test->call.format);
    struct sem node = { .op = S_FP, .x = test->op, .w = test->w, .a = 0, .b = 1, .c = 2 };

    node.d = find_call(&test->call);
    for (unsigned i = 0; i < LEAVES; i++)
        at[i] = (struct sem){ .op = S_ARG, .a = (uint16_t)i, .w = (uint8_t)width };
    at[0].w = test->width_a;
    if (test->op == FPOP_SCALB)
        at[1].w = 13;
    at[LEAVES] = node;
    node.x = FPOP_ADD, node.a = LEAVES, node.b = 2, node.c = ISA_NONE;
    at[LEAVES + 1] = node;
}

/* In an environment of the simple kind, and in one of the others; with and without the
 * host's register for the flags. */
static void add_case(struct test_case test)
{
    static unsigned turn;

    for (unsigned i = 0; i < 4; i++) {
        const struct lift lift = { .request = &request };

        if (i % 2 == 0)
            test.call.env = (uint16_t)(i ? 1 + turn++ % (ENVS - 1) : ENV_SIMPLE);
        test.gathers = i % 2;
        if (test.gathers && !lift_fp_can_gather(&lift, &envs[test.call.env]))
            continue;
        require(ncases < MAX_CASES, "ncases");
        cases[ncases] = test;
        add_nodes(&test);
        ncases++;
    }
}

static void add_rounded(struct test_case test, const uint16_t *rounds, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        test.call.round = rounds[i];
        add_case(test);
    }
}

static void add_integers(struct test_case test)
{
    static const uint16_t rounds[] = { FP_RNE, FP_RTZ, FP_RDN,      FP_RUP,
                                       FP_RMM, FP_ROD, ROUND_PUSHED };
    static const uint8_t widths[] = { 16, 32, 64 };
    bool is_from = test.op == FPOP_FROM_SINT || test.op == FPOP_FROM_UINT;

    for (unsigned i = 0; i < COUNT(widths); i++) {
        test.w = is_from ? (uint8_t)format_width(test.call.format) : widths[i];
        test.width_a = is_from ? widths[i] : (uint8_t)format_width(test.call.format);
        add_rounded(test, rounds, COUNT(rounds));
    }
}

static bool is_comparison(unsigned op)
{
    return op >= FPOP_EQ && op <= FPOP_UNORD;
}

static void add_operation(unsigned op, unsigned format)
{
    static const uint16_t rounds[] = { FP_RNE, FP_RUP, ROUND_PUSHED };
    struct test_case test = { .op = (uint8_t)op, .call.format = (uint8_t)format };

    test.w = test.width_a = (uint8_t)format_width(format);
    test.call.format2 = format == FMT_F64 ? FMT_F32 : FMT_F64;
    if (op >= FPOP_TO_SINT && op <= FPOP_FROM_UINT) {
        add_integers(test);
        return;
    }
    if (op == FPOP_CVT)
        test.w = (uint8_t)format_width(test.call.format2);
    if (is_comparison(op))
        test.w = 1;
    if (op == FPOP_TO_SINT_MOD && format != FMT_F64)
        return;
    add_rounded(test, rounds, op <= FPOP_FNMS || op == FPOP_CVT ? COUNT(rounds) : 1);
    test.is_chain = true;
    if (op == FPOP_MUL)
        add_rounded(test, rounds, 1);
}

static void add_cases(void)
{
    static const uint8_t formats[] = { FMT_F64, FMT_F32 };

    for (unsigned i = 0; i < COUNT(formats); i++)
        for (unsigned op = 0; op < FPOPS; op++)
            add_operation(op, formats[i]);
    add_operation(FPOP_ADD, FMT_F16);
}

/* ------------------------------------------------------------------------- operands */

static uint64_t float_of(int64_t n, unsigned format)
{
    struct fp_env env = { .rules = FP_RULES_RISCV };

    return format == FMT_F64   ? fp_int_to_f64((uint64_t)n, 64, true, &env)
           : format == FMT_F32 ? fp_int_to_f32((uint64_t)n, 64, true, &env)
                               : fp_int_to_f16((uint64_t)n, 64, true, &env);
}

/* Adds to the exponent of a number. */
static uint64_t scaled(uint64_t a, int by, unsigned format)
{
    return a ? a + ((uint64_t)(int64_t)by << (format == FMT_F64   ? 52
                                              : format == FMT_F32 ? 23
                                                                  : 10))
             : a;
}

static unsigned exp_bits(unsigned format)
{
    return format == FMT_F64 ? 11 : format == FMT_F32 ? 8 : 5;
}

static unsigned frac_bits(unsigned format)
{
    return format_width(format) - 1 - exp_bits(format);
}

static uint64_t special(unsigned format)
{
    unsigned frac = frac_bits(format);
    uint64_t top = UINT64_C(1) << frac, inf = ((UINT64_C(1) << exp_bits(format)) - 1)
                                              << frac;
    const uint64_t all[] = { 0,        0,   1,       top - 1,       top,
                             2 * top,  inf, inf + 1, inf + top / 2, inf - 1,
                             inf - top };

    return all[below(COUNT(all))] | (random64() & 1) << (format_width(format) - 1);
}

/* Near the ends of integer types, and halves. */
static uint64_t near_integer(unsigned format)
{
    static const uint8_t ends[] = { 15, 16, 31, 32, 53, 62, 63, 24 };
    int64_t n;

    if (below(2))
        return scaled(float_of((int64_t)random64() >> below(64), format), -(int)below(4),
                      format);
    n = (int64_t)((UINT64_C(1) << ends[below(COUNT(ends))]) + below(7) - 3);
    return scaled(float_of(below(2) ? n : (int64_t)(0 - (uint64_t)n), format),
                  -(int)below(2), format) +
           below(3) - 1;
}

static uint64_t near_product(const uint64_t *v, unsigned format)
{
    struct fp_env env = { .rules = FP_RULES_RISCV };
    uint64_t product = format == FMT_F64
                           ? fp_f64_mul(v[0], v[1], &env)
                           : fp_f32_mul((uint32_t)v[0], (uint32_t)v[1], &env);

    return random_near(product ^ UINT64_C(1) << (format_width(format) - 1),
                       exp_bits(format), frac_bits(format));
}

static uint64_t ordinary(unsigned format)
{
    int64_t n = (int64_t)random64() >> below(64);

    return float_of(below(4) ? n : n / 0x10000, format);
}

/* A double near a float. */
static uint64_t near_narrow(void)
{
    struct fp_env env = { .rules = FP_RULES_RISCV };
    uint64_t a = fp_f32_to_f64(below(4) ? random_f32() : 0x00800000, &env);

    return below(2) ? a + below(3) - 1 : a ^ random_fraction(30);
}

static uint64_t any_float(unsigned format)
{
    switch (below(7)) {
    case 0: return special(format);
    case 1: return near_integer(format);
    case 2: return ordinary(format);
    case 3:
        if (format == FMT_F64)
            return near_narrow();
        /* fall through */
    default: return random_float(exp_bits(format), frac_bits(format));
    }
}

static void choose(struct operands *in, const struct test_case *test)
{
    unsigned format = test->call.format, how = below(4);

    for (unsigned i = 0; i < 3; i++)
        in->v[i] = how ? any_float(format) : ordinary(format);
    if (how == 1)
        in->v[1] = random_near(in->v[0], exp_bits(format), frac_bits(format));
    if (below(4) == 0 && format != FMT_F16)
        in->v[2] = near_product(in->v, format);
    if (test->op == FPOP_CVT && format == FMT_F64 && below(2))
        in->v[0] = near_narrow();
    if (test->op == FPOP_FROM_SINT || test->op == FPOP_FROM_UINT)
        in->v[0] = below(2) ? random_fraction(64) : random64() >> below(64);
    if (test->op == FPOP_SCALB)
        in->v[1] = random64();
    for (unsigned i = 0; i < 3; i++)
        in->v[i] &= mask64(nodes[(test - cases) * CASE_NODES + i].w);
    in->status = below(2) ? UINT64_MAX >> below(64) : random64();
    if (below(3) == 0)
        in->status = 0;
    in->round = (uint8_t)(below(2) ? FP_RNE : below(7));
}

/* -------------------------------------------------------------------------- running */

static struct cpu *cpus[2]; /* fast, soft */

static void prepare(struct cpu *cpu, const struct operands *in)
{
    memset(cpu_state(cpu), 0x55, STATE);
    for (unsigned i = 0; i < COUNT(files); i++)
        for (unsigned k = 0; k < files[i].count; k++)
            state_put(cpu, i, k, 0, files[i].width, u128(0, in->status));
}

static uint64_t run_soft(struct cpu *cpu, const struct test_case *test,
                         const struct operands *in)
{
    uint64_t node = (uint64_t)(test - cases) * CASE_NODES + LEAVES, r;
    uint64_t round = test->call.round == ROUND_PUSHED ? in->round : test->call.round;
    uint64_t b = in->v[1],
             more = round << EVAL_FP_ROUND | (uint64_t)test->width_a << EVAL_FP_WIDTH;

    if (test->op == FPOP_SCALB)
        b = sext64(b, nodes[node - LEAVES + 1].w);
    r = eval_fp_call(cpu, node | more, in->v[0], b, in->v[2]);
    return test->is_chain ? eval_fp_call(cpu, (node + 1) | more, r, in->v[2], 0) : r;
}

static void compare_one(const struct test_case *test)
{
    struct operands in;
    uint64_t got, want;

    choose(&in, test);
    for (unsigned i = 0; i < 2; i++)
        prepare(cpus[i], &in);
    got = test->fast(cpus[0], in.v[0], in.v[1], in.v[2], in.round | 0x100);
    want = run_soft(cpus[1], test, &in);
    if (got != want || memcmp(cpu_state(cpus[0]), cpu_state(cpus[1]), STATE))
        ck_abort_msg("operation %u%s format %u env %u round %u (%u) widths %u, %u: "
                     "%s (%" PRIx64 ", %" PRIx64 ", %" PRIx64 ") status %" PRIx64
                     ": got %" PRIx64 ", want %" PRIx64 "%s",
                     test->op, test->is_chain ? " and add" : "", test->call.format,
                     test->call.env, test->call.round, in.round, test->width_a, test->w,
                     test->gathers ? "gathered" : "", in.v[0], in.v[1], in.v[2],
                     in.status, got, want, got == want ? ", but other flags" : "");
}

START_TEST(code_and_evaluator_agree)
{
    const char *text = getenv("RHEA_FP_OPS");
    unsigned long n = text ? strtoul(text, NULL, 10) : 4000000;

    for (unsigned long i = 0; i < n; i++)
        compare_one(&cases[i % ncases]);
}
END_TEST

/* Operations that have no way by the host's FPU. */
static bool is_for_helper(const struct test_case *test)
{
    switch (test->op) {
    case FPOP_FMA:
    case FPOP_FMS:
    case FPOP_FNMA:
    case FPOP_FNMS: /* needs an instruction of the host */
    case FPOP_RINT:
    case FPOP_RINTX:
    case FPOP_CLASS:
    case FPOP_SCALB:
    case FPOP_LOGB:
    case FPOP_REM:
    case FPOP_TO_SINT_MOD: return true;
    default: return test->call.format == FMT_F16 || test->call.round != FP_RNE;
    }
}

/* Positive integers with integer results, all of few digits. */
static void choose_exact(struct operands *in, const struct test_case *test)
{
    bool is_integer = test->op == FPOP_FROM_SINT || test->op == FPOP_FROM_UINT;
    int64_t n[3] = { below(2000), below(2000), below(2000) };

    if (test->op == FPOP_SQRT)
        n[0] *= n[0] * (test->call.format == FMT_F64 ? 19321 * 19321 : 1);
    if (test->op == FPOP_DIV)
        n[0] *= ++n[1];
    for (unsigned k = 0; k < 3; k++)
        in->v[k] = is_integer ? (uint64_t)n[k] : float_of(n[k], test->call.format);
}

static unsigned long calls_of(const struct test_case *test, uint64_t status)
{
    struct operands in = { .status = status };
    unsigned long before = helper_calls;

    for (unsigned i = 0; i < 100; i++) {
        choose_exact(&in, test);
        prepare(cpus[0], &in);
        test->fast(cpus[0], in.v[0], in.v[1], in.v[2], FP_RNE);
    }
    return helper_calls - before;
}

START_TEST(exact_results_need_no_helper)
{
    for (unsigned i = 0; i < ncases; i++) {
        const struct test_case *test = &cases[i];

        for (unsigned status = 0; status < 2; status++)
            ck_assert_msg(test->call.env != ENV_SIMPLE || is_for_helper(test) ||
                              !calls_of(test, status),
                          "operation %u format %u widths %u, %u status %u", test->op,
                          test->call.format, test->width_a, test->w, status);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { code_and_evaluator_agree,
                                   exact_results_need_no_helper };
    int status;

    for (unsigned i = 0; i < 2; i++) {
        cpus[i] = calloc(1, CPU_STATE + STATE);
        cpus[i]->isa = &isa;
    }
    LLVMInitializeNativeTarget();
    request.fp_flags = host_fp_flags();
    request.has_fma = host_has_fma();
    add_cases();
    compile_cases();
    status = run_cases_within("llvmjit fp", NO_LIMIT, tests, COUNT(tests));
    die_of(LLVMOrcDisposeLLJIT(jit));
    for (unsigned i = 0; i < 2; i++)
        free(cpus[i]);
    return status;
}
