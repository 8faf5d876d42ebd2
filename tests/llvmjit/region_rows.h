/* region_rows.h - what region_test.c makes regions of: a guest, rows of its instructions,
 * taken at random or from text, and what is in its registers.
 *
 * A row is the arrays of a struct region_request, beside what the evaluator runs: the
 * bytes in guest.code.  Nothing here compiles or runs one. */
#ifndef RHEA_REGION_ROWS_H
#define RHEA_REGION_ROWS_H

#include "interp/region.h"
#include "isa/decode.h"

enum { PAGE = 0x1000, MAX_INSNS = 72 };

/* The one at hand. */
extern struct guest {
    const struct isa *isa;
    struct cpu *cpu;           /* what every run of a row begins with */
    uint64_t code_at, data_at; /* addresses of pages */
    unsigned code_size;        /* bytes there that instructions may take */
    bool *is_fixed;            /* by file: its registers say which mode it is */
    uint8_t code[PAGE];
} guest;

void guest_start(const struct isa *isa);
void guest_finish(void);
/* A CPU in the mode of an example, of this instruction if it has one. */
void guest_choose_mode(uint16_t insn);

struct row {
    unsigned count, nslots;
    struct region_insn insns[MAX_INSNS];
    struct region_slot slots[MAX_INSNS * 16];
    struct isa_decoded decoded[MAX_INSNS];
    unsigned size;   /* bytes of code */
    bool is_scan;    /* a loop that goes through memory until it faults */
    bool is_leaping; /* it has a jump to where a1 says */
    bool is_precise, counts;
};

/* `variant` somewhere in a row of others.  false: it has no instruction. */
bool row_make(struct row *row, uint32_t variant);
/* One instruction after the other, the first one an entry; ended by NULL. */
void row_of_texts(struct row *row, const char *const *texts);
/* Which instruction is at pc, or REGION_NONE. */
int32_t row_find(const struct row *row, uint64_t pc);
/* Whether it is a call that tells where its return leads. */
bool row_has_call(const struct row *row, int32_t insn, uint64_t *back);
/* Where control goes after `at`, which has been executed and led to pc: an instruction,
 * or REGION_NONE.  Calls are remembered for their returns. */
int32_t row_follow(const struct row *row, int32_t at, uint64_t pc);
void row_forget_calls(void);
const char *row_name(const struct row *row, int32_t insn);
void row_print(const struct row *row); /* to stderr */

/* Numbers and addresses; for some rows addresses that often fault. */
void guest_fill_registers(const struct row *row);

/* Once in `of` times. */
bool chance(unsigned of);

#endif
