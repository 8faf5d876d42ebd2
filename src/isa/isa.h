/* isa.h - an instruction set as data: what isagen makes of a spec.
 *
 * One `struct isa` is one target of a spec (riscv64, riscv32, ...).  It is read by the
 * decoder, printer, assembler, tree evaluator, interpreter and JIT, and it is the same
 * whether it was compiled in (isagen wrote it out as constant C data) or made at run
 * time from a spec file.  Nothing here knows a guest's name.
 *
 * Everything is indices and plain values: only `struct isa` itself holds pointers, so a
 * table that is compiled in needs no relocation, and targets of one family share what is
 * equal.  A run of elements of an array is named by the first one, with a count beside it
 * ("first of isa->slots").  Text is a position in isa->strings; isa_string() makes a C
 * string of it.  Where there are thousands of rows such positions have 24 bits.  All
 * arrays are owned by whoever made the struct and are never written after that.  The
 * language: docs/isa-language.md. */
#ifndef RHEA_ISA_H
#define RHEA_ISA_H

#include <stdbool.h>
#include <stdint.h>

enum {
    ISA_NONE = 0xffff,      /* "no index" in 16-bit fields */
    ISA_MAX_FIELDS = 48,    /* decode-time fields of one instruction */
    ISA_MAX_ILEN = 16,      /* bytes of the longest instruction */
    ISA_MAX_FEATURES = 256, /* features of one isa */
    ISA_FLAG_GROUPS = 32,   /* of which flags are followed from op to op */
};

/* --------------------------------------------------------------- semantic nodes */

/* A body is a run of nodes in execution order.  A node that yields a value is named by
 * its position in the body; a, b, c name operands so.  Values are `w` bits wide
 * (1..64, or 65..128), unsigned, with all bits above `w` zero.  Statements have w = 0.
 * Values made inside IF or LOOP are not used outside of it: locals carry those. */
struct sem {
    uint8_t op; /* enum sem_op */
    uint8_t x;  /* small extra, see the op */
    uint8_t w;  /* width of the value in bits, 0 for a statement */
    uint8_t d;  /* the number of a row, see the op */
    uint16_t a, b, c;
};

