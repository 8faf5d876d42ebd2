/* gdb_packet.c - packets of the remote protocol: $BODY#SUM, and what is in them. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "debug/gdb_parts.h"

enum { INTERRUPT = 3, ESCAPE = '}', ESCAPE_BIT = 0x20 };

static int digit_of(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ----------------------------------------------------------------------------- replies
 */

void gdb_begin(struct gdb *gdb)
{
    gdb->out_size = 0;
}

size_t gdb_room(const struct gdb *gdb)
{
    return GDB_PACKET - gdb->out_size;
}

void gdb_put(struct gdb *gdb, const char *fmt, ...)
{
    size_t room = gdb_room(gdb) + 1;
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf((char *)gdb->out + gdb->out_size, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        gdb->out_size += (size_t)n < room ? (size_t)n : room - 1;
}

void gdb_put_hex(struct gdb *gdb, const void *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;

    for (size_t i = 0; i < size && gdb_room(gdb) >= 2; i++) {
        gdb->out[gdb->out_size++] = (uint8_t)digits[at[i] >> 4];
        gdb->out[gdb->out_size++] = (uint8_t)digits[at[i] & 15];
    }
}

static bool needs_escape(uint8_t byte)
{
    return byte == '#' || byte == '$' || byte == ESCAPE || byte == '*';
}

size_t gdb_put_binary(struct gdb *gdb, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    size_t i;

    for (i = 0; i < size && gdb_room(gdb) >= 2; i++) {
        uint8_t byte = at[i];

        if (needs_escape(byte)) {
            gdb->out[gdb->out_size++] = ESCAPE;
            byte ^= ESCAPE_BIT;
        }
        gdb->out[gdb->out_size++] = byte;
    }
    return i;
}

void gdb_put_thread(struct gdb *gdb, int64_t tid)
{
    if (gdb->options & GDB_MULTIPROCESS)
        gdb_put(gdb, "p%llx.", (unsigned long long)gdb->target->pid);
    gdb_put(gdb, "%llx", (unsigned long long)tid);
}

/* The reply stays in gdb->out, in case that the client wants it again. */
static void send_reply(struct gdb *gdb)
{
    const struct gdb_target *target = gdb->target;
    char end[4];
    uint8_t sum = 0;

    for (size_t i = 0; i < gdb->out_size; i++)
        sum = (uint8_t)(sum + gdb->out[i]);
    snprintf(end, sizeof(end), "#%02x", sum);
    target->send(target->context, "$", 1);
    target->send(target->context, gdb->out, gdb->out_size);
    target->send(target->context, end, 3);
}

void gdb_flush(struct gdb *gdb)
{
    send_reply(gdb);
}

void gdb_reply(struct gdb *gdb, const char *text)
{
    gdb_begin(gdb);
    gdb_put(gdb, "%s", text);
    gdb_flush(gdb);
}

void gdb_error(struct gdb *gdb, int number)
{
    gdb_begin(gdb);
    gdb_put(gdb, "E%02x", (unsigned)number & 0xff);
    gdb_flush(gdb);
}

/* ----------------------------------------------------------------------------- reading
 */

bool gdb_is_end(const struct gdb_reader *r)
{
    return r->at == r->end;
}

bool gdb_skip(struct gdb_reader *r, const char *text)
{
    size_t length = strlen(text);

    if ((size_t)(r->end - r->at) < length || memcmp(r->at, text, length) != 0)
        return false;
    r->at += length;
    return true;
}

bool gdb_number(struct gdb_reader *r, uint64_t *value)
{
    const char *start = r->at;

    for (*value = 0; r->at < r->end && digit_of(*r->at) >= 0; r->at++) {
        if (*value >> 60)
            return false;
        *value = *value << 4 | (uint64_t)digit_of(*r->at);
    }
    return r->at > start;
}

size_t gdb_bytes(struct gdb_reader *r, uint8_t *to, size_t room)
{
    size_t n = 0;

    for (; n < room && r->end - r->at >= 2; r->at += 2) {
        int high = digit_of(r->at[0]), low = digit_of(r->at[1]);

        if (high < 0 || low < 0)
            break;
        to[n++] = (uint8_t)(high << 4 | low);
    }
    return n;
}

static bool id(struct gdb_reader *r, int64_t *value)
{
    uint64_t number;

    if (gdb_skip(r, "-1")) {
        *value = -1;
        return true;
    }
    if (!gdb_number(r, &number) || number > INT32_MAX)
        return false;
    *value = (int64_t)number;
    return true;
}

bool gdb_thread(struct gdb *gdb, struct gdb_reader *r, int64_t *pid, int64_t *tid)
{
    *pid = gdb->target->pid;
    *tid = -1;
    if (!gdb_skip(r, "p"))
        return id(r, tid);
    if (!id(r, pid))
        return false;
    if (*pid == 0)
        *pid = gdb->target->pid;
    return !gdb_skip(r, ".") || id(r, tid);
}

/* ----------------------------------------------------------------------------- framing
 */

/* Takes escapes back, in place. */
static void unescape(struct gdb *gdb)
{
    size_t to = 0;

    for (size_t from = 0; from < gdb->in_size; from++) {
        uint8_t byte = gdb->in[from];

        if (byte == ESCAPE && from + 1 < gdb->in_size)
            byte = gdb->in[++from] ^ ESCAPE_BIT;
        gdb->in[to++] = byte;
    }
    gdb->in_size = to;
}

static void end_packet(struct gdb *gdb, uint8_t sum)
{
    const struct gdb_target *target = gdb->target;
    bool is_good = sum == gdb->sum;

    if (!(gdb->options & GDB_NO_ACK))
        target->send(target->context, is_good ? "+" : "-", 1);
    if (!is_good && !(gdb->options & GDB_NO_ACK))
        return;
    if (gdb->is_too_long || !is_good || gdb->is_resumed) {
        gdb_error(gdb, GDB_EINVAL);
        return;
    }
    unescape(gdb);
    gdb->in[gdb->in_size] = 0;
    gdb_packet(gdb, (const char *)gdb->in, gdb->in_size);
}

static void begin_packet(struct gdb *gdb)
{
    gdb->state = GDB_BODY;
    gdb->in_size = 0;
    gdb->sum = 0;
    gdb->is_too_long = false;
}

static void between_packets(struct gdb *gdb, uint8_t byte)
{
    if (byte == '$')
        begin_packet(gdb);
    else if (byte == '-' && !(gdb->options & GDB_NO_ACK) && gdb->out_size)
        send_reply(gdb);
    else if (byte == INTERRUPT && gdb->is_resumed)
        gdb->target->interrupt(gdb->target->context);
}

static void feed_byte(struct gdb *gdb, uint8_t byte)
{
    switch (gdb->state) {
    case GDB_IDLE: between_packets(gdb, byte); return;
    case GDB_BODY:
        if (byte == '$') {
            begin_packet(gdb);
        } else if (byte == '#') {
            gdb->state = GDB_SUM1;
        } else {
            gdb->sum = (uint8_t)(gdb->sum + byte);
            gdb->is_too_long |= gdb->in_size == GDB_PACKET;
            if (!gdb->is_too_long)
                gdb->in[gdb->in_size++] = byte;
        }
        return;
    case GDB_SUM1:
        gdb->sum1 = (uint8_t)digit_of(byte);
        gdb->state = GDB_SUM2;
        return;
    case GDB_SUM2:
        gdb->state = GDB_IDLE;
        end_packet(gdb, (uint8_t)(gdb->sum1 << 4 | (digit_of(byte) & 15)));
    }
}

void gdb_feed(struct gdb *gdb, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < size; i++)
        feed_byte(gdb, at[i]);
}
