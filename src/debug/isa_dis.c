/* isa_dis.c - `rhea isa dis`, `asm` and `decode`. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "debug/isa_cmd.h"
#include "isa/sem.h"
#include "isa/text.h"

enum { LINE = 400 };

static unsigned print_flags(const struct isa_args *args)
{
    return args->no_aliases ? TEXT_NO_ALIASES : 0;
}

/* ------------------------------------------------------------------------ dis */

static void dis_bytes(const struct isa_args *args, const uint8_t *bytes, size_t size,
                      uint64_t pc)
{
    struct isa_decoded insn;
    char text[LINE];

    for (size_t at = 0; at < size; at += insn.length) {
        size_t left = size - at;

        isa_decode(args->isa, &args->features, args->mode, pc + at, bytes + at,
                   left < ISA_MAX_ILEN ? (unsigned)left : ISA_MAX_ILEN, &insn);
        if (insn.truncated) /* the last bytes, one by one */
            insn.length = 1;
        printf("%8" PRIx64 ":  ", pc + at);
        print_hex(stdout, args->isa, args->mode, bytes + at, insn.length);
        printf("%*s  ", insn.length < 4 ? 8 - 2 * insn.length : 0, "");
        if (insn.truncated)
            snprintf(text, sizeof(text), ".byte 0x%02x", bytes[at]);
        else
            isa_print(args->isa, &args->features, &insn, print_flags(args), text,
                      sizeof(text));
        puts(text);
    }
}

/* One word a line; blank lines and what follows the word are ignored. */
static void dis_lines(const struct isa_args *args, FILE *in)
{
    uint8_t bytes[ISA_MAX_ILEN];
    struct isa_decoded insn;
    char line[LINE], text[LINE];
    uint64_t pc = args->pc;

    while (fgets(line, sizeof(line), in)) {
        unsigned size;

        line[strcspn(line, " \t\r\n")] = 0;
        if (!*line)
            continue;
        size = hex_to_bytes(args->isa, args->mode, line, bytes, sizeof(bytes));
        if (!size)
            die("%s: not a word of %s in hexadecimal", line, args->isa->name);
        isa_decode(args->isa, &args->features, args->mode, pc, bytes, size, &insn);
        if (args->words) {
            isa_print(args->isa, &args->features, &insn, print_flags(args), text,
                      sizeof(text));
            puts(text);
            pc += args->step;
        } else {
            dis_bytes(args, bytes, size, pc);
            pc += size;
        }
    }
}

int isa_dis(const struct isa_args *args)
{
    uint64_t pc = args->pc;

    if (!args->count)
        dis_lines(args, stdin);
    for (unsigned i = 0; i < args->count; i++) {
        uint8_t bytes[ISA_MAX_ILEN * 8], *all;
        unsigned n =
            hex_to_bytes(args->isa, args->mode, args->rest[i], bytes, sizeof(bytes));
        size_t size;

        if (n) {
            dis_bytes(args, bytes, n, pc);
            pc += n;
        } else if (!strcmp(args->rest[i], "-")) {
            dis_lines(args, stdin);
        } else {
            all = read_whole(args->rest[i], &size);
            dis_bytes(args, all, size, pc);
            pc += size;
            free(all);
        }
    }
    return 0;
}

/* ------------------------------------------------------------------------ asm */

/* Assembles one line and prints its word; in a list of lines an error takes its place. */
static int asm_line(const struct isa_args *args, uint64_t *pc, const char *line,
                    bool in_list)
{
    uint8_t bytes[ISA_MAX_ILEN];
    char error[LINE];
    unsigned length = isa_assemble(args->isa, &args->features, args->mode, *pc, line,
                                   bytes, error, sizeof(error));

    if (!length) {
        fprintf(in_list ? stdout : stderr, in_list ? "? %s\n" : "rhea: %s\n", error);
        return 1;
    }
    print_hex(stdout, args->isa, args->mode, bytes, length);
    putchar('\n');
    *pc += length;
    return 0;
}

int isa_asm(const struct isa_args *args)
{
    bool from_stdin = !args->count || (args->count == 1 && !strcmp(args->rest[0], "-"));
    char line[LINE] = "";
    uint64_t pc = args->pc;
    int failed = 0;

    while (from_stdin && fgets(line, sizeof(line), stdin)) {
        uint64_t next = pc + args->step;

        line[strcspn(line, "\r\n")] = 0;
        failed |= asm_line(args, &pc, line, true);
        if (args->words) /* as `dis --words`: an address for each line, not for each byte
                          */
            pc = next;
    }
    if (from_stdin)
        return failed;
    for (unsigned i = 0; i < args->count; i++) {
        size_t n = strlen(line);

        snprintf(line + n, sizeof(line) - n, "%s%s", n ? " " : "", args->rest[i]);
    }
    for (char *part = line; part;) {
        char *end = strchr(part, ';');

        if (end)
            *end++ = 0;
        if (part[strspn(part, " \t")])
            failed |= asm_line(args, &pc, part, false);
        part = end;
    }
    return failed;
}

/* --------------------------------------------------------------------- decode */

