/* compile.c - what the module offers: a request in, machine code out. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <llvm-c/Support.h>
#include <llvm-c/Target.h>
#include <llvm-c/TargetMachine.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <llvm/Config/llvm-config.h>

#include "llvmjit/disassemble.h"
#include "llvmjit/lift_parts.h"
#include "llvmjit/object.h"

#define PASSES                                                                           \
    "function(mem2reg,early-cse,simplifycfg,jump-threading,"                             \
    "instcombine<no-verify-fixpoint>,gvn,simplifycfg)"

extern const struct region_compiler rhea_region_compiler;

/* ------------------------------------------------------------------------- LLVM */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static LLVMTargetRef target;
static char *triple, *cpu_features;

/* LLVM's own options, separated by blanks.  Loop strength reduction costs 4% of the time
 * of compiling, and makes more variables of guest registers that must be stored anyway.
 */
static void parse_options(void)
{
    const char *given = getenv("RHEA_LLVM_OPTIONS"), *args[16] = { "rhea" };
    char *options = strdup(given ? given : "-disable-lsr");
    int count = 1;

    if (!options)
        return;
    for (char *word = strtok(options, " "); word && count < 16; word = strtok(NULL, " "))
        args[count++] = word;
    LLVMParseCommandLineOptions(count, args, NULL);
    free(options);
}

static void start(void)
{
    char *error = NULL;

    parse_options();

    LLVMInitializeNativeTarget();
    LLVMInitializeNativeAsmPrinter();
    LLVMInitializeNativeDisassembler();
    triple = LLVMGetDefaultTargetTriple();
    cpu_features = LLVMGetHostCPUFeatures();
    if (LLVMGetTargetFromTriple(triple, &target, &error)) {
        target = NULL;
        LLVMDisposeMessage(error);
    }
}

/* One that nobody uses: to make one takes longer than to compile a small region. */
static LLVMTargetMachineRef spare;

/* What the host can do, but no model of its pipeline: scheduling by one costs an eighth
 * of the time of compiling, and gains nothing here. */
static LLVMTargetMachineRef take_machine(void)
{
    const char *level = getenv("RHEA_LLVM_CODEGEN");
    int number = level ? atoi(level) : LLVMCodeGenLevelDefault;
    LLVMTargetMachineRef machine = __atomic_exchange_n(&spare, NULL, __ATOMIC_ACQ_REL);

    pthread_once(&once, start);
    if (machine || !target)
        return machine;
    return LLVMCreateTargetMachine(target, triple, "generic", cpu_features,
                                   (LLVMCodeGenOptLevel)number, LLVMRelocPIC,
                                   LLVMCodeModelSmall);
}

static void keep_machine(LLVMTargetMachineRef machine)
{
    machine = __atomic_exchange_n(&spare, machine, __ATOMIC_ACQ_REL);
    if (machine)
        LLVMDisposeTargetMachine(machine);
}

/* ---------------------------------------------------------------------- lifting */

static void free_state(struct lift *lift)
{
    struct region_state *state = lift->state;

    if (state) {
        free(state->plan);
        free(state->link_is_back);
        free(state->element_of);
        free(state->first_of);
        free(state->is_double);
        free(state->is_used);
        free(state->insns);
        free(state->cells);
        free(state);
    }
    free(lift->elements);
}

/* The request's instructions, whose variants may become other ones. */
static bool copy_insns(struct lift *lift)
{
    struct region_state *state = lift->state;
    size_t size = lift->request->ninsns * sizeof *state->insns;

    state->insns = malloc(size);
    if (!state->insns)
        return false;
    memcpy(state->insns, lift->request->insns, size);
    state->request = *lift->request;
    state->request.insns = state->insns;
    lift->request = &state->request;
    return true;
}

static bool new_state(struct lift *lift, uint8_t *forced_side)
{
    const struct isa *isa = lift->isa;
    struct region_state *state = calloc(1, sizeof *state);
    uint32_t elements = 0;

    lift->state = state;
    if (!state)
        return false;
    state->forced_side = forced_side;
    state->plan = calloc(lift->request->ninsns, sizeof *state->plan);
    state->link_is_back = calloc(lift->request->nslots + 1, 1);
    state->first_of = calloc(isa->nfiles + 1u, sizeof *state->first_of);
    state->is_double = calloc(isa->nfiles + 1u, sizeof *state->is_double);
    state->is_used = calloc(isa->nflagfns + 1u, sizeof *state->is_used);
    lift->elements = calloc(MAX_ELEMENTS, sizeof *lift->elements);
    if (!state->plan || !state->link_is_back || !state->first_of || !state->is_double ||
        !state->is_used || !lift->elements || !copy_insns(lift))
        return false;
    for (unsigned f = 0; f < isa->nfiles; f++) {
        state->first_of[f] = elements;
        elements += isa->files[f].count;
    }
    state->element_of = malloc((elements + 1) * sizeof *state->element_of);
    if (!state->element_of)
        return false;
    memset(state->element_of, 0xff, (elements + 1) * sizeof *state->element_of);
    return true;
}

