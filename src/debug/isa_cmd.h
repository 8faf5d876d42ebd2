/* isa_cmd.h - what the parts of `rhea isa` share. */
#ifndef RHEA_ISA_CMD_H
#define RHEA_ISA_CMD_H

#include <stdio.h>

#include "isa/decode.h"

/* The command line after the name of the part. */
struct isa_args {
    const struct isa *isa;
    struct isa *loaded; /* isa, if it came from a spec file */
    struct isa_features features;
    const char *model; /* --cpu, or NULL */
    uint64_t pc, mode, max, step;
    bool no_aliases, words, quiet;
    char **rest; /* ended by NULL */
    unsigned count;
};

/* isa_show.c, isa_dis.c, isa_cover.c, isa_run.c.  Each returns the exit status. */
int isa_show(const struct isa_args *args);
int isa_dis(const struct isa_args *args);
int isa_asm(const struct isa_args *args);
int isa_decode_word(const struct isa_args *args);
int isa_cover(const struct isa_args *args);
int isa_run(const struct isa_args *args);

/* isa_bytes.c.
 *
 * Hexadecimal words as disassemblers print them ("00c58533", "8082": each one parcels as
 * one number) or, for a stream, bytes in memory order ("83077f"), appended to `bytes`.
 * Returns how many bytes that is, or 0 if `text` is no such thing. */
unsigned hex_to_bytes(const struct isa *isa, uint64_t mode, const char *text,
                      uint8_t *bytes, unsigned room);

/* The reverse, one instruction: "00c58533". */
void print_hex(FILE *out, const struct isa *isa, uint64_t mode, const uint8_t *bytes,
               unsigned length);

/* A whole file (path "-": stdin); the user's memory, die()s when it cannot be read. */
uint8_t *read_whole(const char *path, size_t *size);

/* isa_nodes.c: a body as text, one statement a line, each after `indent` blanks. */
void print_variant(FILE *out, const struct isa *isa, const struct isa_variant *variant,
                   unsigned indent);
void print_expression(FILE *out, const struct isa *isa, const struct isa_insn *insn,
                      struct sem_body body);

#endif
