/* qtest.c - QEMU's text protocol for tests of devices: a command a line, `OK ...` or
 * `FAIL ...` for each.
 *
 * With -accel qtest no CPU runs and guest time goes on only as clock_step and clock_set
 * say.  A device is named as the board names it, or by a path that ends so. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/report.h"
#include "isa/space.h"
#include "sys/board.h"
#include "sys/bus.h"
#include "sys/clock.h"
#include "sys/machine.h"
#include "sys/monitor/part.h"
#include "sys/vcpu.h"

enum { MOST_WORDS = 6, MOST_BYTES = 1 << 20, LINE_MAX_BYTES = 2 * MOST_BYTES + 256 };

/* A line that is listened to on its way. */
struct wire {
    struct wire *next;
    struct qtest *qtest;
    struct irq *at, before;
    unsigned number;
    bool level;
};

struct qtest {
    struct monitor monitor; /* first: found by it */
    struct text line;
    bool is_too_long;
    struct wire *wires;
};

static void ok(struct qtest *q)
{
    out_add(&q->monitor.out, "OK\n");
}

static void fail(struct qtest *q, const char *why)
{
    out_add(&q->monitor.out, "FAIL %s\n", why);
}

/* ------------------------------------------------------------------------ registers */

static unsigned width_of(const char *command)
{
    switch (command[strlen(command) - 1]) {
    case 'b': return 1;
    case 'w': return 2;
    case 'l': return 4;
    default: return 8;
    }
}

static void do_read(struct qtest *q, char *const words[], const uint64_t numbers[])
{
    uint64_t value;

    if (bus_read(machine_bus(q->monitor.machine), numbers[1], width_of(words[0]), &value))
        out_add(&q->monitor.out, "OK 0x%016" PRIx64 "\n", value);
    else
        fail(q, "nothing answers there");
}

static void do_write(struct qtest *q, char *const words[], const uint64_t numbers[])
{
    if (bus_write(machine_bus(q->monitor.machine), numbers[1], width_of(words[0]),
                  numbers[2]))
        ok(q);
    else
        fail(q, "nothing answers there");
}

/* --------------------------------------------------------------------------- memory */

/* A byte of memory, or of a register. */
static bool get_byte(struct bus *bus, uint64_t addr, uint8_t *byte)
{
    uint64_t value = 0;
    bool is_there = space_read(bus_space(bus), addr, byte, 1, NULL) == 0;

    if (is_there)
        return true;
    is_there = bus_read(bus, addr, 1, &value);
    *byte = (uint8_t)value;
    return is_there;
}

static bool get_bytes(struct qtest *q, uint64_t addr, uint8_t *bytes, size_t size)
{
    struct bus *bus = machine_bus(q->monitor.machine);

    if (space_read(bus_space(bus), addr, bytes, size, NULL) == 0)
        return true;
    for (size_t i = 0; i < size; i++)
        if (!get_byte(bus, addr + i, &bytes[i]))
            return false;
    return true;
}

static bool put_bytes(struct qtest *q, uint64_t addr, const uint8_t *bytes, size_t size)
{
    struct bus *bus = machine_bus(q->monitor.machine);

    if (space_write(bus_space(bus), addr, bytes, size, NULL) == 0)
        return true;
    for (size_t i = 0; i < size; i++)
        if (!bus_write(bus, addr + i, 1, bytes[i]))
            return false;
    return true;
}

/* Room for the bytes of a command; NULL: it said what is wrong. */
static uint8_t *take_room(struct qtest *q, uint64_t size)
{
    uint8_t *bytes;

    if (!size || size > MOST_BYTES) {
        fail(q, "a size is from 1 to 1048576");
        return NULL;
    }
    bytes = calloc(1, (size_t)size);
    if (!bytes)
        die("out of memory");
    return bytes;
}

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                             "0123456789+/";

static void add_base64(struct text *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16;
        char four[4];

        group |= i + 1 < size ? (uint32_t)bytes[i + 1] << 8 : 0;
        group |= i + 2 < size ? bytes[i + 2] : 0;
        for (unsigned k = 0; k < 4; k++)
            four[k] = i + k > size ? '=' : digits[group >> (18 - 6 * k) & 63];
        out_bytes(out, four, 4);
    }
}

static void add_hex(struct text *out, const uint8_t *bytes, size_t size)
{
    out_add(out, "0x");
    for (size_t i = 0; i < size; i++)
        out_add(out, "%02x", bytes[i]);
}

