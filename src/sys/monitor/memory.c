/* memory.c - expressions, and looking at memory. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "debug/gdb_parts.h"
#include "isa/decode.h"
#include "isa/space.h"
#include "isa/text.h"
#include "sys/board.h"
#include "sys/bus.h"
#include "sys/machine.h"
#include "sys/monitor/part.h"
#include "sys/vcpu.h"

enum { PIECE = 4096, DEEPEST = 64 };

static struct cpu *cpu_of(const struct call *call)
{
    return vcpu_cpu(machine_cpu(call->machine, call->monitor->cpu));
}

/* --------------------------------------------------------------------- expressions */

/* sum = product (("+" | "-") product)*;  product = factor (("*" | "/" | "%") factor)*;
 * all = sum (("&" | "|" | "^") sum)*;
 * factor = number | "'" character "'" | "$" register | "(" all ")" | ("-" | "~") factor
 */
struct expression {
    struct call *call;
    const char *at;
    unsigned depth;
    const char *wrong; /* NULL: nothing so far */
};

static uint64_t read_all(struct expression *e);

static char next_sign(struct expression *e)
{
    while (*e->at == ' ')
        e->at++;
    return *e->at;
}

static uint64_t fail(struct expression *e, const char *why)
{
    if (!e->wrong)
        e->wrong = why;
    return 0;
}

