/* monitor_clients.h - what clients of a machine might send: commands of the tables, with
 * arguments that are nearly right; part of monitor.c. */
#ifndef RHEA_TESTS_MONITOR_CLIENTS_H
#define RHEA_TESTS_MONITOR_CLIENTS_H

#include "fuzz.h"

#include "sys/monitor/qmp.h"

/* The clients, as the first byte of what they send; then what a client does besides. */
enum { HUMAN, QMP, QTEST, GDB, LINES };
enum { TO_HUMAN = 0xf0, TO_QMP, TO_QTEST, TO_GDB, LEAVE, STOP_READING, READ, ABANDON };

#ifndef RHEA_LIBFUZZER

static const char *pick(const char *const *words, size_t count)
{
    return words[fuzz_random((uint32_t)count)];
}
#define PICK(words) pick(words, sizeof(words) / sizeof(*(words)))

static const char *number(void)
{
    static const char *const numbers[] = {
        "0",          "1",          "-1",         "2",
        "0x80000000", "0x80000ffc", "0x80400000", "0x10000000",
        "0x0c000004", "0x30000000", "0x20000000", "0x10001000",
        "0x02000000", "4096",       "0x7fffffff", "0xffffffffffffffff",
        "1048577",    "99999999",   "010",        "9223372036854775808",
        "(((1",       "$pc",        "$sp*2",      "8/0",
        "'a'",        "\xff",       "",           "0x",
    };

    return PICK(numbers);
}

static const char *word(void)
{
    static const char *const words[] = {
        "uart0",
        "plic",
        "cpu0",
        "/machine/plic",
        "/machine",
        "/",
        "d0",
        "none",
        "tcp::1",
        "unix:x",
        "/10i",
        "/4xb",
        "/3dg",
        "/c",
        "/99999999xw",
        "all",
        "-a",
        "-f",
        "a\"b",
        "\"a b\"",
        "help",
        "info",
        "guest_errors,int",
        "virtio-net-device",
        "tcp:127.0.0.1:1-:2",
        "0x00ff",
        "aGVsbG8=",
        "0xzz",
        "x=",
        "%n%s",
    };

    return PICK(words);
}

/* A value of the kind, or of another. */
static void add_value(struct text *to, char kind)
{
    static const char *const odd[] = {
        "null",
        "true",
        "false",
        "1.5",
        "[]",
        "{}",
        "[[1]]",
        "{\"a\":{\"b\":[]}}",
        "1e999",
        "18446744073709551615",
        "9223372036854775807",
        "-9223372036854775808",
        "tru",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"",
    };

    if (fuzz_random(4) == 0)
        out_add(to, "%s", PICK(odd));
    else if (kind == 'i')
        out_add(to, "%u", fuzz_random(3) ? fuzz_random(4) : 0x80000000u);
    else if (kind == 'b')
        out_add(to, "%s", fuzz_random(2) ? "true" : "false");
    else
        out_add(to, "\"%s%s%s\"", word(), fuzz_random(3) ? "" : " ",
                fuzz_random(3) ? "" : "\\u00e9");
}

static size_t count_qmp(void)
{
    size_t count = 0;

    while (qmp_commands[count].name)
        count++;
    return count;
}

static void add_qmp(struct text *to)
{
    const struct qmp_command *command = &qmp_commands[fuzz_random((uint32_t)count_qmp())];
    bool is_first = true;

    out_add(to, "%c", TO_QMP);
    if (fuzz_random(8) == 0)
        out_add(to, "{\"execute\": \"qmp_capabilities\"}");
    out_add(to, "{\"execute\": \"%s\", \"arguments\": {", command->name);
    for (const struct qmp_arg *arg = command->args;
         arg < command->args + QMP_ARGS && arg->name; arg++) {
        if (fuzz_random(arg->is_optional ? 2 : 8) == 0)
            continue;
        out_add(to, "%s\"%s\": ", is_first ? "" : ", ", arg->name);
        add_value(to, arg->kind);
        is_first = false;
    }
    out_add(to, "}%s}\n", fuzz_random(4) ? "" : ", \"id\": [1, {}]");
}

static const struct command *pick_command(const struct command *table)
{
    uint32_t count = 0;

    while (table[count].names)
        count++;
    return &table[fuzz_random(count)];
}