/* clang-format off */
enum sem_op {
    S_NOP,
    /* --- leaves; FIELD, PC, ILEN, MODE only where all is known at decode time */
    S_CONST,  /* consts[a | b << 16], for w > 64 the next one holds the high half */
    S_FIELD,  /* a: field number of the instruction (its operand value, see isa_field) */
    S_PC,     /* address of the instruction */
    S_ILEN,   /* its length in bytes */
    S_MODE,   /* a: mode number */
    S_SLOT,   /* a: slot number of the variant: a value packed into the op */
    S_ARG,    /* a: argument number of a flagfn, fn, sysreg or example body */
    S_LOCAL,  /* a: local variable */
    /* --- state */
    S_GET,    /* a: slot number of kind SLOT_READ */
    S_GETF,   /* a: file, b: element (constant) */
    S_GETX,   /* a: file, b: node, the element; taken modulo the file's count */
    S_PUT,    /* a: slot number of kind SLOT_WRITE, b: value */
    S_PUTF,   /* a: file, b: element, c: value */
    S_PUTX,   /* a: file, b: node, the element modulo count, c: value */
    S_SETL,   /* a: local, b: value */
    S_FLAG,   /* a: flag group, b: flag; settles a lazy flag */
    S_SETFLAGS, /* d: flagfn, a, b, c: arguments (ISA_NONE where fewer) */
    /* --- memory; x: access number (isa->accesses) */
    S_LD,     /* a: address */
    S_ST,     /* a: address, b: value; the width stored is the width of b */
    S_AMO,    /* a: address, b: value, d: enum sem_amo; yields the old value */
    S_CAS,    /* a: address, b: expected, c: new; yields the old value */
    S_RESERVE, /* a: address; loads and reserves */
    S_STCOND, /* a: address, b: value; yields 1 bit: 1 = stored */
    S_FENCE,  /* x: bits of enum sem_fence */
    /* --- integer; both operands as wide as the result unless said */
    S_ADD, S_SUB, S_MUL,
    S_DIVU, S_DIVS, S_REMU, S_REMS, /* never trap here: x/0 = 0, x%0 = x; MIN/-1 = MIN, MIN%-1 = 0 */
    S_AND, S_OR, S_XOR, S_NOT, S_NEG,
    S_SHL, S_SHRU, S_SHRS, /* b: amount of any width, known to be < w */
    S_ROTL, S_ROTR,        /* b: amount of any width, taken modulo w */
    S_EQ, S_NE, S_LTU, S_LTS, S_LEU, S_LES, /* w = 1; operands of one width */
    S_ZEXT, S_SEXT,        /* a: narrower value */
    S_EXTRACT,             /* a: value, b: lowest bit (a number), w bits from there */
    S_CONCAT,              /* a: high part, b: low part */
    S_SELECT,              /* a: 1 bit, b: if set, c: if clear */
    S_CLZ, S_CTZ, S_POPCNT, S_BSWAP, S_BITREV, /* CLZ and CTZ of 0 are w; result as wide as a */
    S_PARITY,              /* w = 1: 1 if the number of set bits is even (x86's sense) */
    S_CLMUL,               /* carry-less product; low w bits */
    /* --- floating point; values are raw bits */
    S_FP,     /* x: enum sem_fp, a, b, c: operands, d: fpcall (format, environment) */
    /* --- control */
    S_IF,     /* a: 1 bit */
    S_ELSE,
    S_END,    /* ends IF or LOOP */
    S_LOOP,   /* a: local that counts, b: first, c: end (exclusive); x: 1 = lanes: the
                 iterations are independent.  The local has the width of b. */
    S_GOTO,   /* a: node (x & GOTO_DIRECT: slot number of kind SLOT_LINK); ends the body.
                 a call's b: slot number of kind SLOT_RETURN, or NONE.
                 x: enum sem_goto */
    S_TRAP,   /* a: trap, b, c: argument nodes or ISA_NONE; ends the body */
    S_ANNUL,  /* the delay slot is skipped; ends the body */
    S_REPEAT, /* run this instruction again (string operations); ends the body */
    S_PUSH,   /* a: value: next argument of the following S_HELPER */
    S_HELPER, /* a: helper number; its value if w > 0 */
    /* --- vectors: lane b (a node) of the element that slot a names, w bits a lane.  Lanes go
       on into the next elements of the file (register groups). */
    S_GETL,   /* a: slot number of kind SLOT_READ, b: lane */
    S_PUTL,   /* a: slot number of kind SLOT_WRITE, b: lane, c: value */
    /* --- the rest of the state */
    S_SETTLE,   /* a: flag group: lazy flags become settled ones, before a S_PUTF on its bits */
    S_SYSREAD,  /* a: node, number of a system register; may trap (isa->sysreg_trap) */
    S_SYSWRITE, /* a: node, number; b: value; may trap, may change modes */
    S_FEATURE,  /* decode time; a: feature; w = 1: it is on */
    S_NPC,      /* delay slots: the address that follows pc in execution */
    S_PUTNPC,   /* a: value: continue there after the next instruction */
    S_OPS,
};

enum sem_amo { AMO_XCHG, AMO_ADD, AMO_AND, AMO_OR, AMO_XOR, AMO_MIN, AMO_MAX, AMO_MINU, AMO_MAXU };
enum sem_fence { FENCE_RR = 1, FENCE_RW = 2, FENCE_WR = 4, FENCE_WW = 8, FENCE_FETCH = 16 };
/* clang-format on */
enum sem_goto { GOTO_DIRECT = 1, GOTO_CALL = 2, GOTO_RETURN = 4, GOTO_DELAY = 8 };

/* Operations of S_FP.  Comparisons yield 1 bit.  FP_CVT: format -> format2.
 * FP_TO_INT: w result bits, rounding from the environment; FP_FROM_INT: a is the integer.
 */