static uint64_t read_register(struct expression *e)
{
    struct cpu *cpu = cpu_of(e->call);
    size_t size = strspn(e->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_");
    struct isa_reg at;
    uint64_t value;
    char name[64];

    if (!size || size >= sizeof(name))
        return fail(e, "unknown register");
    memcpy(name, e->at, size);
    name[size] = 0;
    e->at += size;
    if (!strcmp(name, "pc"))
        return cpu->pc;
    for (unsigned i = 0; i < cpu->isa->nsysregs; i++)
        if (!strcmp(isa_string(cpu->isa, cpu->isa->sysregs[i].name), name) &&
            gdb_get_sysreg(cpu, &cpu->isa->sysregs[i], &value))
            return value;
    if (isa_find_reg(cpu->isa, name, &at) == 0)
        return cpu_get(cpu, at);
    return fail(e, "unknown register");
}

static uint64_t read_factor(struct expression *e)
{
    uint64_t value = 0;
    char *end;

    if (++e->depth > DEEPEST)
        return fail(e, "too deep");
    switch (next_sign(e)) {
    case '-':
        e->at++;
        value = -read_factor(e);
        break;
    case '+':
        e->at++;
        value = read_factor(e);
        break;
    case '~':
        e->at++;
        value = ~read_factor(e);
        break;
    case '$':
        e->at++;
        value = read_register(e);
        break;
    case '(':
        e->at++;
        value = read_all(e);
        if (next_sign(e) == ')')
            e->at++;
        else
            fail(e, "')' expected");
        break;
    case '\'':
        if (!e->at[1] || e->at[2] != '\'')
            return fail(e, "character constant expected");
        value = (uint8_t)e->at[1];
        e->at += 3;
        break;
    default:
        if (*e->at < '0' || *e->at > '9')
            return fail(e, *e->at ? "invalid char in expression"
                                  : "unexpected end of expression");
        errno = 0;
        value = strtoull(e->at, &end, 0);
        e->at = end;
        if (errno)
            return fail(e, "number too large");
    }
    e->depth--;
    return value;
}

static uint64_t read_product(struct expression *e)
{
    uint64_t value = read_factor(e), by;
    char sign;

    while (!e->wrong && ((sign = next_sign(e)) == '*' || sign == '/' || sign == '%')) {
        e->at++;
        by = read_factor(e);
        if (sign == '*')
            value *= by;
        else if (!by)
            return fail(e, "division by zero");
        else
            value = sign == '/' ? value / by : value % by;
    }
    return value;
}

static uint64_t read_sum(struct expression *e)
{
    uint64_t value = read_product(e);
    char sign;

    while (!e->wrong && ((sign = next_sign(e)) == '+' || sign == '-')) {
        e->at++;
        value += sign == '+' ? read_product(e) : -read_product(e);
    }
    return value;
}

static uint64_t read_all(struct expression *e)
{
    uint64_t value = read_sum(e), with;
    char sign;

    while (!e->wrong && ((sign = next_sign(e)) == '&' || sign == '|' || sign == '^')) {
        e->at++;
        with = read_sum(e);
        value = sign == '&' ? value & with : sign == '|' ? value | with : value ^ with;
    }
    return value;
}

bool call_number(struct call *call, uint64_t *value)
{
    struct expression e = { .call = call, .at = call->rest };

    *value = read_all(&e);
    call->rest = e.at;
    if (e.wrong)
        out_add(call->out, "%s\n", e.wrong);
    return !e.wrong;
}

/* ------------------------------------------------------------------------- formats */

/* x/COUNT FORMAT SIZE: what it says, or what was said before. */
struct format {
    uint64_t count;
    char kind;     /* x d u o c i s */
    unsigned size; /* bytes of a number */
};

static bool read_format(struct call *call, struct format *format)
{
    const char *at = call->rest;
    char *end;

    *format = (struct format){ 1, 'x', 4 };
    if (*at != '/')
        return true;
    at++;
    if (*at >= '0' && *at <= '9') {
        format->count = strtoull(at, &end, 10);
        at = end;
    }
    for (; *at && *at != ' ' && *at != '\t'; at++) {
        if (strchr("xduoci", *at))
            format->kind = *at;
        else if (strchr("bhwg", *at))
            format->size = *at == 'b' ? 1 : *at == 'h' ? 2 : *at == 'w' ? 4 : 8;
        else {
            out_add(call->out, "invalid char in format: '%c'\n", *at);
            return false;
        }
    }
    if (format->kind == 'c')
        format->size = 1;
    call->rest = at;
    return true;
}

static void add_number(struct text *out, const struct format *format, uint64_t value)
{
    unsigned bits = 8 * format->size;
    int64_t number = (int64_t)(value << (64 - bits)) >> (64 - bits);

    switch (format->kind) {
    case 'd': out_add(out, "%" PRId64, number); break;
    case 'u': out_add(out, "%" PRIu64, value); break;
    case 'o': out_add(out, "0%" PRIo64, value); break;
    case 'c':
        if (value >= ' ' && value < 127)
            out_add(out, "'%c'", (char)value);
        else
            out_add(out, "'\\x%02x'", (unsigned)value);
        break;
    default: out_add(out, "0x%0*" PRIx64, (int)bits / 4, value); break;
    }
}

/* -------------------------------------------------------------------------- memory */

/* Where `addr` leads: as the CPU sees it, or as it is (`cpu` below 0). */
static bool place_of(struct machine *machine, int cpu, uint64_t addr, uint64_t *physical)
{
    *physical = addr;
    return cpu < 0 || vcpu_look(machine_cpu(machine, (unsigned)cpu), addr, physical);
}

/* As much of `size` bytes as there is; memory only. */
static size_t read_bytes(struct machine *machine, int cpu, uint64_t addr, uint8_t *to,
                         size_t size)
{
    struct space *space = bus_space(machine_bus(machine));
    size_t done = 0;

    while (done < size) {
        uint64_t physical;
        size_t piece = PIECE - (size_t)((addr + done) % PIECE);

        if (piece > size - done)
            piece = size - done;
        if (!place_of(machine, cpu, addr + done, &physical) ||
            space_read(space, physical, to + done, piece, NULL) < 0)
            break;
        done += piece;
    }
    return done;
}

static void cannot(struct text *out, uint64_t addr)
{
    out_add(out, "Cannot access memory at address 0x%" PRIx64 "\n", addr);
}

static void show_code(struct call *call, int look, uint64_t addr, uint64_t count)
{
    struct cpu *cpu = cpu_of(call);

    for (; count && call->out->size < TEXT_MAX / 2; count--) {
        struct isa_decoded insn;
        uint8_t bytes[ISA_MAX_ILEN];
        unsigned size = (unsigned)read_bytes(call->machine, look, addr, bytes, 4);
        char text[256];

        if (size < cpu->isa->min_ilen) {
            cannot(call->out, addr);
            return;
        }
        isa_decode(cpu->isa, &cpu->features, cpu->mode, addr, bytes, size, &insn);
        isa_print(cpu->isa, &cpu->features, &insn, 0, text, sizeof(text));
        out_add(call->out, "0x%08" PRIx64 ":  ", addr);
        for (unsigned i = insn.length; i-- > 0;)
            out_add(call->out, "%02x", i < size ? bytes[i] : 0);
        out_add(call->out, "%*s%s\n", 18 - 2 * (int)insn.length, "", text);
        addr += insn.length;
    }
}

static void show_numbers(struct call *call, int look, uint64_t addr,
                         const struct format *format)
{
    unsigned in_line = format->kind == 'c' ? 8 : 16 / format->size;
    unsigned width = look < 0 ? 16 : machine_bits(call->machine) / 4;

    for (uint64_t i = 0; i < format->count && call->out->size < TEXT_MAX / 2; i++) {
        uint8_t bytes[8];
        uint64_t value = 0;

        if (i % in_line == 0)
            out_add(call->out, "%s%0*" PRIx64 ":", i ? "\n" : "", (int)width, addr);
        if (read_bytes(call->machine, look, addr, bytes, format->size) < format->size) {
            out_add(call->out, " ");
            cannot(call->out, addr);
            return;
        }
        for (unsigned b = format->size; b-- > 0;)
            value = value << 8 | bytes[b];
        out_add(call->out, " ");
        add_number(call->out, format, value);
        addr += format->size;
    }
    out_add(call->out, "\n");
}

static void show_memory(struct call *call, int look)
{
    struct format format;
    uint64_t addr;

    if (!read_format(call, &format) || !call_number(call, &addr) || !call_ends(call))
        return;
    if (format.kind == 'i')
        show_code(call, look, addr, format.count);
    else
        show_numbers(call, look, addr, &format);
}

void command_x(struct call *call)
{
    show_memory(call, (int)call->monitor->cpu);
}

void command_xp(struct call *call)
{
    show_memory(call, -1);
}

void command_print(struct call *call)
{
    struct format format;
    uint64_t value;

    if (!read_format(call, &format) || !call_number(call, &value) || !call_ends(call))
        return;
    if (format.kind == 'x' || format.kind == 'i')
        out_add(call->out, "%#" PRIx64 "\n", value);
    else {
        format.size = format.kind == 'c' ? 1 : 8;
        add_number(call->out, &format, format.kind == 'c' ? value & 0xff : value);
        out_add(call->out, "\n");
    }
}

void command_gva2gpa(struct call *call)
{
    uint64_t addr, physical;

    if (!call_number(call, &addr) || !call_ends(call))
        return;
    if (place_of(call->machine, (int)call->monitor->cpu, addr, &physical))
        out_add(call->out, "gpa: %#" PRIx64 "\n", physical);
    else
        out_add(call->out, "Unmapped\n");
}

/* Of one word: what follows begins anew, even with a slash. */
static bool word_number(struct call *call, uint64_t *value)
{
    char word[WORD] = "";
    struct call one = *call;

    if (!call_word(call, word))
        word[0] = 0;
    one.rest = word;
    return call_number(&one, value) && call_ends(&one);
}

/* As QEMU's: each byte is added to the sum, which was turned by a bit before. */
void command_sum(struct call *call)
{
    uint64_t addr, size;
    uint16_t sum = 0;
    uint8_t bytes[PIECE];

    if (!word_number(call, &addr) || !word_number(call, &size) || !call_ends(call))
        return;
    while (size) {
        size_t piece = size < PIECE ? (size_t)size : PIECE;

        if (read_bytes(call->machine, -1, addr, bytes, piece) < piece) {
            cannot(call->out, addr);
            return;
        }
        for (size_t i = 0; i < piece; i++)
            sum = (uint16_t)((sum >> 1 | sum << 15) + bytes[i]);
        addr += piece;
        size -= piece;
    }
    out_add(call->out, "%05u\n", sum);
}

/* -------------------------------------------------------------------------- saving */

const char *memory_save(struct machine *machine, int cpu, uint64_t addr, uint64_t size,
                        const char *path)
{
    const char *wrong = NULL;
    FILE *file = fopen(path, "wb");
    uint8_t bytes[PIECE];

    if (!file)
        return strerror(errno);
    while (size && !wrong) {
        size_t piece = size < PIECE ? (size_t)size : PIECE;

        if (read_bytes(machine, cpu, addr, bytes, piece) < piece)
            wrong = "there is no memory at an address of these";
        else if (fwrite(bytes, 1, piece, file) < piece)
            wrong = strerror(errno);
        addr += piece;
        size -= piece;
    }
    if (fclose(file) && !wrong)
        wrong = strerror(errno);
    return wrong;
}

static void save(struct call *call, int cpu)
{
    uint64_t addr, size;
    char path[WORD];
    const char *wrong;

    if (!word_number(call, &addr) || !word_number(call, &size))
        return;
    if (!call_word(call, path) || !call_ends(call)) {
        out_add(call->out, "want ADDR SIZE FILE\n");
        return;
    }
    wrong = memory_save(call->machine, cpu, addr, size, path);
    if (wrong)
        out_add(call->out, "Error: %s: %s\n", path, wrong);
}

void command_memsave(struct call *call)
{
    save(call, (int)call->monitor->cpu);
}

void command_pmemsave(struct call *call)
{
    save(call, -1);
}