static void add_human(struct text *to)
{
    const struct command *command = pick_command(commands);
    const char *name = strncmp(command->names, "info", 4) ? command->names : "info";

    out_add(to, "%c%.*s", TO_HUMAN, (int)strcspn(name, "|"), name);
    if (!strcmp(name, "info"))
        out_add(to, " %s", pick_command(info_commands)->names);
    for (uint32_t n = fuzz_random(4); n; n--)
        out_add(to, "%s%s", fuzz_random(6) ? " " : "",
                fuzz_random(2) ? number() : word());
    out_add(to, fuzz_random(8) ? "\n" : "\t");
}

static void add_qtest(struct text *to)
{
    static const char *const names[] = {
        "readb",
        "readw",
        "readl",
        "readq",
        "writeb",
        "writew",
        "writel",
        "writeq",
        "read",
        "b64read",
        "write",
        "b64write",
        "memset",
        "clock_set",
        "clock_step",
        "irq_intercept_in",
        "irq_intercept_out",
        "set_irq_in",
        "endianness",
        "nonsense",
    };

    out_add(to, "%c%s", TO_QTEST, PICK(names));
    for (uint32_t n = fuzz_random(6); n; n--)
        out_add(to, " %s", fuzz_random(3) ? number() : word());
    out_add(to, "\n");
}

static void add_gdb(struct text *to)
{
    static const char *const packets[] = {
        "?",
        "g",
        "p20",
        "P1=00",
        "m80000000,10",
        "mffffffffffffffff,ffffffffffffffff",
        "M80000000,4:01020304",
        "Z0,80000000,4",
        "Z2,80000000,8",
        "z2,80000000,8",
        "Z4,0,ffffffffffffffff",
        "c",
        "s",
        "vCont;c",
        "vCont;s:1;c",
        "vCont;c:p1.9",
        "D",
        "k",
        "qSupported:multiprocess+;swbreak+",
        "qfThreadInfo",
        "Hgp1.2",
        "T2",
        "Hg7fffffff",
        "qXfer:features:read:target.xml:0,ffff",
        "Qqemu.PhyMemMode:1",
        "qqemu.PhyMemMode",
        "qThreadExtraInfo,p1.1",
        "vKill;1",
        "G00",
        "P1042=01",
        "p1042",
    };
    const char *packet = PICK(packets);
    unsigned sum = 0;

    for (const char *at = packet; *at; at++)
        sum += (uint8_t)*at;
    out_add(to, "%c$%s#%02x%s", TO_GDB, packet, (sum + !fuzz_random(20)) & 255,
            fuzz_random(4) ? "" : "\003");
}

static void add_garbage(struct text *to)
{
    static const char *const pieces[] = {
        "[", "{\"a\":", "\xff", "(", "$", "\"", " ", "#"
    };
    const char *piece = PICK(pieces);

    out_add(to, "%c", TO_HUMAN + (int)fuzz_random(LINES));
    for (uint32_t n = fuzz_random(FUZZ_MAX / 4); n; n--)
        out_bytes(to, piece, strlen(piece));
}

/* Something of a client, put where a line ends, or anywhere. */
static size_t mutate(uint8_t *data, size_t size)
{
    static void (*const adders[])(struct text * to) = { add_qmp,    add_human, add_qtest,
                                                        add_gdb,    add_qmp,   add_human,
                                                        add_garbage };
    uint32_t kind = fuzz_random(12), at = fuzz_random((uint32_t)size + 1);
    struct text text = { 0 };

    if (kind >= sizeof(adders) / sizeof(*adders) + 2)
        return fuzz_mutate(data, size);
    if (kind < sizeof(adders) / sizeof(*adders))
        adders[kind](&text);
    else
        out_add(&text, "%c", TO_HUMAN + (int)fuzz_random(ABANDON - TO_HUMAN + 1));
    while (at < size && data[at] != '\n' && fuzz_random(16))
        at++;
    if (text.size && text.size <= FUZZ_MAX - size) {
        memmove(data + at + text.size, data + at, size - at);
        memcpy(data + at, text.bytes, text.size);
        size += text.size;
    }
    out_free(&text);
    return size;
}

#endif
#endif