/* clang-format off */
enum sem_fp {
    FPOP_ADD, FPOP_SUB, FPOP_MUL, FPOP_DIV, FPOP_SQRT,
    FPOP_FMA, FPOP_FMS, FPOP_FNMA, FPOP_FNMS, /* a*b+c, a*b-c, -(a*b)+c, -(a*b)-c; one rounding */
    FPOP_MIN, FPOP_MAX,       /* IEEE 754-2019 minimumNumber, maximumNumber */
    FPOP_MINM, FPOP_MAXM,     /* IEEE 754-2019 minimum, maximum (NaN wins) */
    FPOP_EQ, FPOP_LT, FPOP_LE,    /* quiet: only a signalling NaN is invalid */
    FPOP_EQS, FPOP_LTS, FPOP_LES, /* signalling: every NaN is invalid */
    FPOP_UNORD,
    FPOP_RINT, FPOP_RINTX,    /* round to integral; X raises inexact */
    FPOP_CVT, FPOP_TO_SINT, FPOP_TO_UINT, FPOP_FROM_SINT, FPOP_FROM_UINT,
    FPOP_CLASS,               /* RISC-V's ten classes, one bit each */
    FPOP_SCALB, FPOP_LOGB, FPOP_REM, FPOP_TO_SINT_MOD,
    FPOP_MIN2, FPOP_MAX2,     /* a < b ? a : b and a > b ? a : b (x86 minps, maxps) */
    FPOP_MIN08, FPOP_MAX08,   /* IEEE 754-2008 minNum, maxNum */
    FPOPS,
};
/* clang-format on */
enum fp_format { FMT_F16, FMT_BF16, FMT_F32, FMT_F64, FMT_F80, FMT_F128, FMTS };

/* A run of nodes: isa->nodes[first .. first+count-1].  In 32 bits: a table has thousands.
 */
enum { BODY_FIRST_BITS = 20, BODY_COUNT_BITS = 11 };
struct sem_body {
    uint32_t first : BODY_FIRST_BITS;
    uint32_t count : BODY_COUNT_BITS;
    uint32_t has_locals : 1; /* it has local variables, each set before it is read */
};

/* ----------------------------------------------------------------------- state */

/* An array of registers (a single register is a file of one).  Element i lies at
 * cpu->state[offset + i * stride] in host byte order: stride is 1, 2, 4, 8 or a multiple
 * of 16 bytes; an element wider than 64 bits is 64-bit units, least significant first.
 * A file with zero registers has two more elements: [count] is always zero and read in
 * place of them, [count + 1] is written in place of them (the sink). */
struct isa_file {
    uint32_t name;  /* text, as all that is called so */
    uint32_t names; /* first of isa->names, count of them, as printed; 0: name + number */
    uint16_t count;
    uint16_t width;  /* bits of an element */
    uint16_t stride; /* bytes */
    uint16_t offset; /* bytes */
    bool has_zero;
    bool hidden; /* scratch, not architectural: not compared, not shown */
};

/* Register names: how operands and examples name elements (or parts) of files.
 * Several may name the same element: the first one prints. */
struct isa_regname {
    uint32_t name;
    uint16_t view; /* isa->views */
    uint16_t index;
};

/* A view is a way to reach elements of a file: A64's X, W, XS, WS of one file r. */
struct isa_view {
    uint32_t name;
    uint32_t names; /* first of isa->names, count of them, as printed; 0: name + number */
    uint16_t file;
    uint16_t count;    /* valid indices 0..count-1 */
    uint16_t width;    /* bits seen; the rest by the policy of the spec, in the bodies */
    uint16_t low_bit;  /* lowest bit seen of the element */
    uint16_t zero;     /* index that reads as zero and ignores writes, or ISA_NONE */
    uint16_t computed; /* where file is ISA_NONE: of isa->view_bodies */
};

/* How a computed view (register windows) is reached by name.  get: ARG 0 the index; put:
 * ARG 0 the index, ARG 1 the value; count 0: only operands reach it. */
struct isa_view_bodies {
    struct sem_body get, put;
};

/* ---------------------------------------------------------------- instructions */

/* Where bits of a field lie in the instruction: `len` bits, from bit `at` of the
 * instruction word (little end first: bit 0 is the last one drawn), to bit `to`
 * of the field. */
struct isa_piece {
    uint8_t at, len, to;
};

/* A field: a number made of bits of the encoding.  As raw: unsigned, `bits` wide,
 * with zeros where no piece is (align).  The number: sign-extended if is_signed,
 * shifted left by `scale`.  FIELD nodes see the number as a 64-bit value modulo 2^64. */
struct isa_field {
    uint32_t name;
    uint32_t piece; /* first of isa->pieces; of a stream's field: see stream.h */
    uint8_t pieces;
    uint8_t bits;
    bool is_signed;
    uint8_t scale;
};

