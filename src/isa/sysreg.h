/* sysreg.h - system registers that are plain state: whose reading and writing does
 * nothing but read and write elements of files, for anybody, and changes no mode. */
#ifndef RHEA_SYSREG_H
#define RHEA_SYSREG_H

#include "isa/isa.h"

enum { SYSREG_BODY = 64 }; /* nodes of a plain one's body, at most */

static inline bool sysreg_reads_file(const struct isa *isa, struct sem_body body,
                                     unsigned file)
{
    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &isa->nodes[body.first + i];

        if ((node->op == S_GETF || node->op == S_GETX) && node->a == file)
            return true;
    }
    return false;
}

static inline bool sysreg_decides_mode(const struct isa *isa, unsigned file)
{
    for (unsigned i = 0; i < isa->nmodes; i++)
        if (sysreg_reads_file(isa, isa->modes[i].value, file))
            return true;
    return false;
}

static inline bool sysreg_is_plain_body(const struct isa *isa, struct sem_body body)
{
    for (unsigned i = 0; i < body.count; i++) {
        const struct sem *node = &isa->nodes[body.first + i];

        if (node->op == S_PUTF && sysreg_decides_mode(isa, node->a))
            return false;
        if (node->op != S_CONST && node->op != S_ARG && node->op != S_GETF &&
            node->op != S_PUTF && !(node->op >= S_ADD && node->op <= S_POPCNT))
            return false;
    }
    return body.count <= SYSREG_BODY;
}

/* The register of that number, if it is plain; else NULL. */
static inline const struct isa_sysreg *sysreg_plain(const struct isa *isa,
                                                    uint64_t number, bool is_write)
{
    const struct isa_sysreg *reg = isa->sysregs;
    unsigned n = 0;

    while (n < isa->nsysregs && reg->number != number)
        n++, reg++;
    if (n == isa->nsysregs || (is_write && reg->read_only) ||
        (reg->priv && isa->sysreg_priv.count))
        return NULL;
    if (is_write ? !reg->write.count : !reg->read.count)
        return reg->file != ISA_NONE && !(is_write && sysreg_decides_mode(isa, reg->file))
                   ? reg
                   : NULL;
    return sysreg_is_plain_body(isa, is_write ? reg->write : reg->read) ? reg : NULL;
}

#endif