/* Leaves what could not be lifted, and all like it, to the interpreter.  false: that was
 * not it. */
static bool give_up_insn(const struct lift *lift, uint8_t *forced_side)
{
    const struct region_request *request = lift->request;

    if (!lift->insn || forced_side[lift->insn - request->insns])
        return false;
    for (uint32_t i = 0; i < request->ninsns; i++)
        if (request->insns[i].variant == lift->insn->variant)
            forced_side[i] = 1;
    return true;
}

static void begin(struct lift *lift, const struct region_request *request,
                  LLVMTargetMachineRef machine)
{
    LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(machine);

    memset(lift, 0, sizeof *lift);
    lift->request = request;
    lift->isa = request->isa;
    lift->gathered = -1;
    lift->context = LLVMContextCreate();
    lift->module = LLVMModuleCreateWithNameInContext("region", lift->context);
    lift->builder = LLVMCreateBuilderInContext(lift->context);
    LLVMSetModuleDataLayout(lift->module, layout);
    LLVMSetTarget(lift->module, triple);
    LLVMDisposeTargetData(layout);
}

static void end(struct lift *lift)
{
    LLVMDisposeBuilder(lift->builder);
    LLVMDisposeModule(lift->module);
    LLVMContextDispose(lift->context);
    free_state(lift);
}

static void rest(const struct region_request *request)
{
    if (request->rest)
        request->rest(request->context);
}

/* On return, if lift->why is NULL, the module has the region. */
static void lift_request(struct lift *lift, const struct region_request *request,
                         uint8_t *forced_side, LLVMTargetMachineRef machine)
{
    for (;;) {
        rest(request);
        begin(lift, request, machine);
        if (new_state(lift, forced_side))
            region_lift(lift);
        else
            lift->why = "out of memory";
        if (!lift->why || !give_up_insn(lift, forced_side))
            return;
        end(lift);
    }
}

/* --------------------------------------------------------------------- compiling */

static int take_message(char *message, char *why, size_t size)
{
    snprintf(why, size, "%s", message ? message : "LLVM says nothing");
    LLVMDisposeMessage(message);
    return -1;
}

static int run_passes(struct lift *lift, LLVMTargetMachineRef machine, char *why,
                      size_t size)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    const char *passes = getenv("RHEA_LLVM_PASSES");
    LLVMErrorRef error =
        LLVMRunPasses(lift->module, passes ? passes : PASSES, machine, options);
    char *message;

    LLVMDisposePassBuilderOptions(options);
    if (!error)
        return 0;
    message = LLVMGetErrorMessage(error);
    snprintf(why, size, "%s", message);
    LLVMDisposeErrorMessage(message);
    return -1;
}

/* The module as text, which is checked then, too. */
static char *print_ir(const struct lift *lift)
{
    char *text, *copy, *error = NULL;

    if (!lift->request->wants_ir)
        return NULL;
    LLVMVerifyModule(lift->module, LLVMAbortProcessAction, &error);
    LLVMDisposeMessage(error);
    text = LLVMPrintModuleToString(lift->module);
    copy = strdup(text);
    LLVMDisposeMessage(text);
    return copy;
}

static int make_object(struct lift *lift, LLVMTargetMachineRef machine,
                       LLVMMemoryBufferRef *buffer, struct region_code *code, char *why,
                       size_t size)
{
    char *error = NULL;

    rest(lift->request);
    if (run_passes(lift, machine, why, size))
        return -1;
    rest(lift->request);
    lift_fp_spread(lift->function, lift->builder);
    code->ir = print_ir(lift);
    if (LLVMTargetMachineEmitToMemoryBuffer(machine, lift->module, LLVMObjectFile, &error,
                                            buffer))
        return take_message(error, why, size);
    return 0;
}

/* --------------------------------------------------------------------- the result */

static void release(struct region_code *code)
{
    free(code->code);
    free(code->cells);
    free(code->entries);
    free(code->ir);
    free(code->out_asm);
    memset(code, 0, sizeof *code);
}