/* How an operand prints and parses. */
enum isa_operand_kind {
    OPERAND_REG,   /* view[number + bias] */
    OPERAND_IMM,   /* the number */
    OPERAND_PCREL, /* pc + number, printed as an absolute address */
    OPERAND_ENUM,  /* a name for each value, else the number if `open` */
    OPERAND_FN,    /* expr over FIELD nodes; asm inverts it by trying all encodings */
    OPERAND_ALTS,  /* the first alternative whose condition holds */
    OPERAND_LIST,  /* registers of `view` whose bits are set, between `sep` */
};

struct isa_enum_name {
    uint32_t name;
    uint32_t value;
};

struct isa_operand {
    uint32_t name;
    uint8_t kind;
    uint8_t field;       /* number of the field that holds it */
    bool hex : 1;        /* immediates: hexadecimal */
    bool plus_minus : 1; /* immediates: printed after " + " or " - " */
    bool from_end : 1;   /* OPERAND_PCREL: relative to the end of the instruction */
    bool open : 1;       /* enum: other values print as numbers */
    bool has_omit : 1;   /* prints as nothing, with its separator, when it is `omit` */
    bool runs : 1;       /* LIST: d0-d3 for neighbours with one stem */
    bool reversed : 1;   /* LIST: bit 0 is the last register */
    uint16_t view;       /* OPERAND_REG; ISA_NONE: chosen by view_choice */
    int16_t bias;        /* OPERAND_REG: added to the field (x8 + u3) */
    uint16_t nenums, nalts;
    /* decode time: which of views view, view+1 ...; count 0: none */
    struct sem_body view_choice;
    struct sem_body value;   /* FN: the number printed; REG: the register, of no field */
    struct sem_body inverse; /* FN: the field's bits, with the number printed in the
                                field; count 0: found by trying */
    uint32_t enums;          /* ENUM: first of isa->enums */
    uint32_t alts;           /* ALTS: first of isa->alts */
    uint32_t sep;            /* LIST: text */
    int64_t omit;
};

/* One piece of instruction text. */
enum isa_text_kind { TEXT_END, TEXT_LITERAL, TEXT_OPERAND };
struct isa_text {
    uint8_t kind;
    uint8_t operand;  /* index into the instruction's operands */
    uint16_t literal; /* TEXT_LITERAL: a string, from isa->literals[literal]; one blank
                         matches any white space when parsed */
};

struct isa_alt {
    struct sem_body when; /* decode time, 1 bit; count 0: always */
    uint32_t text; /* first of isa->texts, up to TEXT_END; operands of the instruction */
};

/* What the handler finds in the op, packed at predecode. */
enum isa_slot_kind {
    SLOT_VALUE,  /* the value of expr, `size` bytes, sign- or zero-extended on use */
    SLOT_READ,   /* 2 bytes: offset in the cpu struct of the element to read */
    SLOT_WRITE,  /* 2 bytes: ... to write (sink for a zero register) */
    SLOT_LINK,   /* 4 bytes: distance to the next op in bytes; expr is the target pc */
    SLOT_RETURN, /* 16 bytes, aligned: expr, the address behind a call, and what the
                    engine knows of it */
};

struct isa_slot {
    uint8_t kind;
    uint8_t at;     /* byte offset in the op: 8..15, or 16..31 in its second half, ... */
    uint8_t size;   /* bytes: 2, 4 or 8 (16 for w > 64) */
    bool is_signed; /* SLOT_VALUE: extend so from `size` bytes to w */
    uint16_t w;     /* width of the value or of the element */
    uint16_t view;  /* READ, WRITE: view; number = element of the view */
    uint8_t quick;  /* nonzero: expr is just the number of field quick-1, plus `bias` */
    bool plus_pc;   /* with quick: add the pc too */
    int32_t bias;
    struct sem_body expr; /* decode time */
};

/* One meaning of an instruction with all decode-time choices made. */
enum {
    VAR_ENDS_BLOCK = 1, /* the next op is never just the next instruction */
    VAR_MAY_FAULT = 2,  /* touches memory or may trap: publishes its position */
    VAR_BRANCHES = 4,   /* has a GOTO */
    VAR_MODE = 8,       /* may change a mode key: block ends, key is computed anew */
    VAR_SYNC = 16,      /* helper that needs all state settled, pc included */
    VAR_DELAY = 32,     /* its GOTO takes effect after the next instruction */
};

