/* emit_table.c - a struct isa as constant C data.
 *
 * Arrays that other arrays point to (texts, names, example values) are gathered into one
 * pool per type, written before their users.  Large structs are written with designated
 * initialisers and without their zeros, so that isa.h may grow; nodes, the bulk, are
 * plain rows of numbers. */
#include "isagen/emit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isagen/emit_parts.h"

enum { RECENT = 256 }; /* arrays that are looked through for one that is shared */

/* Arrays written so far, by their address in the table being written. */
struct pool {
    const char *name;
    const char *type;
    size_t size; /* of an element that memcmp() can compare, else 0 */
    uint32_t used;
    struct entry {
        const void *array;
        uint32_t at, count;
    } * entries;
    uint32_t count, room;
    bool is_open;
};

struct emit {
    const struct isa *isa;
    FILE *out;
    struct pool texts, alts, enums, fixes, lengths, names, numbers, fields, items, bytes,
        codes;
};

/* --------------------------------------------------------------------- atoms */

static void put_string(FILE *out, const char *text)
{
    if (!text) {
        fputs("0", out);
        return;
    }
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
    fprintf(out, ".%s={%" PRIu32 ",%u,%u},", member, body.first, body.count, body.locals);
}

#define POOLED(pool, member) put_pooled(e, &e->pool, #member, it->member)

/* --------------------------------------------------------------------- pools */

static int compare_entries(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct entry *)a)->array;
    uintptr_t y = (uintptr_t)((const struct entry *)b)->array;

    return (x > y) - (x < y);
}

static void add_entry(struct pool *pool, const void *array, uint32_t at, uint32_t count)
{
    if (pool->count == pool->room) {
        pool->room = pool->room ? pool->room * 2 : 256;
        pool->entries = realloc(pool->entries, pool->room * sizeof(*pool->entries));
        if (!pool->entries)
            die("out of memory");
    }
    pool->entries[pool->count++] = (struct entry){ array, at, count };
}

/* Notes an array of `count`; false: it is there already, or empty. */
static bool pool_add(struct emit *e, struct pool *pool, const void *array, uint32_t count)
{
    if (!array || !count)
        return false;
    for (uint32_t i = pool->count; i > 0 && i + RECENT > pool->count; i--)
        if (pool->entries[i - 1].array == array)
            return false; /* else it is written twice: no harm */
    for (uint32_t i = 0; i < pool->count && pool->size; i++)
        if (pool->entries[i].count == count &&
            !memcmp(pool->entries[i].array, array, count * pool->size)) {
            add_entry(pool, array, pool->entries[i].at, count);
            return false;
        }
    if (!pool->is_open)
        fprintf(e->out, "static const %s%s[] = {\n", pool->type, pool->name);
    pool->is_open = true;
    add_entry(pool, array, pool->used, count);
    pool->used += count;
    return true;
}

static void pool_close(struct emit *e, struct pool *pool)
{
    if (pool->is_open)
        fputs("};\n", e->out);
    if (pool->count)
        qsort(pool->entries, pool->count, sizeof(*pool->entries), compare_entries);
}

static void put_pooled(struct emit *e, struct pool *pool, const char *member,
                       const void *array)
{
    const struct entry key = { array, 0, 0 }, *entry = NULL;

    if (array && pool->count)
        entry = bsearch(&key, pool->entries, pool->count, sizeof(key), compare_entries);
    if (entry)
        fprintf(e->out, ".%s=%s+%" PRIu32 ",", member, pool->name, entry->at);
}

static void pool_text(struct emit *e, const struct isa_text *text)
{
    uint32_t count = 0;

    while (text && text[count++].kind != TEXT_END)
        ;
    if (!pool_add(e, &e->texts, text, count))
        return;
    for (; count--; text++)
        fprintf(e->out, "{%u,%u,%u},", text->kind, text->operand, text->literal);
    putc('\n', e->out);
}

static void emit_literals(struct emit *e)
{
    const char *text = e->isa->literals, *end = text + e->isa->nliterals;

    if (!e->isa->nliterals)
        return;
    fputs("static const char literals[] =", e->out);
    for (; text < end; text += strlen(text) + 1) {
        fputs("\n    ", e->out);
        put_string(e->out, text);
        fputs(" \"\\0\"", e->out);
    }
    fputs(";\n", e->out);
}

