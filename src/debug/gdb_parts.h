/* gdb_parts.h - the server from the inside.
 *
 *   gdb_packet.c   framing, replies        gdb.c        packets of threads and memory
 *   gdb_regs.c     registers, their XML    gdb_query.c  q, Q, and v packets
 *   gdb_sysregs.c  system registers        gdb_file.c   files */
#ifndef RHEA_GDB_PARTS_H
#define RHEA_GDB_PARTS_H

#include "debug/gdb.h"

/* A packet that is being read. */
struct gdb_reader {
    const char *at, *end;
};

/* ------------------------------------------------------------------------ gdb_packet.c
 */

void gdb_begin(struct gdb *gdb); /* an empty reply */
void gdb_put(struct gdb *gdb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void gdb_put_hex(struct gdb *gdb, const void *bytes, size_t size);
/* Escaped; how many of the bytes there was room for. */
size_t gdb_put_binary(struct gdb *gdb, const void *bytes, size_t size);
size_t gdb_room(const struct gdb *gdb);
void gdb_put_thread(struct gdb *gdb, int64_t tid);
void gdb_flush(struct gdb *gdb);                   /* sends it */
void gdb_reply(struct gdb *gdb, const char *text); /* begin, put, flush */
void gdb_error(struct gdb *gdb, int number);       /* Exx */

bool gdb_skip(struct gdb_reader *r, const char *text); /* if it stands there */
bool gdb_is_end(const struct gdb_reader *r);
/* At least one digit; more than 64 bits: false. */
bool gdb_number(struct gdb_reader *r, uint64_t *value);
/* Hexadecimal bytes up to the end or anything else; how many. */
size_t gdb_bytes(struct gdb_reader *r, uint8_t *to, size_t room);
/* TID, pPID.TID, -1 and 0 (any) too. */
bool gdb_thread(struct gdb *gdb, struct gdb_reader *r, int64_t *pid, int64_t *tid);

/* -------------------------------------------------------------------------- gdb_regs.c
 */

void gdb_target_xml(struct gdb *gdb, char **text, size_t *size);
void gdb_read_all(struct gdb *gdb, struct gdb_reader *r);
void gdb_write_all(struct gdb *gdb, struct gdb_reader *r);
void gdb_read_one(struct gdb *gdb, struct gdb_reader *r);
void gdb_write_one(struct gdb *gdb, struct gdb_reader *r);

/* ----------------------------------------------------------------------- gdb_sysregs.c
 */

/* NULL: that is no number of one, or this is no machine's CPU. */
const struct isa_sysreg *gdb_find_sysreg(const struct cpu *cpu, uint64_t number);
/* false: now it cannot be. */
bool gdb_get_sysreg(struct cpu *cpu, const struct isa_sysreg *reg, uint64_t *value);
bool gdb_put_sysreg(struct cpu *cpu, const struct isa_sysreg *reg, uint64_t value);

/* ----------------------------------------------------------------------------- gdb.c */

void gdb_packet(struct gdb *gdb, const char *packet, size_t size);
struct cpu *gdb_cpu(struct gdb *gdb); /* of the general thread, or NULL */
void gdb_put_event(struct gdb *gdb, const struct gdb_event *event);
void gdb_resume(struct gdb *gdb, const struct gdb_action *actions, size_t count);
void gdb_stopped_packet(struct gdb *gdb, struct gdb_reader *r); /* ? */

/* ------------------------------------------------------------------------ gdb_query.c */

void gdb_query(struct gdb *gdb, struct gdb_reader *r);   /* q... */
void gdb_set(struct gdb *gdb, struct gdb_reader *r);     /* Q... */
void gdb_verbose(struct gdb *gdb, struct gdb_reader *r); /* v... */
void gdb_file(struct gdb *gdb, struct gdb_reader *r);    /* gdb_file.c: vFile:... */

#endif