struct isa_variant {
    struct sem_body body;
    uint32_t slot; /* first of isa->slots */
    uint8_t slots;
    uint8_t op_units; /* 16-byte units of the op: 1, 2, ... */
    uint16_t flags;
    uint16_t insn;          /* back to its instruction */
    uint16_t reads, writes; /* sets of state, isa->effects[] (bit sets over files and flag
                               groups, isa->effect_words words each) */
    uint16_t
        without_flags; /* the variant of the same body and slots that writes no flags,
                          or NONE: there is none to drop, or somebody may see it */
    uint16_t flag_use; /* isa->flag_uses, if there are any */
};

/* What a variant does with flags: for who finds out which are dead, and what is known of
 * lazy ones.  Sets of flags: bit isa_flags.first + k is flag k of a group. */
struct isa_flag_use {
    uint64_t reads, may_set;
    uint64_t sets;    /* those it sets in any case */
    uint32_t touches; /* set of groups whose flagfn may be another one afterwards ... */
    uint16_t kind[2]; /* ... and which it is then: flagfns + 1; 0: not known */
    bool observes;    /* a fault, trap, jump or helper may show the state to somebody */
};

/* In place of `variant`, with the same slots, where `flagfn` set the flags of its group
 * last and they are lazy.  Sorted by variant, flagfn. */
struct isa_flag_known {
    uint16_t variant, flagfn, instead;
};

/* Decision trees from fields to a variant.  A link is a variant's number with
 * LINK_VARIANT set, or one of isa->choices: value v of its expression leads to
 * isa->links[first + v]. */
enum { LINK_VARIANT = 1 << 30 };
struct isa_choice {
    struct sem_body expr; /* decode time */
    uint32_t first;       /* of isa->links */
    uint16_t values;      /* number of links */
};

/* clang-format off */
enum isa_illegal { ILLEGAL_UNDEFINED, ILLEGAL_RESERVED, ILLEGAL_UNPREDICTABLE, ILLEGAL_NOP };
/* clang-format on */

/* A place in a spec.  Line 0: none. */
struct isa_where {
    uint16_t source; /* isa->sources: "riscv/rv64i.isa" */
    uint16_t line;   /* those after line 65,535 count as that one */
};

struct isa_insn {
    uint32_t name : 24;     /* unique within the isa: "addi", "c.addi4spn" */
    uint32_t length : 8;    /* bytes; 0: a stream instruction (rows say) */
    uint32_t mnemonic : 24; /* first word of its text */
    uint32_t fields : 8;
    uint32_t text : 24; /* first of isa->texts, up to TEXT_END */
    uint32_t operands : 8;
    uint32_t doc : 24;      /* one line, or 0 */
    uint32_t else_kind : 8; /* enum isa_illegal, where the constraint fails */
    uint32_t picture;       /* streams: the encoding as drawn, "E8 imm32"; else 0 */
    struct isa_where where;
    uint64_t mask, value;     /* of the first 64 bits, as one little-end-first word */
    uint32_t field;           /* first of isa->fields_all */
    uint32_t operand;         /* first of isa->operands_all */
    struct sem_body where_ok; /* decode time, 1 bit: constraints; count 0: none */
    /* decode time, 1 bit: modes in which it exists; count 0: all */
    struct sem_body guard;
    uint32_t choice;   /* a link: the root of its decision tree */
    uint16_t features; /* feature condition: isa->feature_sets; ISA_NONE: always there */
    uint16_t mode_set; /* the fetch clause it belongs to, or ISA_NONE: every one */
};

/* Aliases: another text of an instruction with some fields fixed. */
struct isa_alias {
    uint32_t text; /* first of isa->texts; operands of `insn` */
    uint16_t insn;
    bool prefer;          /* print it when it fits */
    struct sem_body when; /* decode time over the insn's fields: it fits */
    uint32_t fixes;       /* first of isa->fixes: what the assembler sets */
    uint32_t mnemonic;
    uint16_t nfixes;
    uint16_t features; /* as in isa_insn */
};
struct isa_fix {
    uint8_t field;
    /* decode time, over the other fields: the NUMBER the field gets */
    struct sem_body value;
};

/* The decoder: a tree over bits of the instruction word. */
struct isa_dnode {
    uint8_t shift, bits; /* index by (word >> shift) & ((1 << bits) - 1) ... */
    uint16_t first;      /* ... into isa->dtable from here: values with DLEAF set are
                            positions in isa->dleaves, others are nodes */
};
enum { DLEAF = 0x8000 };