static void pool_texts(struct emit *e)
{
    const struct isa *isa = e->isa;

    for (uint32_t i = 0; i < isa->ninsns; i++)
        pool_text(e, isa->insns[i].text);
    for (uint32_t i = 0; i < isa->naliases; i++)
        pool_text(e, isa->aliases[i].text);
    for (uint32_t i = 0; i < isa->noperands; i++)
        for (uint32_t k = 0; k < isa->operands_all[i].nalts; k++)
            pool_text(e, isa->operands_all[i].alts[k].text);
    pool_close(e, &e->texts);
}

static void pool_operands(struct emit *e)
{
    const struct isa_operand *op = e->isa->operands_all;
    FILE *out = e->out;

    for (uint32_t i = 0; i < e->isa->noperands; i++)
        if (pool_add(e, &e->alts, op[i].alts, op[i].nalts))
            for (uint32_t k = 0; k < op[i].nalts; k++) {
                const struct isa_alt *it = &op[i].alts[k];

                putc('{', out);
                POOLED(texts, text);
                BODY(when);
                fputs("},\n", out);
            }
    pool_close(e, &e->alts);
    for (uint32_t i = 0; i < e->isa->noperands; i++)
        if (pool_add(e, &e->enums, op[i].enums, op[i].nenums)) {
            for (uint32_t k = 0; k < op[i].nenums; k++) {
                putc('{', out);
                put_string(out, op[i].enums[k].name);
                fprintf(out, ",0x%" PRIx64 "},", op[i].enums[k].value);
            }
            putc('\n', out);
        }
    pool_close(e, &e->enums);
}

static void pool_fixes(struct emit *e)
{
    FILE *out = e->out;

    for (uint32_t i = 0; i < e->isa->naliases; i++) {
        const struct isa_alias *alias = &e->isa->aliases[i];

        if (!pool_add(e, &e->fixes, alias->fixes, alias->nfixes))
            continue;
        for (uint32_t k = 0; k < alias->nfixes; k++) {
            const struct isa_fix *it = &alias->fixes[k];

            fprintf(out, "{.field=%u,", it->field);
            BODY(value);
            fputs("},\n", out);
        }
    }
    pool_close(e, &e->fixes);
}

static void pool_lengths(struct emit *e)
{
    for (uint32_t i = 0; i < e->isa->nfetches; i++) {
        const struct isa_fetch *fetch = &e->isa->fetches[i];

        if (!pool_add(e, &e->lengths, fetch->lengths, fetch->nlengths))
            continue;
        for (uint32_t k = 0; k < fetch->nlengths; k++)
            fprintf(e->out, "{0x%" PRIx64 ",0x%" PRIx64 ",%u},\n", fetch->lengths[k].mask,
                    fetch->lengths[k].value, fetch->lengths[k].bytes);
    }
    pool_close(e, &e->lengths);
}

static void pool_name_list(struct emit *e, const char *const *names, uint32_t count)
{
    if (!pool_add(e, &e->names, names, count))
        return;
    while (count--) {
        put_string(e->out, *names++);
        putc(',', e->out);
    }
    putc('\n', e->out);
}

static void pool_names(struct emit *e)
{
    const struct isa *isa = e->isa;

    for (uint32_t i = 0; i < isa->nfiles; i++)
        pool_name_list(e, isa->files[i].names, isa->files[i].count);
    for (uint32_t i = 0; i < isa->nviews; i++)
        pool_name_list(e, isa->views[i].names, isa->views[i].count);
    for (uint32_t i = 0; i < isa->nflags; i++)
        pool_name_list(e, isa->flags[i].names, isa->flags[i].count);
    pool_name_list(e, isa->features, isa->nfeatures);
    pool_close(e, &e->names);
}

static void pool_number_list(struct emit *e, const uint16_t *numbers, uint32_t count)
{
    if (!pool_add(e, &e->numbers, numbers, count))
        return;
    while (count--)
        fprintf(e->out, "%u,", *numbers++);
    putc('\n', e->out);
}

