/* isagen.c - fuzzes the spec compiler: any bytes give messages, or a table that can be
 * checked, run, printed and assembled.
 *
 * Mutations are of tokens, so that most inputs get past the lexer.  A file that is not a
 * whole spec (one of isa-specs/riscv/) is put into riscv.isa in place of its imports. */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/time.h>

#define FUZZ_MAX (64 * 1024)
#define FUZZ_ROUND 3
#define FUZZ_MUTATE mutate_tokens
#define FUZZ_SEEDS                                                                       \
    "{tests/fuzz/%s,tests/isagen/hard,isa-specs/toys,isa-specs/riscv}/*.isa"
#include "fuzz/fuzz.h"
#include "isa/eval.h"
#include "isa/text.h"
#include "isagen/dtree.h"
#include "isagen/spec.h"

/* ------------------------------------------------------------------ mutations */

struct span {
    size_t from, size;
};

static bool is_word_char(int c)
{
    return isalnum(c) || c == '_';
}

/* The token at or after `at`; of size 0 at the end. */
static struct span token_at(const uint8_t *data, size_t size, size_t at)
{
    struct span t = { at, 0 };

    while (t.from > 0 && t.from < size && is_word_char(data[t.from]) &&
           is_word_char(data[t.from - 1]))
        t.from--;
    while (t.from < size && isspace(data[t.from]))
        t.from++;
    while (t.from + t.size < size && is_word_char(data[t.from + t.size]))
        t.size++;
    if (t.from < size && t.size == 0)
        t.size = 1;
    return t;
}

static size_t put_piece(uint8_t *data, size_t size, struct span old, const void *text,
                        size_t length)
{
    if (size - old.size + length > FUZZ_MAX)
        return size;
    memmove(data + old.from + length, data + old.from + old.size,
            size - old.from - old.size);
    memcpy(data + old.from, text, length);
    return size - old.size + length;
}

/* A number, name or piece that breaks things. */
static const char *odd_piece(void)
{
    static const char *const pieces[] = {
        "0",
        "1",
        "2",
        "7",
        "8",
        "31",
        "32",
        "33",
        "63",
        "64",
        "65",
        "127",
        "128",
        "129",
        "255",
        "256",
        "4095",
        "4096",
        "65535",
        "65536",
        "1000000",
        "0x7fffffff",
        "0x80000000",
        "0xffffffff",
        "0x100000000",
        "0x7fffffffffffffff",
        "0x8000000000000000",
        "0xffffffffffffffff",
        "-1",
        "(-1)",
        "s64",
        "u64",
        "s1",
        "u1",
        "u0",
        "s65",
        "b128(0)",
        "b64(0x8000000000000000)",
        "/s",
        "%s",
        "/u",
        "%u",
        "<<",
        ">>u",
        ">>s",
        "++",
        "?",
        ":",
        "0 ? 1 :",
        "pc",
        "ilen",
        "mem",
        "mem.ld32(0)",
        "mem.st128(0, 0)",
        "for i in 0..1000000 {}",
        "for i in 0..8 { for j in 0..8 {} }",
        "lanes<8>(i: 0..8) { }",
        "iterate (1) { }",
        "trap",
        "goto 0;",
        "if",
        "else",
        "let",
        "var",
        "return",
        "set",
        "undef",
        "branch",
        "zext",
        "sext",
        "lo<1>",
        "lane<8>",
        "replicate<128>",
        "idx",
        "raw",
        "width",
        "fn",
        "proc",
        "view",
        "file",
        "mode",
        "fetch",
        "insn",
        "family",
        "rows",
        "alias",
        "enum",
        "sysreg",
        "flagfn",
        "law",
        "fpenv",
        "stream",
        "((((((((((((((((((((((((((((((((",
        "~~~~~~~~~~~~~~~~",
        "\"\"",
        "\"{{{}}\"",
        ";",
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "[0]",
        "[63:0]",
        "[0:63]",
        "[0|1:0|2]",
        "{}",
        ";;",
        "else reserved",
        "when 1",
        "needs !I",
        "omit 0",
        "align 2",
        "align 1073741824",
        "scale 0",
        "hex",
        "open",
        "total;",
        "x",
        "in {0, 1}",
        "in rv",
        "-",
        "01-",
        "\t//",
        "/*",
        "0x",
        "1.5f",
        "1e9999d",
        "import \"riscv.isa\";",
    };

    return pieces[fuzz_random(sizeof(pieces) / sizeof(pieces[0]))];
}

