/* emit_table.c - tables as constant C data: all targets of a family in one file.
 *
 * The arrays that the targets share are written once, then each target's own, called
 * TARGET_ARRAY.  Structs are written with designated initialisers and without their
 * zeros, so that isa.h may grow; nodes, the bulk, are plain rows of numbers. */
#include "isagen/emit.h"

#include <inttypes.h>
#include <string.h>

#include "base/report.h"
#include "isagen/emit_parts.h"

/* --------------------------------------------------------------------- atoms */

static void put_string(FILE *out, const char *text)
{
    putc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        if (*p == '"' || *p == '\\' || *p == '?')
            fprintf(out, "\\%c", *p);
        else if (*p < ' ' || *p > '~')
            fprintf(out, "\\%03o", *p);
        else
            putc(*p, out);
    putc('"', out);
}

void put_text(FILE *out, const char *member, const char *text)
{
    if (!text)
        return;
    fprintf(out, ".%s=", member);
    put_string(out, text);
    putc(',', out);
}

void put_number(FILE *out, const char *member, uint64_t value)
{
    if (value > 9)
        fprintf(out, ".%s=0x%" PRIx64 ",", member, value);
    else if (value)
        fprintf(out, ".%s=%u,", member, (unsigned)value);
}

void put_signed(FILE *out, const char *member, int64_t value)
{
    if (value < 0)
        fprintf(out, ".%s=-0x%" PRIx64 "-1,", member, (uint64_t) - (value + 1));
    else
        put_number(out, member, (uint64_t)value);
}

void put_body(FILE *out, const char *member, struct sem_body body)
{
    if (!body.count)
        return;
    fprintf(out, ".%s={%u,%u,%u},", member, body.first, body.count, body.has_locals);
}

#define WHERE                                                                            \
    if (it->where.line)                                                                  \
    fprintf(out, ".where={%u,%u},", it->where.source, it->where.line)

/* -------------------------------------------------------------------- arrays */

struct emit {
    const struct isa *isa;
    FILE *out;
    const char *prefix; /* of the names of arrays: "", or "TARGET_" */
};

static void put_strings(struct emit *e, const char *name, const char *text, uint32_t size)
{
    const char *end = text + size;

    if (!size)
        return;
    fprintf(e->out, "static const char %s%s[] =", e->prefix, name);
    for (; text < end; text += strlen(text) + 1) {
        fputs("\n    ", e->out);
        put_string(e->out, text);
        fputs(" \"\\0\"", e->out);
    }
    fputs(";\n", e->out);
}