static void pool_numbers(struct emit *e)
{
    for (uint32_t i = 0; i < e->isa->nfeature_sets; i++)
        pool_number_list(e, e->isa->feature_sets[i].all, e->isa->feature_sets[i].count);
    for (uint32_t i = 0; i < e->isa->nmodels; i++)
        pool_number_list(e, e->isa->models[i].features, e->isa->models[i].nfeatures);
    pool_close(e, &e->numbers);
}

static void pool_sysreg_fields(struct emit *e)
{
    FILE *out = e->out;

    for (uint32_t i = 0; i < e->isa->nsysregs; i++) {
        const struct isa_sysreg *reg = &e->isa->sysregs[i];

        if (!pool_add(e, &e->fields, reg->fields, reg->nfields))
            continue;
        for (uint32_t k = 0; k < reg->nfields; k++) {
            const struct isa_sysreg_field *it = &reg->fields[k];

            fprintf(out, "{.hi=%u,.lo=%u,", it->hi, it->lo);
            STRING(name);
            STRING(access);
            fputs("},\n", out);
        }
    }
    pool_close(e, &e->fields);
}

static void pool_item_list(struct emit *e, const struct isa_ex_item *it, uint32_t count)
{
    FILE *out = e->out;

    if (!pool_add(e, &e->items, it, count))
        return;
    for (; count--; it++) {
        fprintf(out, "{.loc=%u,", it->loc);
        NUMBER(size);
        NUMBER(view);
        NUMBER(index);
        NUMBER(addr);
        NUMBER(value);
        NUMBER(value_hi);
        fputs("},", out);
    }
    putc('\n', out);
}

static void pool_examples(struct emit *e)
{
    for (uint32_t i = 0; i < e->isa->nexamples; i++) {
        pool_item_list(e, e->isa->examples[i].pre, e->isa->examples[i].npre);
        pool_item_list(e, e->isa->examples[i].post, e->isa->examples[i].npost);
    }
    pool_close(e, &e->items);
    for (uint32_t i = 0; i < e->isa->nexamples; i++) {
        const struct isa_ex_code *it = e->isa->examples[i].code;

        if (!pool_add(e, &e->codes, it, e->isa->examples[i].ncode))
            continue;
        for (uint32_t k = e->isa->examples[i].ncode; k--; it++) {
            fputs("{", e->out);
            put_string(e->out, it->text);
            fprintf(e->out, ",%u},", it->at);
        }
        putc('\n', e->out);
    }
    pool_close(e, &e->codes);
    for (uint32_t i = 0; i < e->isa->nexamples; i++) {
        const struct isa_example *example = &e->isa->examples[i];

        if (!pool_add(e, &e->bytes, example->bytes, example->length))
            continue;
        for (uint32_t k = 0; k < example->length; k++)
            fprintf(e->out, "%u,", example->bytes[k]);
        putc('\n', e->out);
    }
    pool_close(e, &e->bytes);
}

/* -------------------------------------------------------------------- arrays */