static size_t mutate_tokens(uint8_t *data, size_t size)
{
    static uint8_t text[FUZZ_MAX];
    struct span a = token_at(data, size, fuzz_random((uint32_t)size + 1));
    struct span b = token_at(data, size, fuzz_random((uint32_t)size + 1));
    const char *piece = odd_piece();

    switch (fuzz_random(8)) {
    case 0: return fuzz_mutate(data, size);
    case 1: /* delete one, or all up to the other */
        if (b.from > a.from && b.from - a.from < 300)
            a.size = b.from - a.from;
        return put_piece(data, size, a, "", 0);
    case 2: /* repeat */
        memcpy(text, data + a.from, a.size);
        b = (struct span){ a.from, 0 };
        return put_piece(data, size, b, text, a.size);
    case 3: /* one becomes another */
        memcpy(text, data + b.from, b.size);
        return put_piece(data, size, a, text, b.size);
    case 4: /* a stretch is copied */
        b.size = fuzz_random(200);
        if (b.from + b.size > size)
            b.size = size - b.from;
        memcpy(text, data + b.from, b.size);
        a.size = 0;
        return put_piece(data, size, a, text, b.size);
    case 5: /* numbers to extremes: the next number after here */
        for (unsigned i = 0; i < 100 && a.size && !isdigit(data[a.from]); i++)
            a = token_at(data, size, a.from + a.size);
        return put_piece(data, size, a, piece, strlen(piece));
    case 6: a.size = 0; return put_piece(data, size, a, piece, strlen(piece));
    default: return put_piece(data, size, a, piece, strlen(piece));
    }
}

/* --------------------------------------------------------------------- one input */

static void count(void *context, const char *code, uint16_t a, uint16_t b, uint64_t word,
                  const char *text)
{
    (void)a, (void)b, (void)word;
    *(unsigned *)context += code[0] + strlen(text);
}

/* Random words, to text and back. */
static void print_some(const struct isa *isa)
{
    char text[256], error[256];
    uint8_t bytes[ISA_MAX_ILEN] = { 0 };
    struct isa_features all;
    struct isa_decoded insn;

    memset(&all, 0xff, sizeof(all));
    for (unsigned i = 0; i < 64; i++) {
        for (unsigned k = 0; k < sizeof(bytes); k++)
            bytes[k] = (uint8_t)fuzz_random(256);
        isa_decode(isa, &all, 0, 0x1000, bytes, sizeof(bytes), &insn);
        if (insn.insn == ISA_NONE)
            continue;
        isa_print(isa, &all, &insn, 0, text, sizeof(text));
        isa_assemble(isa, &all, 0, 0x1000, text, bytes, error, sizeof(error));
    }
}

static void use(const struct isa *isa)
{
    unsigned findings = 0;
    struct dtree_report report = { .report = count, .context = &findings };
    char error[1024];

    dtree_check_overlaps(isa, &report);
    dtree_check_gaps(isa, &report, 20);
    for (unsigned i = 0; i < isa->nexamples; i++) {
        struct isa_example example = isa_example(isa, i);

        eval_example(isa, &example, error, sizeof(error));
    }
    print_some(isa);
}

/* riscv.isa without its last brace; of its imports those that `part`, which begins with a
 * comment "// NAME.isa", is in need of. */
static size_t riscv_head(char *text, size_t room, const char *part)
{
    static const char *const needy[] = {
        "c", "d", "zfh", "zfa", "zcb", "priv", "zicntr"
    };
    char line[1024], name[16] = "", import[32];
    size_t length = 0;
    bool all = false;
    FILE *file = fopen("isa-specs/riscv/riscv.isa", "r");

    sscanf(part, "// %15[a-z].", name);
    for (size_t i = 0; i < sizeof(needy) / sizeof(needy[0]); i++)
        all |= !strcmp(needy[i], name);
    snprintf(import, sizeof(import), "\"%s.isa\"", name);
    while (file && fgets(line, sizeof(line), file))
        if ((!strstr(line, "import ") || (all && !strstr(line, import))) &&
            line[0] != '}' && length + strlen(line) < room) {
            strcpy(text + length, line);
            length += strlen(line);
        }
    if (file)
        fclose(file);
    return length;
}

static bool is_whole(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 4 < size; i++)
        if ((i == 0 || data[i - 1] == '\n') && !memcmp(data + i, "isa ", 4))
            return true;
    return false;
}

/* Seconds of CPU time until SIGPROF ends the program; 0: no limit. */
static void time_limit(unsigned seconds)
{
    struct itimerval t = { .it_value.tv_sec = seconds };

    setitimer(ITIMER_PROF, &t, NULL);
}

static void fuzz_one(const uint8_t *data, size_t size)
{
    static char text[2 * FUZZ_MAX + 4], errors[1 << 16];
    char name[32] = "";
    size_t length = 0;

    time_limit(10);
    memcpy(name, data, size < sizeof(name) ? size : sizeof(name) - 1);
    if (!is_whole(data, size))
        length = riscv_head(text, FUZZ_MAX, name);
    memcpy(text + length, data, size);
    size += length;
    if (length)
        text[size++] = '}';
    for (unsigned i = 0; i < 2; i++) {
        struct isa *isa =
            spec_load_text("isa-specs/riscv/fuzz.isa", text, size,
                           i && length ? "riscv32" : NULL, errors, sizeof(errors));

        if (isa)
            use(isa);
        else if (!errors[0])
            abort(); /* refused without a word */
        spec_free(isa);
        if (!length)
            break;
    }
    time_limit(0);
}