/* One function per type: EACH(type, array, count) members END. */
#define EACH(kind, array, count)                                                         \
    static void emit_##array(struct emit *e)                                             \
    {                                                                                    \
        const struct kind *it = e->isa->array, *end = it + e->isa->count;                \
        FILE *out = e->out;                                                              \
                                                                                         \
        if (it == end)                                                                   \
            return;                                                                      \
        fprintf(out, "static const struct " #kind " %s" #array "[] = {\n", e->prefix);   \
        for (; it < end; it++) {                                                         \
            putc('{', out);
#define END                                                                              \
    fputs("},\n", out);                                                                  \
    }                                                                                    \
    fputs("};\n", out);                                                                  \
    }

/* clang-format off */
EACH(isa_field, fields_all, nfields)
    ALWAYS(bits); NUMBER(name); NUMBER(piece); NUMBER(pieces); NUMBER(is_signed); NUMBER(scale);
END
EACH(isa_operand, operands_all, noperands)
    ALWAYS(kind); NUMBER(name); NUMBER(field); NUMBER(hex); NUMBER(plus_minus);
    NUMBER(from_end); NUMBER(open); NUMBER(has_omit);
    NUMBER(view); SIGNED(bias); SIGNED(omit); NUMBER(enums); NUMBER(nenums);
    BODY(view_choice); BODY(value); BODY(inverse); NUMBER(alts); NUMBER(nalts);
    NUMBER(sep); NUMBER(runs); NUMBER(reversed);
END
EACH(isa_enum_name, enums, nenums)
    ALWAYS(name); NUMBER(value);
END
EACH(isa_alt, alts, nalts)
    ALWAYS(text); BODY(when);
END
EACH(isa_slot, slots, nslots)
    ALWAYS(kind); NUMBER(at); NUMBER(size); NUMBER(is_signed); NUMBER(w); NUMBER(view);
    NUMBER(quick); NUMBER(plus_pc); SIGNED(bias); BODY(expr);
END
EACH(isa_text, texts, ntexts)
    ALWAYS(kind); NUMBER(operand); NUMBER(literal);
END
EACH(isa_fix, fixes, nfixes)
    ALWAYS(field); BODY(value);
END
EACH(isa_length, lengths, nlengths)
    ALWAYS(bytes); NUMBER(mask); NUMBER(value);
END
EACH(isa_feature_set, feature_sets, nfeature_sets)
    ALWAYS(count); NUMBER(all); NUMBER(or_next);
END
EACH(isa_sysreg_field, sysreg_fields, nsysreg_fields)
    ALWAYS(hi); NUMBER(lo); NUMBER(name); NUMBER(access);
END
EACH(isa_ex_item, ex_items, nex_items)
    ALWAYS(loc); NUMBER(size); NUMBER(view); NUMBER(index); NUMBER(nvalues); NUMBER(value);
END
EACH(isa_ex_code, ex_codes, nex_codes)
    ALWAYS(at); NUMBER(text);
END
EACH(isa_piece, pieces, npieces)
    ALWAYS(at); NUMBER(len); NUMBER(to);
END
EACH(isa_file, files, nfiles)
    ALWAYS(count); NUMBER(name); NUMBER(names); NUMBER(width); NUMBER(stride);
    NUMBER(offset); NUMBER(has_zero); NUMBER(hidden);
END
EACH(isa_view, views, nviews)
    ALWAYS(file); NUMBER(name); NUMBER(count); NUMBER(width); NUMBER(low_bit); NUMBER(zero);
    NUMBER(names); NUMBER(computed);
END
EACH(isa_regname, regnames, nregnames)
    ALWAYS(view); NUMBER(name); NUMBER(index);
END
EACH(isa_insn, insns, ninsns)
    ALWAYS(length); NUMBER(name); NUMBER(mnemonic); NUMBER(text); NUMBER(doc);
    WHERE; NUMBER(picture); NUMBER(mask); NUMBER(value); NUMBER(fields);
    NUMBER(operands); NUMBER(field); NUMBER(operand); BODY(where_ok); NUMBER(else_kind);
    BODY(guard); NUMBER(features); NUMBER(choice); NUMBER(mode_set);
END
EACH(isa_variant, variants, nvariants)
    ALWAYS(insn); BODY(body); NUMBER(slot); NUMBER(slots); NUMBER(op_units); NUMBER(flags);
    NUMBER(reads); NUMBER(writes); NUMBER(without_flags); NUMBER(flag_use);
END
EACH(isa_choice, choices, nchoices)
    ALWAYS(values); BODY(expr); NUMBER(first);
END
EACH(isa_view_bodies, view_bodies, nview_bodies)
    fprintf(out, "{%u,%u,%u},", it->get.first, it->get.count, it->get.has_locals);
    BODY(put);
END
EACH(isa_alias, aliases, naliases)
    ALWAYS(insn); NUMBER(text); NUMBER(prefer); BODY(when); NUMBER(fixes);
    NUMBER(nfixes); NUMBER(mnemonic); NUMBER(features);
END
EACH(isa_fetch, fetches, nfetches)
    ALWAYS(parcel); BODY(when); NUMBER(big); NUMBER(high_first); NUMBER(lengths);
    NUMBER(nlengths); NUMBER(root); NUMBER(stream);
END
EACH(isa_access, accesses, naccesses)
    ALWAYS(big); NUMBER(order); NUMBER(align); NUMBER(kind); NUMBER(space); NUMBER(trap);
END
EACH(isa_trap, traps, ntraps)
    ALWAYS(cause); NUMBER(name);
END
EACH(isa_helper, helpers, nhelpers)
    ALWAYS(args); NUMBER(name); NUMBER(result_w); NUMBER(ends_block); NUMBER(may_trap);
    NUMBER(nondet);
END
EACH(isa_fpcall, fpcalls, nfpcalls)
    ALWAYS(format); NUMBER(format2); NUMBER(env); NUMBER(round);
END
EACH(isa_fpenv, fpenvs, nfpenvs)
    ALWAYS(rules); NUMBER(name); BODY(more_rules); NUMBER(file); NUMBER(index);
    fputs(".bit={", out);
    for (unsigned i = 0; i < 8; i++)
        fprintf(out, "%u,", it->bit[i]);
    fputs("},", out);
    fputs(".each={", out);
    for (unsigned i = 0; i < 8; i++)
        fprintf(out, "%u,", it->each[i]);
    fputs("},.cause={", out);
    for (unsigned i = 0; i < 8; i++)
        fprintf(out, "%u,", it->cause[i]);
    fputs("},", out);
END
EACH(isa_gdb_row, gdb_rows, ngdb_rows)
    ALWAYS(count); NUMBER(feature); NUMBER(name); NUMBER(type); NUMBER(needs); NUMBER(view);
    NUMBER(index); NUMBER(group); NUMBER(number); NUMBER(bits); NUMBER(shift); NUMBER(more);
END
EACH(isa_flags, flags, nflags)
    ALWAYS(count); NUMBER(name); NUMBER(names); NUMBER(bits_file); NUMBER(kind_file);
    NUMBER(args_file); NUMBER(first);
END
EACH(isa_flagfn, flagfns, nflagfns)
    fprintf(out, ".arg_w={%u,%u,%u},", it->arg_w[0], it->arg_w[1], it->arg_w[2]);
    NUMBER(name); NUMBER(group); NUMBER(args); NUMBER(sets);
    fputs(it->sets ? ".flag={" : "", out);
    for (unsigned i = 0; i < 16; i++)
        if (it->sets && it->flag[i].count)
            fprintf(out, "[%u]={%u,%u,%u},", i, it->flag[i].first, it->flag[i].count,
                    it->flag[i].has_locals);
    fputs(it->sets ? "}," : "", out);
END
EACH(isa_law, laws, nlaws)
    ALWAYS(flagfn); BODY(condition); BODY(shortcut);
END
EACH(isa_flag_use, flag_uses, nflag_uses)
    ALWAYS(observes); NUMBER(reads); NUMBER(may_set); NUMBER(sets); NUMBER(touches);
    fprintf(out, ".kind={%u,%u},", it->kind[0], it->kind[1]);
END
EACH(isa_flag_known, flag_known, nflag_known)
    ALWAYS(variant); NUMBER(flagfn); NUMBER(instead);
END
EACH(isa_mode, modes, nmodes)
    ALWAYS(at); NUMBER(name); NUMBER(bits); NUMBER(hint); BODY(value);
END
EACH(isa_model, models, nmodels)
    ALWAYS(nfeatures); NUMBER(name); NUMBER(features);
END
EACH(isa_sysreg, sysregs, nsysregs)
    ALWAYS(number); NUMBER(name); NUMBER(priv); NUMBER(read_only); NUMBER(w); NUMBER(file);
    BODY(read); BODY(write); NUMBER(fields); NUMBER(nfields);
END
EACH(isa_ex_row, examples, nexamples)
    ALWAYS(number); NUMBER(insn); NUMBER(model);
END
EACH(isa_ex_case, ex_cases, nex_cases)
    ALWAYS(length); NUMBER(text); WHERE; NUMBER(start); NUMBER(npre); NUMBER(npost);
    NUMBER(ncode); NUMBER(bytes); NUMBER(items); NUMBER(code);
END
EACH(isa_dnode, dnodes, ndnodes)
    ALWAYS(shift); NUMBER(bits); NUMBER(first);
END
    /* clang-format on */

    static void
    emit_nodes(struct emit *e)
{
    const struct sem *it = e->isa->nodes;

    if (!e->isa->nnodes)
        return;
    fprintf(e->out, "static const struct sem %snodes[] = {\n", e->prefix);
    for (uint32_t i = 0; i < e->isa->nnodes; i++, it++) {
        const unsigned member[] = { it->op, it->x, it->w, it->d, it->a, it->b, it->c };
        unsigned last = 6;

        while (last && !member[last])
            last--;
        putc('{', e->out);
        for (unsigned k = 0; k <= last; k++)
            fprintf(e->out, k < last ? "%u," : "%u},", member[k]);
        if (i % 4 == 3)
            putc('\n', e->out);
    }
    fputs("};\n", e->out);
}

/* An array of plain numbers; each is written by itself so that any width will do. */
#define NUMBERS(type, array, count)                                                      \
    static void emit_##array(struct emit *e)                                             \
    {                                                                                    \
        if (e->isa->count)                                                               \
            fprintf(e->out, "static const " #type " %s" #array "[] = {\n", e->prefix);   \
        for (uint32_t i = 0; i < e->isa->count; i++)                                     \
            fprintf(e->out, i % 16 == 15 ? "0x%" PRIx64 ",\n" : "0x%" PRIx64 ",",        \
                    (uint64_t)e->isa->array[i]);                                         \
        fputs(e->isa->count ? "};\n" : "", e->out);                                      \
    }
NUMBERS(uint32_t, names, nnames)
NUMBERS(uint16_t, numbers, nnumbers)
NUMBERS(uint8_t, ex_bytes, nex_bytes)
NUMBERS(uint64_t, values, nvalues)
NUMBERS(uint64_t, consts, nconsts)
NUMBERS(uint64_t, effects, neffects)
NUMBERS(uint16_t, dtable, ndtable)
NUMBERS(uint16_t, dleaves, ndleaves)
NUMBERS(uint32_t, features, nfeatures)
NUMBERS(uint32_t, sources, nsources)
NUMBERS(uint32_t, links, nlinks)

static void emit_strings(struct emit *e)
{
    put_strings(e, "strings", e->isa->strings, e->isa->nstrings);
}

static void emit_literals(struct emit *e)
{
    put_strings(e, "literals", e->isa->literals, e->isa->nliterals);
}

void put_numbers(FILE *out, const char *name, const uint16_t *numbers, uint32_t count)
{
    if (!count)
        return;
    fprintf(out, "static const uint16_t %s[] = {\n", name);
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, i % 16 == 15 ? "%u,\n" : "%u,", numbers[i]);
    fputs("};\n", out);
}

/* ----------------------------------------------------------------- the whole */

/* X(array, count) for the arrays of all targets, and for a target's own. */
/* clang-format off */
#define COMMON(X)                                                                        \
    X(strings, nstrings) X(names, nnames) X(numbers, nnumbers) X(consts, nconsts)        \
    X(nodes, nnodes) X(slots, nslots) X(pieces, npieces) X(fields_all, nfields)          \
    X(operands_all, noperands) X(enums, nenums) X(alts, nalts) X(texts, ntexts)          \
    X(literals, nliterals) X(fixes, nfixes) X(lengths, nlengths)                         \
    X(feature_sets, nfeature_sets) X(sysreg_fields, nsysreg_fields)                      \
    X(ex_cases, nex_cases) X(ex_items, nex_items) X(ex_codes, nex_codes) X(ex_bytes, nex_bytes) X(values, nvalues)
#define OWN(X)                                                                           \
    X(sources, nsources) X(files, nfiles) X(views, nviews) X(view_bodies, nview_bodies) X(regnames, nregnames)        \
    X(insns, ninsns) X(variants, nvariants) X(choices, nchoices) X(links, nlinks) X(aliases, naliases)    \
    X(fetches, nfetches) X(dnodes, ndnodes) X(dtable, ndtable) X(dleaves, ndleaves)      \
    X(accesses, naccesses) X(traps, ntraps) X(helpers, nhelpers)            \
    X(fpcalls, nfpcalls) X(fpenvs, nfpenvs) X(flags, nflags) X(flagfns, nflagfns)        \
    X(laws, nlaws) X(flag_uses, nflag_uses) X(flag_known, nflag_known)                   \
    X(modes, nmodes) X(features, nfeatures) X(models, nmodels)                           \
    X(sysregs, nsysregs) X(examples, nexamples) X(effects, neffects)   \
    X(gdb_rows, ngdb_rows)
/* clang-format on */
#define EMIT(array, count) emit_##array(&e);

static void emit_target(const struct isa *it, FILE *out)
{
    char prefix[100];
    struct emit e = { it, out, prefix };

    snprintf(prefix, sizeof prefix, "%s_", it->name);
    OWN(EMIT)
    emit_streams(it, prefix, out);
    fprintf(out, "extern const struct isa isa_%s;\nconst struct isa isa_%s = {\n",
            it->name, it->name);
    put_text(out, "name", it->name);
    put_text(out, "family", it->family);
    put_text(out, "doc", it->doc);
    NUMBER(pc_width);
    NUMBER(delay);
    NUMBER(min_ilen);
    NUMBER(state_size);
    NUMBER(nchosen);
    NUMBER(sysreg_trap);
    NUMBER(gdb_arch);
    BODY(sysreg_priv);
    NUMBER(effect_words);
    putc('\n', out);
#define MEMBER_COMMON(array, count)                                                      \
    if (it->count)                                                                       \
        fprintf(out, "." #array "=" #array ",." #count "=%u,\n", (unsigned)it->count);
#define MEMBER_OWN(array, count)                                                         \
    if (it->count)                                                                       \
        fprintf(out, "." #array "=%s" #array ",." #count "=%u,\n", prefix,               \
                (unsigned)it->count);
    COMMON(MEMBER_COMMON)
    OWN(MEMBER_OWN)
    MEMBER_OWN(streams, nstreams)
    fputs("};\n", out);
}

void emit_table(struct isa *const *isas, unsigned count, FILE *out)
{
    struct emit e = { isas[0], out, "" };
    bool has_streams = false;

    for (unsigned i = 0; i < count; i++)
        has_streams |= isas[i]->nstreams != 0;
    fprintf(out, "/* %s: written by isagen. */\n#include \"isa/%s.h\"\n\n",
            isas[0]->family, has_streams ? "stream" : "isa");
    fputs("#ifdef __GNUC__\n#pragma GCC diagnostic ignored "
          "\"-Wmissing-field-initializers\"\n#endif\n",
          out);
    COMMON(EMIT)
    for (unsigned i = 0; i < count; i++)
        emit_target(isas[i], out);
}