/* One way to fetch: parcels, byte order, and how long an instruction is. */
struct isa_length {
    uint64_t mask, value; /* of the first parcel; first match wins */
    uint8_t bytes;        /* 0: reserved */
};
struct isa_fetch {
    struct sem_body when; /* decode time over modes; count 0: always */
    uint8_t parcel;       /* bytes */
    bool big;             /* byte order within a parcel; parcels go first = most
                             significant if big, else first = least significant */
    bool high_first;      /* first parcel is the most significant one of the word */
    uint32_t lengths;     /* first of isa->lengths */
    uint16_t nlengths;
    uint16_t root;   /* decode tree */
    uint16_t stream; /* isa->streams, or ISA_NONE */
};

/* ------------------------------------------------------- everything around them */

struct isa_access { /* memory attributes */
    uint8_t big;    /* 0 little, 1 big */
    uint8_t order;  /* bit 0 acquire, bit 1 release */
    uint8_t align;  /* 0: any; n: trap `misaligned` unless the address is a multiple */
    uint8_t kind;   /* 0 data, 1 user, 2 physical, ... */
    uint16_t space;
    uint16_t trap; /* of a misaligned access */
};

struct isa_trap {
    uint32_t name;
    uint64_t cause;
};

struct isa_helper {
    uint32_t name;
    uint16_t result_w;
    uint8_t args;
    bool ends_block, may_trap, nondet;
};

/* Floating point: an operation's formats and environment.  Rounding: `round` (enum
 * fp_round of fp/fp.h), or, where that is ISA_NONE, the value of the S_PUSH node just
 * before the S_FP node. */
struct isa_fpcall {
    uint8_t format, format2; /* enum fp_format; format2: the other one of conversions */
    uint16_t env;
    uint16_t round;
};

/* An environment: the rules a family follows and where its sticky flags are kept. */
struct isa_fpenv {
    uint32_t name;
    uint32_t rules;             /* FP_RULES_*, fp/fp.h */
    struct sem_body more_rules; /* run time: bits to add (DAZ, FTZ); count 0: none */
    uint16_t file, index;       /* element that holds the flags, or ISA_NONE */
    uint8_t bit[8];             /* where flag 1 << k of fp.h goes, 0xff: not kept */
    uint8_t each[8];  /* 1 + the bit that every operation overwrites with its own
                         flag 1 << k (PowerPC FI, MIPS Cause), 0: none */
    uint8_t cause[8]; /* 1 + the bit of a reason for invalid, enum fp_cause bit k
                         (sticky), 0: none */
};

struct isa_flagfn {
    uint32_t name;
    uint16_t group;
    uint8_t args;
    uint16_t arg_w[3];
    uint32_t sets;            /* bit set of the flags it defines */
    struct sem_body flag[16]; /* value of flag k from ARGs */
};
struct isa_law { /* a cheaper form of a condition after a flagfn */
    uint16_t flagfn;
    struct sem_body condition; /* over FLAG nodes */
    struct sem_body shortcut;  /* over ARG nodes */
};
struct isa_flags {
    uint32_t name;
    uint32_t names; /* first of isa->names */
    uint8_t count;
    uint16_t bits_file; /* file of `count` one-bit elements: the settled flags */
    uint16_t kind_file; /* 0: settled, k: flagfn k-1 with arguments below */
    uint16_t args_file; /* 3 elements */
    uint8_t first;      /* bit of flag 0 in the sets of isa_flag_use */
};

struct isa_mode {
    uint32_t name;
    uint8_t at, bits; /* in the mode key */
    bool hint;
    struct sem_body value; /* run time */
};

/* A condition on features: any of the sets in a row must be complete (sum of products).
 */
struct isa_feature_set {
    uint32_t all; /* first of isa->numbers: features that must be on; 0x8000 | f: off */
    uint16_t count;
    bool or_next; /* otherwise look at the next row */
};
struct isa_model {
    uint32_t name;
    uint32_t features; /* first of isa->numbers */
    uint16_t nfeatures;
};

/* clang-format off */
struct isa_sysreg_field { uint32_t name, access; uint8_t hi, lo; };
/* clang-format on */
struct isa_sysreg {
    uint32_t name;
    uint32_t number;
    uint16_t file;         /* plain storage, or ISA_NONE */
    uint8_t priv;          /* least privilege (isa->sysreg_priv yields the current one) */
    uint8_t w;             /* width of its value */
    struct sem_body read;  /* run time: its value is that of the last node */
    struct sem_body write; /* run time: ARG 0 is the value */
    uint32_t fields;       /* first of isa->sysreg_fields */
    uint16_t nfields;
    bool read_only; /* a write traps */
};

