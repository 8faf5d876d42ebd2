/* emit_stream.c - the tables of variable-length encodings as C data. */
#include <inttypes.h>

#include "isa/stream.h"
#include "isagen/emit_parts.h"

static void put_sets(FILE *out, struct stream_sets sets)
{
    if (sets.count)
        fprintf(out, ".sets={%u,%u},", sets.first, sets.count);
}

static void emit_stream_rows(FILE *out, const struct isa_stream *stream,
                             const char *prefix, unsigned number)
{
    if (!stream->nrows)
        return;
    fprintf(out, "static const struct stream_row %srows_%u[] = {\n", prefix, number);
    for (uint32_t i = 0; i < stream->nrows; i++) {
        const struct stream_row *it = &stream->rows[i];

        putc('{', out);
        ALWAYS(insn);
        NUMBER(map);
        NUMBER(bytes);
        NUMBER(mask);
        NUMBER(value);
        NUMBER(not_mask);
        NUMBER(not_value);
        BODY(when);
        put_sets(out, it->sets);
        NUMBER(need);
        NUMBER(needs);
        NUMBER(step);
        NUMBER(steps);
        fputs("},\n", out);
    }
    fputs("};\n", out);
}

static void emit_stream_prefixes(FILE *out, const struct isa_stream *stream,
                                 const char *prefix, unsigned number)
{
    if (!stream->nprefixes)
        return;
    fprintf(out, "static const struct stream_prefix %sprefixes_%u[] = {\n", prefix,
            number);
    for (uint32_t i = 0; i < stream->nprefixes; i++) {
        const struct stream_prefix *it = &stream->prefixes[i];

        putc('{', out);
        ALWAYS(bytes);
        NUMBER(mask);
        NUMBER(value);
        NUMBER(phase);
        NUMBER(next);
        NUMBER(last);
        BODY(when);
        put_sets(out, it->sets);
        fputs("},\n", out);
    }
    fputs("};\n", out);
}

static void emit_stream_parts(FILE *out, const struct isa_stream *stream,
                              const char *prefix, unsigned number)
{
    if (stream->nsets)
        fprintf(out, "static const struct stream_set %ssets_%u[] = {\n", prefix, number);
    for (uint32_t i = 0; i < stream->nsets; i++) {
        const struct stream_set *it = &stream->sets[i];

        putc('{', out);
        ALWAYS(field);
        NUMBER(at);
        NUMBER(len);
        NUMBER(to);
        NUMBER(invert);
        NUMBER(is_signed);
        NUMBER(constant);
        NUMBER(mask);
        NUMBER(value);
        fputs("},\n", out);
    }
    fputs(stream->nsets ? "};\n" : "", out);
    if (stream->nneeds)
        fprintf(out, "static const struct stream_need %sneeds_%u[] = {\n", prefix,
                number);
    for (uint32_t i = 0; i < stream->nneeds; i++)
        fprintf(out, "{%u,0x%" PRIx32 "},\n", stream->needs[i].field,
                stream->needs[i].value);
    fputs(stream->nneeds ? "};\n" : "", out);
    if (stream->nsteps)
        fprintf(out, "static const struct stream_step %ssteps_%u[] = {\n", prefix,
                number);
    for (uint32_t i = 0; i < stream->nsteps; i++) {
        const struct stream_step *it = &stream->steps[i];

        putc('{', out);
        ALWAYS(bytes);
        BODY(when);
        put_sets(out, it->sets);
        fputs("},\n", out);
    }
    fputs(stream->nsteps ? "};\n" : "", out);
}

void emit_streams(const struct isa *isa, const char *prefix, FILE *out)
{
    const struct isa_stream *it = isa->streams;
    char name[120];

    for (unsigned i = 0; i < isa->nstreams; i++) {
        emit_stream_prefixes(out, &it[i], prefix, i);
        emit_stream_rows(out, &it[i], prefix, i);
        emit_stream_parts(out, &it[i], prefix, i);
        snprintf(name, sizeof(name), "%sindex_%u", prefix, i);
        put_numbers(out, name, it[i].index, it[i].maps * 256u);
        snprintf(name, sizeof(name), "%slists_%u", prefix, i);
        put_numbers(out, name, it[i].lists, it[i].nlists);
    }
    if (isa->nstreams)
        fprintf(out, "static const struct isa_stream %sstreams[] = {\n", prefix);
    for (unsigned i = 0; i < isa->nstreams; i++, it++) {
        putc('{', out);
        ALWAYS(max);
        put_text(out, "name", it->name);
        NUMBER(unit);
        NUMBER(big);
        NUMBER(maps);
        NUMBER(fields);
        NUMBER(field);
#define PART(part)                                                                       \
    if (it->n##part)                                                                     \
    fprintf(out, "." #part "=%s" #part "_%u,.n" #part "=%u,", prefix, i, it->n##part)
        PART(prefixes);
        PART(rows);
        PART(sets);
        PART(needs);
        PART(steps);
        PART(lists);
        if (it->maps)
            fprintf(out, ".index=%sindex_%u,", prefix, i);
        fputs("},\n", out);
    }
    fputs(isa->nstreams ? "};\n" : "", out);
}