static void print_bits(uint64_t value, unsigned count)
{
    while (count-- > 0)
        putchar(value >> count & 1 ? '1' : '0');
}

static void explain_tree(const struct isa *isa, const struct isa_fetch *fetch,
                         uint64_t key)
{
    unsigned at = fetch->root;
    const uint16_t *leaf;

    while (!(at & DLEAF)) {
        const struct isa_dnode *node = &isa->dnodes[at];
        uint64_t v = key >> node->shift & mask64(node->bits);

        printf("tree      bits %u:%u of the key are ", node->shift + node->bits - 1,
               node->shift);
        print_bits(v, node->bits);
        putchar('\n');
        at = isa->dtable[node->first + v];
    }
    printf("leaf     ");
    for (leaf = &isa->dleaves[at & ~(unsigned)DLEAF]; *leaf != ISA_NONE; leaf++)
        printf(" %s", isa_string(isa, isa->insns[*leaf].name));
    putchar('\n');
}

static const char *refusal(const struct isa_args *args, unsigned number,
                           const struct isa_decoded *as)
{
    const struct isa_insn *insn = &args->isa->insns[number];

    if ((as->word & insn->mask) != insn->value || as->length != insn->length)
        return "other bits";
    if (!isa_has_features(args->isa, insn->features, &args->features))
        return "a feature is off";
    if (!isa_exists(args->isa, (uint16_t)number, &args->features, args->mode))
        return "not in this mode";
    if (as->illegal)
        return "its constraint fails";
    return "fits";
}

static void explain_leaf(const struct isa_args *args, const struct isa_fetch *fetch,
                         const struct isa_decoded *insn)
{
    uint64_t key = isa_decode_key(fetch, insn->word, insn->length);
    unsigned at = fetch->root;
    struct isa_decoded as = *insn;

    while (!(at & DLEAF)) {
        const struct isa_dnode *node = &args->isa->dnodes[at];

        at = args->isa->dtable[node->first + (key >> node->shift & mask64(node->bits))];
    }
    for (const uint16_t *leaf = &args->isa->dleaves[at & ~(unsigned)DLEAF];
         *leaf != ISA_NONE; leaf++) {
        as.illegal = 0;
        isa_matches(args->isa, *leaf, &args->features, &as);
        printf("try       %-16s %s\n",
               isa_string(args->isa, args->isa->insns[*leaf].name),
               refusal(args, *leaf, &as));
    }
}

static void explain_insn(const struct isa_args *args, const struct isa_decoded *decoded)
{
    static const char *const kinds[] = { "undefined", "reserved", "unpredictable",
                                         "a nop" };
    const struct isa_insn *insn = &args->isa->insns[decoded->insn];
    char text[LINE], where[100];

    printf("insn      %s  (%s)\n", isa_string(args->isa, insn->name),
           isa_where_text(args->isa, insn->where, where, sizeof where));
    for (unsigned i = 0; i < insn->fields; i++) {
        const struct isa_field *field = &args->isa->fields_all[insn->field + i];

        if (!insn->length && !decoded->field[i])
            continue; /* a stream's instructions share many fields */
        printf("field     %-10s %" PRId64 " (0x%" PRIx64 ")",
               isa_string(args->isa, field->name), (int64_t)decoded->field[i],
               decoded->field[i]);
        for (unsigned k = 0; k < field->pieces && insn->length; k++) {
            const struct isa_piece *piece = &args->isa->pieces[field->piece + k];

            printf("  [%u:%u]=", piece->at + piece->len - 1, piece->at);
            print_bits(decoded->word >> piece->at, piece->len);
        }
        putchar('\n');
    }
    if (insn->where_ok.count) {
        printf("where     ");
        print_expression(stdout, args->isa, insn, insn->where_ok);
        printf(": %s\n", decoded->illegal ? "no" : "yes");
    }
    if (decoded->illegal)
        printf("so        %s\n", kinds[decoded->illegal - 1]);
    isa_print(args->isa, &args->features, decoded, 0, text, sizeof(text));
    printf("text      %s\n", text);
}

int isa_decode_word(const struct isa_args *args)
{
    const struct isa_fetch *fetch = isa_fetch_of(args->isa, args->mode);
    uint8_t bytes[ISA_MAX_ILEN];
    struct isa_decoded insn;
    unsigned size = 0;

    if (args->count == 1)
        size = hex_to_bytes(args->isa, args->mode, args->rest[0], bytes, sizeof(bytes));
    if (!size || !fetch)
        die("isa decode: give one word of %s in hexadecimal", args->isa->name);
    isa_decode(args->isa, &args->features, args->mode, args->pc, bytes, size, &insn);
    printf("length    %u bytes%s\n", insn.length,
           insn.truncated ? ", more than given" : "");
    if (fetch->stream == ISA_NONE && !insn.truncated && args->isa->ndleaves) {
        explain_tree(args->isa, fetch, isa_decode_key(fetch, insn.word, insn.length));
        explain_leaf(args, fetch, &insn);
    }
    if (insn.insn == ISA_NONE)
        puts("insn      none");
    else
        explain_insn(args, &insn);
    return 0;
}