/* Examples: the lines after `ex`. */
enum { EX_VALUE_BITS = 20 };
enum isa_ex_loc { EX_REG, EX_MEM, EX_PC, EX_FLAG, EX_TRAP };
struct isa_ex_item { /* a value before or after */
    uint32_t loc : 3;
    uint32_t size : 7; /* EX_MEM: bytes; view: 1 little-endian, 2 big, 0 as access 0 */
    uint32_t nvalues : 2;
    uint32_t value : EX_VALUE_BITS; /* first of isa->values: the value, its bits from 64
                             on, and of EX_MEM the address; what is not there is 0 */
    uint16_t view, index; /* EX_REG: view and element; EX_FLAG: group and flag; EX_TRAP:
                             index is the trap; EX_PC: index 1 is npc */
};
struct isa_ex_code { /* one instruction of a test */
    uint32_t text;
    uint8_t at; /* in the bytes */
};
struct isa_ex_case {     /* what targets have in common */
    uint32_t text : 24;  /* 0: only bytes; of a test: its name */
    uint32_t length : 8; /* of bytes */
    uint32_t start : 24; /* of isa->values: the pc and the mode key */
    uint32_t npre : 8;
    uint32_t bytes : 24; /* first of isa->ex_bytes, in memory order */
    uint32_t npost : 8;
    uint32_t items : 24; /* first of isa->ex_items: those before, then those after */
    uint32_t ncode : 8;
    struct isa_where where;
    uint32_t code; /* a test: first of isa->ex_codes; it runs until it leaves its bytes */
};
struct isa_ex_row {
    uint32_t number; /* of isa->ex_cases */
    uint16_t insn;   /* ISA_NONE for `ex invalid` */
    uint16_t model;  /* ISA_NONE: the default */
};
struct isa_example {  /* both, unpacked: isa_example() */
    const char *text; /* NULL: only bytes */
    struct isa_where where;
    uint16_t insn, model;
    uint8_t length, npre, npost, ncode;
    uint64_t pc;
    uint64_t mode; /* mode key */
    const uint8_t *bytes;
    const struct isa_ex_item *pre, *post;
    const struct isa_ex_code *code; /* NULL: no test */
};

/* Registers as a debugger numbers them.  Spec: gdb's manual, "Target Descriptions". */
struct isa_gdb_row {
    uint32_t feature;            /* text: org.gnu.gdb.CPU.core */
    uint32_t name;               /* text, of a single one; 0: as the registers print */
    uint32_t type;               /* text: gdb's, or 0 */
    uint16_t needs;              /* feature condition: isa->feature_sets, or ISA_NONE */
    uint16_t view, index, group; /* struct isa_reg: the first of `count` neighbours */
    uint16_t count, number;      /* gdb's number, of the first */
    uint16_t bits;               /* in gdb; 0: as wide as the register */
    uint8_t shift;               /* where the register lies in gdb's */
    bool more;                   /* adds its bits to the register of the row before */
};

struct isa_stream; /* variable-length encodings: stream.h */