static void do_read_bytes(struct qtest *q, char *const words[], const uint64_t numbers[])
{
    uint8_t *bytes = take_room(q, numbers[2]);

    if (!bytes)
        return;
    if (!get_bytes(q, numbers[1], bytes, (size_t)numbers[2])) {
        fail(q, "nothing answers there");
    } else {
        out_add(&q->monitor.out, "OK ");
        (words[0][0] == 'b' ? add_base64 : add_hex)(&q->monitor.out, bytes,
                                                    (size_t)numbers[2]);
        out_add(&q->monitor.out, "\n");
    }
    free(bytes);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* As many as there are, up to `size`; the rest stays 0. */
static bool from_hex(const char *text, uint8_t *bytes, size_t size)
{
    if (text[0] != '0' || text[1] != 'x')
        return false;
    text += 2;
    for (size_t i = 0; i < size && text[0]; i++, text += 2) {
        int high = hex_digit(text[0]), low = text[1] ? hex_digit(text[1]) : -1;

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool from_base64(const char *text, uint8_t *bytes, size_t size)
{
    uint32_t group = 0;
    unsigned bits = 0;
    size_t done = 0;

    for (; *text && *text != '='; text++) {
        const char *digit = strchr(digits, *text);

        if (!digit)
            return false;
        group = group << 6 | (uint32_t)(digit - digits);
        bits += 6;
        if (bits >= 8 && done < size) {
            bits -= 8;
            bytes[done++] = (uint8_t)(group >> bits);
        }
        group &= 0xffff;
    }
    return true;
}

static void do_write_bytes(struct qtest *q, char *const words[], const uint64_t numbers[])
{
    uint8_t *bytes = take_room(q, numbers[2]);
    size_t size = (size_t)numbers[2];
    bool is_good = true;

    if (!bytes)
        return;
    if (!strcmp(words[0], "memset"))
        memset(bytes, (uint8_t)numbers[3], size);
    else if (words[0][0] == 'b')
        is_good = from_base64(words[3], bytes, size);
    else
        is_good = from_hex(words[3], bytes, size);
    if (!is_good)
        fail(q, "these are no bytes");
    else if (put_bytes(q, numbers[1], bytes, size))
        ok(q);
    else
        fail(q, "nothing answers there");
    free(bytes);
}

/* ----------------------------------------------------------------------------- time */

static void clock_to(struct qtest *q, uint64_t now_ns)
{
    struct guest_clock *clock = machine_clock(q->monitor.machine);

    if (!machine_config(q->monitor.machine)->is_qtest) {
        fail(q, "time is the machine's own without -accel qtest");
        return;
    }
    guest_clock_advance(clock, now_ns);
    out_add(&q->monitor.out, "OK %" PRIu64 "\n",
            clock_now_ns(guest_clock_interface(clock)));
}

static void do_clock_step(struct qtest *q, char *const words[], const uint64_t numbers[])
{
    struct guest_clock *clock = machine_clock(q->monitor.machine);
    uint64_t now = clock_now_ns(guest_clock_interface(clock));

    if (!words[1])
        clock_to(q, guest_clock_deadline_ns(clock));
    else
        clock_to(q, numbers[1] > UINT64_MAX - now ? UINT64_MAX : now + numbers[1]);
}

static void do_clock_set(struct qtest *q, char *const words[], const uint64_t numbers[])
{
    (void)words;
    clock_to(q, numbers[1]);
}

/* ---------------------------------------------------------------------------- lines */

/* What a path ends with. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static void wire_set(void *context, unsigned line, bool level)
{
    struct wire *wire = context;

    (void)line;
    irq_set(&wire->before, level);
    if (wire->level == level)
        return;
    wire->level = level;
    out_add(&wire->qtest->monitor.out, "IRQ %s %u\n", level ? "raise" : "lower",
            wire->number);
    monitor_flush(&wire->qtest->monitor);
}

static void listen_to(struct qtest *q, struct irq *irq, unsigned number)
{
    struct wire *wire = calloc(1, sizeof(*wire));

    if (!wire)
        die("out of memory");
    *wire = (struct wire){ q->wires, q, irq, *irq, number, false };
    *irq = (struct irq){ wire_set, wire, 0 };
    q->wires = wire;
}

static void do_listen_out(struct qtest *q, char *const words[], const uint64_t numbers[])
{
    struct dev *dev = machine_find_dev(q->monitor.machine, name_of(words[1]));

    (void)numbers;
    if (!dev) {
        fail(q, "Unknown device");
        return;
    }
    for (unsigned i = 0; i < dev->irq_count; i++)
        listen_to(q, &dev->irqs[i], i);
    ok(q);
}

/* What a line leads to: a device, or `cpu0`. */
static const void *find_end(struct machine *machine, const char *name)
{
    unsigned number;
    char end;

    if (sscanf(name, "cpu%u%c", &number, &end) == 1 &&
        number < machine_board(machine)->cpus)
        return machine_cpu(machine, number);
    return machine_find_dev(machine, name);
}

static void do_listen_in(struct qtest *q, char *const words[], const uint64_t numbers[])
{
    const void *end = find_end(q->monitor.machine, name_of(words[1]));
    struct dev *dev;

    (void)numbers;
    if (!end) {
        fail(q, "Unknown device");
        return;
    }
    for (size_t i = 0; (dev = machine_dev(q->monitor.machine, i)); i++)
        for (unsigned k = 0; k < dev->irq_count; k++)
            if (dev->irqs[k].context == end)
                listen_to(q, &dev->irqs[k], dev->irqs[k].line);
    ok(q);
}

/* DEVICE NAME NUMBER LEVEL; lines have no names here. */
static void do_set_line(struct qtest *q, char *const words[], const uint64_t numbers[])
{
    struct dev *dev = machine_find_dev(q->monitor.machine, name_of(words[1]));

    if (!dev || !dev->class->set_line) {
        fail(q, "Unknown device");
        return;
    }
    dev_set_line(dev, (unsigned)numbers[3], numbers[4] != 0);
    ok(q);
}

static void do_endianness(struct qtest *q, char *const words[], const uint64_t numbers[])
{
    (void)words;
    (void)numbers;
    out_add(&q->monitor.out, "OK little\n"); /* see dev.h: as registers are seen */
}

/* ------------------------------------------------------------------------- commands */

/* `kinds` of the words behind the command: n a number, s any; `least` of them. */
static const struct qtest_command {
    const char *name, *kinds;
    unsigned least;
    void (*run)(struct qtest *q, char *const words[], const uint64_t numbers[]);
} qtest_commands[] = {
    { "readb", "n", 1, do_read },
    { "readw", "n", 1, do_read },
    { "readl", "n", 1, do_read },
    { "readq", "n", 1, do_read },
    { "writeb", "nn", 2, do_write },
    { "writew", "nn", 2, do_write },
    { "writel", "nn", 2, do_write },
    { "writeq", "nn", 2, do_write },
    { "read", "nn", 2, do_read_bytes },
    { "b64read", "nn", 2, do_read_bytes },
    { "write", "nns", 3, do_write_bytes },
    { "b64write", "nns", 3, do_write_bytes },
    { "memset", "nnn", 3, do_write_bytes },
    { "clock_step", "n", 0, do_clock_step },
    { "clock_set", "n", 1, do_clock_set },
    { "irq_intercept_in", "s", 1, do_listen_in },
    { "irq_intercept_out", "ss", 1, do_listen_out },
    { "set_irq_in", "ssnn", 4, do_set_line },
    { "endianness", "", 0, do_endianness },
};

static unsigned split(char *line, char *words[MOST_WORDS])
{
    unsigned count = 0;

    for (char *at = line;;) {
        at += strspn(at, " \t\r");
        if (!*at || count == MOST_WORDS - 1)
            break;
        words[count++] = at;
        at += strcspn(at, " \t\r");
        if (*at)
            *at++ = 0;
    }
    words[count] = NULL;
    return count;
}

static bool read_numbers(const char *kinds, char *const words[], unsigned count,
                         uint64_t numbers[MOST_WORDS])
{
    if (count - 1 > strlen(kinds))
        return false;
    for (unsigned i = 1; i < count; i++) {
        char *end = "";

        numbers[i] = kinds[i - 1] == 'n' ? strtoull(words[i], &end, 0) : 0;
        if (*end)
            return false;
    }
    return true;
}

static void run_line(struct qtest *q, char *line)
{
    char *words[MOST_WORDS] = { NULL };
    uint64_t numbers[MOST_WORDS] = { 0 };
    unsigned count = split(line, words);

    if (!count)
        return;
    for (size_t i = 0; i < sizeof(qtest_commands) / sizeof(*qtest_commands); i++) {
        const struct qtest_command *command = &qtest_commands[i];

        if (strcmp(command->name, words[0]))
            continue;
        if (count - 1 < command->least ||
            !read_numbers(command->kinds, words, count, numbers))
            fail(q, "wrong arguments");
        else
            command->run(q, words, numbers);
        return;
    }
    out_add(&q->monitor.out, "FAIL Unknown command '%.100s'\n", words[0]);
}

static void qtest_feed(struct monitor *monitor, uint8_t byte)
{
    struct qtest *q = (struct qtest *)monitor;

    if (byte != '\n') {
        q->is_too_long |= q->line.size >= LINE_MAX_BYTES;
        if (!q->is_too_long)
            out_bytes(&q->line, &byte, 1);
        return;
    }
    if (q->is_too_long)
        fail(q, "the line is too long");
    else if (q->line.size)
        run_line(q, q->line.bytes);
    q->is_too_long = false;
    out_free(&q->line);
}

static void qtest_opened(struct monitor *monitor)
{
    out_free(&((struct qtest *)monitor)->line);
}

static void qtest_destroy(struct monitor *monitor)
{
    struct qtest *q = (struct qtest *)monitor;

    for (struct wire *wire = q->wires, *next; wire; wire = next) {
        next = wire->next;
        *wire->at = wire->before;
        free(wire);
    }
    out_free(&q->line);
}

const struct monitor_kind monitor_qtest = {
    .size = sizeof(struct qtest),
    .opened = qtest_opened,
    .feed = qtest_feed,
    .destroy = qtest_destroy,
};