/* One function per type: EACH(type, array) { members } END. */
#define EACH(kind, array, count)                                                         \
    static void emit_##array(struct emit *e)                                             \
    {                                                                                    \
        const struct kind *it = e->isa->array, *end = it + e->isa->count;                \
        FILE *out = e->out;                                                              \
                                                                                         \
        if (it == end)                                                                   \
            return;                                                                      \
        fprintf(out, "static const struct " #kind " " #array "[] = {\n");                \
        for (; it < end; it++) {                                                         \
            putc('{', out);
#define END                                                                              \
    fputs("},\n", out);                                                                  \
    }                                                                                    \
    fputs("};\n", out);                                                                  \
    }

/* clang-format off */
EACH(isa_file, files, nfiles)
    ALWAYS(count); STRING(name); POOLED(names, names); NUMBER(width); NUMBER(stride);
    NUMBER(offset); NUMBER(has_zero); NUMBER(hidden);
END
EACH(isa_view, views, nviews)
    ALWAYS(file); STRING(name); NUMBER(count); NUMBER(width); NUMBER(low_bit); NUMBER(zero);
    POOLED(names, names); BODY(get); BODY(put);
END
EACH(isa_regname, regnames, nregnames)
    ALWAYS(view); STRING(name); NUMBER(index);
END
EACH(isa_field, fields_all, nfields)
    ALWAYS(bits); STRING(name); NUMBER(piece); NUMBER(pieces); NUMBER(is_signed); NUMBER(scale);
END
EACH(isa_operand, operands_all, noperands)
    ALWAYS(kind); STRING(name); NUMBER(field); NUMBER(hex); NUMBER(plus_minus);
    NUMBER(from_end); NUMBER(open); NUMBER(has_omit);
    NUMBER(view); SIGNED(bias); SIGNED(omit); POOLED(enums, enums); NUMBER(nenums);
    BODY(view_choice); BODY(value); BODY(inverse); POOLED(alts, alts); NUMBER(nalts);
    STRING(sep); NUMBER(runs); NUMBER(reversed);
END
EACH(isa_slot, slots, nslots)
    ALWAYS(kind); NUMBER(at); NUMBER(size); NUMBER(is_signed); NUMBER(w); NUMBER(view);
    NUMBER(quick); NUMBER(plus_pc); SIGNED(bias); BODY(expr);
END
EACH(isa_insn, insns, ninsns)
    ALWAYS(length); STRING(name); STRING(mnemonic); POOLED(texts, text); STRING(doc);
    STRING(where); STRING(picture); NUMBER(mask); NUMBER(value); NUMBER(fields);
    NUMBER(operands); NUMBER(field); NUMBER(operand); BODY(where_ok); NUMBER(else_kind);
    BODY(guard); NUMBER(features); NUMBER(choice); NUMBER(mode_set);
END
EACH(isa_variant, variants, nvariants)
    ALWAYS(insn); BODY(body); NUMBER(slot); NUMBER(slots); NUMBER(op_units); NUMBER(flags);
    NUMBER(reads); NUMBER(writes); NUMBER(without_flags);
END
EACH(isa_choice, choices, nchoices)
    ALWAYS(leaf); BODY(expr); NUMBER(values);
END
EACH(isa_alias, aliases, naliases)
    ALWAYS(insn); POOLED(texts, text); NUMBER(prefer); BODY(when); POOLED(fixes, fixes);
    NUMBER(nfixes); STRING(mnemonic); NUMBER(features);
END
EACH(isa_fetch, fetches, nfetches)
    ALWAYS(parcel); BODY(when); NUMBER(big); NUMBER(high_first); POOLED(lengths, lengths);
    NUMBER(nlengths); NUMBER(root); NUMBER(stream);
END
EACH(isa_access, accesses, naccesses)
    ALWAYS(big); NUMBER(order); NUMBER(align); NUMBER(kind); NUMBER(space); NUMBER(trap);
END
EACH(isa_trap, traps, ntraps)
    ALWAYS(cause); STRING(name);
END
EACH(isa_helper, helpers, nhelpers)
    ALWAYS(args); STRING(name); NUMBER(result_w); NUMBER(ends_block); NUMBER(may_trap);
    NUMBER(nondet);
END
EACH(isa_fn, fns, nfns)
    fprintf(out, ".arg_w={%u,%u,%u},", it->arg_w[0], it->arg_w[1], it->arg_w[2]);
    STRING(name); NUMBER(result_w); NUMBER(args); BODY(body);
END
EACH(isa_fpcall, fpcalls, nfpcalls)
    ALWAYS(format); NUMBER(format2); NUMBER(env); NUMBER(round);
END
EACH(isa_fpenv, fpenvs, nfpenvs)
    ALWAYS(rules); STRING(name); BODY(more_rules); NUMBER(file); NUMBER(index);
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
EACH(isa_flags, flags, nflags)
    ALWAYS(count); STRING(name); POOLED(names, names); NUMBER(bits_file); NUMBER(kind_file);
    NUMBER(args_file);
END
EACH(isa_flagfn, flagfns, nflagfns)
    fprintf(out, ".arg_w={%u,%u,%u},", it->arg_w[0], it->arg_w[1], it->arg_w[2]);
    STRING(name); NUMBER(group); NUMBER(args); NUMBER(sets);
    fputs(it->sets ? ".flag={" : "", out);
    for (unsigned i = 0; i < 16; i++)
        if (it->sets && it->flag[i].count)
            fprintf(out, "[%u]={%" PRIu32 ",%u,%u},", i, it->flag[i].first,
                    it->flag[i].count, it->flag[i].locals);
    fputs(it->sets ? "}," : "", out);
END
EACH(isa_law, laws, nlaws)
    ALWAYS(flagfn); BODY(condition); BODY(shortcut);
END
EACH(isa_mode, modes, nmodes)
    ALWAYS(at); STRING(name); NUMBER(bits); NUMBER(hint); BODY(value);
END
EACH(isa_feature_set, feature_sets, nfeature_sets)
    ALWAYS(count); POOLED(numbers, all); NUMBER(or_next);
END
EACH(isa_model, models, nmodels)
    ALWAYS(nfeatures); STRING(name); POOLED(numbers, features);
END
EACH(isa_sysreg, sysregs, nsysregs)
    ALWAYS(number); STRING(name); NUMBER(priv); NUMBER(read_only); NUMBER(w); NUMBER(file);
    BODY(read); BODY(write); POOLED(fields, fields); NUMBER(nfields);
END
EACH(isa_example, examples, nexamples)
    ALWAYS(length); STRING(text); STRING(where); NUMBER(insn); NUMBER(model); NUMBER(pc);
    NUMBER(mode); POOLED(bytes, bytes); POOLED(items, pre); POOLED(items, post);
    NUMBER(npre); NUMBER(npost); POOLED(codes, code); NUMBER(ncode);
END
    /* clang-format on */

    static void
    emit_nodes(struct emit *e)
{
    const struct sem *it = e->isa->nodes;

    if (!e->isa->nnodes)
        return;
    fputs("static const struct sem nodes[] = {\n", e->out);
    for (uint32_t i = 0; i < e->isa->nnodes; i++, it++) {
        const unsigned member[] = { it->op, it->x, it->w, it->a, it->b, it->c, it->d };
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

void put_numbers(FILE *out, const char *name, const uint16_t *numbers, uint32_t count)
{
    if (!count)
        return;
    fprintf(out, "static const uint16_t %s[] = {\n", name);
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, i % 16 == 15 ? "%u,\n" : "%u,", numbers[i]);
    fputs("};\n", out);
}

static void emit_words(FILE *out, const char *name, const uint64_t *words, uint32_t count)
{
    if (!count)
        return;
    fprintf(out, "static const uint64_t %s[] = {\n", name);
    for (uint32_t i = 0; i < count; i++)
        fprintf(out, i % 4 == 3 ? "0x%" PRIx64 ",\n" : "0x%" PRIx64 ",", words[i]);
    fputs("};\n", out);
}

static void emit_small(struct emit *e)
{
    const struct isa *isa = e->isa;
    FILE *out = e->out;

    emit_words(out, "consts", isa->consts, isa->nconsts);
    emit_words(out, "effects", isa->effects, isa->neffects);
    put_numbers(out, "dtable", isa->dtable, isa->ndtable);
    put_numbers(out, "dleaves", isa->dleaves, isa->ndleaves);
    if (isa->npieces) {
        fputs("static const struct isa_piece pieces[] = {\n", out);
        for (uint32_t i = 0; i < isa->npieces; i++)
            fprintf(out, i % 8 == 7 ? "{%u,%u,%u},\n" : "{%u,%u,%u},", isa->pieces[i].at,
                    isa->pieces[i].len, isa->pieces[i].to);
        fputs("};\n", out);
    }
    if (isa->ndnodes) {
        fputs("static const struct isa_dnode dnodes[] = {\n", out);
        for (uint32_t i = 0; i < isa->ndnodes; i++)
            fprintf(out, i % 8 == 7 ? "{%u,%u,%u},\n" : "{%u,%u,%u},",
                    isa->dnodes[i].shift, isa->dnodes[i].bits, isa->dnodes[i].first);
        fputs("};\n", out);
    }
}

/* ----------------------------------------------------------------- the whole */

static void emit_pools(struct emit *e)
{
    pool_texts(e);
    pool_operands(e);
    pool_fixes(e);
    pool_lengths(e);
    pool_names(e);
    pool_numbers(e);
    pool_sysreg_fields(e);
    pool_examples(e);
}

#define ARRAYS(X)                                                                        \
    X(files)                                                                             \
    X(views)                                                                             \
    X(regnames)                                                                          \
    X(slots)                                                                             \
    X(insns)                                                                             \
    X(variants)                                                                          \
    X(choices)                                                                           \
    X(literals)                                                                          \
    X(aliases)                                                                           \
    X(fetches)                                                                           \
    X(accesses)                                                                          \
    X(traps)                                                                             \
    X(helpers)                                                                           \
    X(fns)                                                                               \
    X(fpcalls)                                                                           \
    X(fpenvs)                                                                            \
    X(flags)                                                                             \
    X(flagfns)                                                                           \
    X(laws)                                                                              \
    X(modes)                                                                             \
    X(feature_sets)                                                                      \
    X(models)                                                                            \
    X(sysregs)                                                                           \
    X(examples)                                                                          \
    X(nodes)

static void emit_isa(struct emit *e)
{
    const struct isa *it = e->isa;
    FILE *out = e->out;

    fprintf(out, "const struct isa isa_%s = {\n", it->name);
    STRING(name);
    STRING(family);
    STRING(doc);
    NUMBER(pc_width);
    NUMBER(delay);
    NUMBER(min_ilen);
    NUMBER(state_size);
    NUMBER(sysreg_trap);
    BODY(sysreg_priv);
    NUMBER(effect_words);
    putc('\n', out);
#define ARRAY(array)                                                                     \
    if (it->n##array)                                                                    \
        fprintf(out, "." #array "=" #array ",.n" #array "=%u,\n", (unsigned)it->n##array);
    ARRAYS(ARRAY)
    ARRAY(streams)
    ARRAY(consts)
    ARRAY(effects)
    ARRAY(dtable)
    ARRAY(dleaves)
    ARRAY(pieces)
    ARRAY(dnodes)
    if (it->nfields)
        fprintf(out, ".fields_all=fields_all,.nfields=%u,\n", (unsigned)it->nfields);
    if (it->noperands)
        fprintf(out, ".operands_all=operands_all,.noperands=%u,\n",
                (unsigned)it->noperands);
    POOLED(names, features);
    fprintf(out, ".nfeatures=%u,\n};\n", it->nfeatures);
}

void emit_table(const struct isa *isa, FILE *out)
{
    struct emit e = {
        .isa = isa,
        .out = out,
        .texts = { .name = "texts", .type = "struct isa_text " },
        .alts = { .name = "alts", .type = "struct isa_alt " },
        .enums = { .name = "enums", .type = "struct isa_enum_name " },
        .fixes = { .name = "fixes", .type = "struct isa_fix " },
        .lengths = { .name = "lengths", .type = "struct isa_length " },
        .names = { .name = "names", .type = "char *const " },
        .numbers = { .name = "numbers", .type = "uint16_t " },
        .fields = { .name = "sysreg_fields", .type = "struct isa_sysreg_field " },
        .items = { .name = "items",
                   .type = "struct isa_ex_item ",
                   .size = sizeof(struct isa_ex_item) },
        .bytes = { .name = "bytes", .type = "uint8_t " },
        .codes = { .name = "codes", .type = "struct isa_ex_code " },
    };
    struct pool *pools[] = { &e.texts,   &e.alts,  &e.enums,   &e.fixes,
                             &e.lengths, &e.names, &e.numbers, &e.fields,
                             &e.items,   &e.bytes, &e.codes };

    fprintf(out, "/* %s: written by isagen. */\n#include \"isa/%s.h\"\n\n", isa->name,
            isa->nstreams ? "stream" : "isa");
    fputs("#ifdef __GNUC__\n#pragma GCC diagnostic ignored "
          "\"-Wmissing-field-initializers\"\n#endif\n",
          out);
    fprintf(out, "extern const struct isa isa_%s;\n", isa->name);
    emit_pools(&e);
    emit_small(&e);
    emit_fields_all(&e);
    emit_operands_all(&e);
#define EMIT(array) emit_##array(&e);
    ARRAYS(EMIT)
    emit_streams(isa, out);
    emit_isa(&e);
    for (unsigned i = 0; i < sizeof(pools) / sizeof(*pools); i++)
        free(pools[i]->entries);
}