struct isa {
    const char *name;   /* of the target: "riscv64" */
    const char *family; /* of the spec: "riscv" */
    const char *doc;
    uint16_t pc_width;
    uint8_t delay;       /* delay slots after a branch: 0 or 1 */
    uint8_t min_ilen;    /* alignment of the pc in bytes */
    uint32_t state_size; /* bytes of cpu->state */
    uint16_t
        sysreg_trap;   /* trap of an unknown or forbidden system register, or ISA_NONE */
    uint32_t gdb_arch; /* text: the name that gdb has for it; 0: none */
    struct sem_body sysreg_priv; /* run time: current privilege; count 0: not checked */
    const char *strings;         /* each with its 0, the first one empty */
    const uint32_t *names;       /* text */
    const uint32_t *sources;     /* text: files of the spec */
    const uint16_t *numbers;
    const struct sem *nodes;
    const uint64_t *consts;
    const struct isa_file *files;
    const struct isa_view *views;
    const struct isa_view_bodies *view_bodies; /* [0] has none */
    const struct isa_regname *regnames;
    const struct isa_piece *pieces;
    const struct isa_field *fields_all;
    const struct isa_operand *operands_all;
    const struct isa_enum_name *enums;
    const struct isa_alt *alts;
    const struct isa_slot *slots;
    const struct isa_text *texts;
    const char *literals; /* strings, one after the other, each with its 0 */
    const struct isa_insn *insns;
    const struct isa_variant *variants; /* nchosen of them by decoding, then others */
    const struct isa_choice *choices;
    const uint32_t *links;
    const struct isa_alias *aliases;
    const struct isa_fix *fixes;
    const struct isa_fetch *fetches;
    const struct isa_length *lengths;
    const struct isa_dnode *dnodes;
    const uint16_t *dtable;
    /* lists of instructions to try in order, each ended by ISA_NONE */
    const uint16_t *dleaves;
    const struct isa_access *accesses;
    const struct isa_trap *traps;
    const struct isa_helper *helpers;
    const struct isa_fpcall *fpcalls;
    const struct isa_fpenv *fpenvs;
    const struct isa_flags *flags;
    const struct isa_flagfn *flagfns;
    const struct isa_law *laws;
    const struct isa_flag_use *flag_uses;
    const struct isa_flag_known *flag_known;
    const struct isa_mode *modes;
    const uint32_t *features; /* text */
    const struct isa_feature_set *feature_sets;
    const struct isa_model *models; /* [0] is the default */
    const struct isa_sysreg *sysregs;
    const struct isa_sysreg_field *sysreg_fields;
    const struct isa_ex_row *examples;
    const struct isa_ex_case *ex_cases;
    const struct isa_ex_item *ex_items;
    const struct isa_ex_code *ex_codes;
    const uint8_t *ex_bytes;
    const uint64_t *values;
    const struct isa_gdb_row *gdb_rows; /* by `gdb` items, in order */
    const struct isa_stream *streams;
    const uint64_t *effects;
    uint32_t nnodes, nconsts, npieces, nfields, noperands, nslots, nvariants, nchosen,
        nchoices, nlinks, neffects, ndtable, ndleaves, nliterals, nstrings, nnames,
        nnumbers, nenums, nalts, ntexts, nfixes, nlengths, nsysreg_fields, nex_cases,
        nex_items, nex_codes, nex_bytes, nvalues, nflag_uses, nflag_known;
    uint16_t nfiles, nviews, nview_bodies, nregnames, ninsns, naliases, nfetches, ndnodes,
        naccesses, ntraps, nhelpers, nfpcalls, nfpenvs, nflags, nflagfns, nlaws, nmodes,
        nfeatures, nfeature_sets, nmodels, nsysregs, nexamples, nstreams, nsources,
        ngdb_rows, effect_words;
};

static inline const char *isa_string(const struct isa *isa, uint32_t text)
{
    return isa->strings + text;
}

/* The name of the element `index` in a list of names. */
static inline const char *isa_name(const struct isa *isa, uint32_t names, unsigned index)
{
    return isa->strings + isa->names[names + index];
}

/* Value `k` of an item: 0 its bits 0..63, 1 its bits 64..127, 2 the address of EX_MEM. */
static inline uint64_t isa_ex_value(const struct isa *isa, const struct isa_ex_item *item,
                                    unsigned k)
{
    return k < item->nvalues ? isa->values[item->value + k] : 0;
}

static inline struct isa_example isa_example(const struct isa *isa, unsigned number)
{
    const struct isa_ex_row *row = &isa->examples[number];
    const struct isa_ex_case *it = &isa->ex_cases[row->number];

    return (struct isa_example){
        .text = it->text ? isa_string(isa, it->text) : 0,
        .where = it->where,
        .insn = row->insn,
        .model = row->model,
        .length = it->length,
        .npre = it->npre,
        .npost = it->npost,
        .ncode = it->ncode,
        .pc = isa->values[it->start],
        .mode = isa->values[it->start + 1],
        .bytes = isa->ex_bytes + it->bytes,
        .pre = isa->ex_items + it->items,
        .post = isa->ex_items + it->items + it->npre,
        .code = it->ncode ? isa->ex_codes + it->code : 0,
    };
}

/* Features switched on, one bit each. */
struct isa_features {
    uint64_t bits[ISA_MAX_FEATURES / 64];
};

#endif