static int take_entries(const struct lift *lift, const uint8_t *file, size_t size,
                        const struct object *object, struct region_code *code)
{
    const struct region_request *request = lift->request;
    bool is_body = region_count_entries(lift) == 1;
    int64_t body = object_symbol(file, size, "body");

    code->entries = calloc(request->ninsns, sizeof *code->entries);
    if (!code->entries || body < 0)
        return -1;
    for (uint32_t i = 0; i < request->ninsns; i++) {
        uint32_t number = code->nentries;

        if (!lift->state->plan[i].is_entry)
            continue;
        code->entries[code->nentries++] = (struct region_entry){
            request->insns[i].pc - request->base,
            is_body ? (uint32_t)body : object->stubs + number * OBJECT_STUB_SIZE,
        };
    }
    return 0;
}

static int take_cells(const struct lift *lift, struct region_code *code)
{
    code->ncells = lift->state->ncells;
    code->cells = calloc(code->ncells + 1, sizeof *code->cells);
    if (!code->cells)
        return -1;
    for (unsigned i = 0; i < code->ncells; i++)
        code->cells[i] = lift->state->cells[i].is;
    return 0;
}

static int take_code(const struct lift *lift, LLVMMemoryBufferRef buffer,
                     struct region_code *code, char *why, size_t size)
{
    const uint8_t *file = (const uint8_t *)LLVMGetBufferStart(buffer);
    size_t file_size = LLVMGetBufferSize(buffer);
    unsigned count = region_count_entries(lift);
    struct object object;
    int64_t cells, base;

    if (object_link(file, file_size, count > 1 ? count : 0, &object, why, size))
        return -1;
    code->code = object.code;
    code->size = object.size;
    cells = object_symbol(file, file_size, "rhea_cells");
    base = object_symbol(file, file_size, "rhea_base");
    snprintf(why, size, "the object file lacks symbols");
    if (cells < 0 || base < 0 || take_entries(lift, file, file_size, &object, code) ||
        take_cells(lift, code))
        return -1;
    code->cells_at = (uint32_t)cells;
    code->base_at = (uint32_t)base;
    if (lift->request->wants_out_asm)
        code->out_asm = disassemble(triple, cpu_features, &object);
    return 0;
}

static bool is_sane(const struct region_request *request)
{
    for (uint32_t i = 0; i < request->ninsns; i++) {
        const struct region_insn *insn = &request->insns[i];

        if (insn->variant >= request->isa->nvariants ||
            (uint64_t)insn->slot + request->isa->variants[insn->variant].slots >
                request->nslots ||
            insn->next >= (int32_t)request->ninsns ||
            insn->behind >= (int32_t)request->ninsns ||
            insn->guess_insn >= (int32_t)request->ninsns ||
            insn->return_insn >= (int32_t)request->ninsns)
            return false;
    }
    for (uint32_t i = 0; i < request->nslots; i++)
        if (request->slots[i].insn >= (int32_t)request->ninsns)
            return false;
    return request->ninsns > 0 && request->ninsns < INT16_MAX;
}

/* With all that is needed at hand. */
static int compile_with(LLVMTargetMachineRef machine, struct lift *lift,
                        const struct region_request *request, uint8_t *forced_side,
                        struct region_code *code, char *why, size_t size)
{
    LLVMMemoryBufferRef buffer = NULL;
    int failed = -1;

    lift_request(lift, request, forced_side, machine);
    if (lift->why)
        snprintf(why, size, "%s", lift->why);
    else
        failed = make_object(lift, machine, &buffer, code, why, size);
    if (!failed) {
        failed = take_code(lift, buffer, code, why, size);
        LLVMDisposeMemoryBuffer(buffer);
    }
    end(lift);
    return failed;
}

static int compile(const struct region_request *request, struct region_code *code,
                   char *why, size_t size)
{
    LLVMTargetMachineRef machine = take_machine();
    uint8_t *forced_side = calloc(request->ninsns + 1u, 1);
    struct lift *lift = malloc(sizeof *lift);
    int failed = -1;

    memset(code, 0, sizeof *code);
    if (!is_sane(request))
        snprintf(why, size, "the request makes no sense");
    else if (!machine || !lift || !forced_side)
        snprintf(why, size, "%s", machine ? "out of memory" : "LLVM has no such host");
    else
        failed = compile_with(machine, lift, request, forced_side, code, why, size);
    if (machine)
        keep_machine(machine);
    free(lift);
    free(forced_side);
    if (failed)
        release(code);
    return failed;
}

__attribute__((visibility("default")))
const struct region_compiler rhea_region_compiler = {
    .version = REGION_VERSION,
    .name = "LLVM " LLVM_VERSION_STRING,
    .compile = compile,
    .release = release,
};
