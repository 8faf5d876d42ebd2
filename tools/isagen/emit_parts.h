/* emit_parts.h - how emit_table.c and emit_stream.c write members of structs. */
#ifndef ISAGEN_EMIT_PARTS_H
#define ISAGEN_EMIT_PARTS_H

#include <stdio.h>

#include "isa/isa.h"

/* ".member=value,", or nothing for zero. */
void put_text(FILE *out, const char *member, const char *text);
void put_number(FILE *out, const char *member, uint64_t value);
void put_signed(FILE *out, const char *member, int64_t value);
void put_body(FILE *out, const char *member, struct sem_body body);

/* An array, if it has elements. */
void put_numbers(FILE *out, const char *name, const uint16_t *numbers, uint32_t count);

/* The same for the struct that `it` points to, into `out`. */
#define NUMBER(member) put_number(out, #member, it->member)
#define SIGNED(member) put_signed(out, #member, it->member)
#define BODY(member) put_body(out, #member, it->member)

/* A member that is always there, so that no initialiser is empty. */
#define ALWAYS(member) fprintf(out, "." #member "=%u,", (unsigned)it->member)

/* emit_stream.c: the array PREFIXstreams and what it points to. */
void emit_streams(const struct isa *isa, const char *prefix, FILE *out);

#endif
