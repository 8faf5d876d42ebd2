/* gdb.c - fuzzes the debugger's server: whatever a client sends, over whatever target,
 * gets bounded answers.
 *
 *     tests/fuzz/gdb [SECONDS [SEED]]    strings together packets that are nearly right
 * With libFuzzer: -DLIBFUZZER, and LLVMFuzzerTestOneInput is the entry. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "debug/gdb.h"
#include "isa/engine.h"
#include "isa/stops.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 4096, FIRST = 100, THREADS = 3 };

struct target {
    struct gdb gdb;
    struct gdb_target target;
    struct cpu *cpus[THREADS];
    struct stops stops;
    uint8_t memory[MEMORY];
    bool has_report; /* asked for: while the server does not look */
    size_t sent;
};

static void send_bytes(void *context, const void *bytes, size_t size)
{
    struct target *t = context;
    uint8_t sum = 0;

    for (size_t i = 0; i < size; i++)
        sum ^= ((const uint8_t *)bytes)[i]; /* all of them are there */
    if (size > GDB_PACKET)
        abort();
    t->sent += size + (sum & 0);
}

static int64_t next_thread(void *context, int64_t after)
{
    (void)context;
    if (after < FIRST)
        return FIRST;
    return after + 1 < FIRST + THREADS ? after + 1 : -1;
}

static struct cpu *cpu_of(void *context, int64_t tid)
{
    struct target *t = context;

    return tid >= FIRST && tid < FIRST + THREADS ? t->cpus[tid - FIRST] : NULL;
}

static void registers_changed(void *context, int64_t tid)
{
    if (!cpu_of(context, tid))
        abort();
}

static int thread_name(void *context, int64_t tid, char *text, size_t size)
{
    snprintf(text, size, "<\"&'> thread %d", (int)tid);
    return cpu_of(context, tid) ? 0 : -1;
}

static size_t read_memory(void *context, uint64_t addr, void *to, size_t size)
{
    struct target *t = context;

    if (addr >= MEMORY)
        return 0;
    if (size > MEMORY - addr)
        size = (size_t)(MEMORY - addr);
    memcpy(to, t->memory + addr, size);
    return size;
}

static int write_memory(void *context, uint64_t addr, const void *from, size_t size)
{
    struct target *t = context;

    if (addr >= MEMORY || size > MEMORY - addr)
        return -1;
    memcpy(t->memory + addr, from, size);
    return 0;
}

static int insert(void *context, enum gdb_point point, uint64_t addr, uint64_t size)
{
    struct target *t = context;

    if (point > GDB_WATCH)
        abort();
    return point < GDB_WATCH_WRITE
               ? stops_add_break(&t->stops, addr)
               : stops_add_watch(&t->stops, addr, size, 1u + (unsigned)point % 3);
}

static int remove_point(void *context, enum gdb_point point, uint64_t addr, uint64_t size)
{
    struct target *t = context;

    stops_find_watch(&t->stops, addr, size, WATCH_READ | WATCH_WRITE);
    if (point < GDB_WATCH_WRITE)
        stops_remove_break(&t->stops, addr);
    else
        stops_remove_watch(&t->stops, addr, size, 1u + (unsigned)point % 3);
    return 0;
}

static void resume(void *context, const struct gdb_action *actions, size_t count)
{
    struct target *t = context;

    if (!count || actions[0].kind > GDB_STEP)
        abort();
    t->has_report = true;
}

static void interrupt(void *context)
{
    struct target *t = context;

    t->has_report = true;
}

static int end_process(void *context, int64_t pid)
{
    struct target *t = context;

    if (pid != t->target.pid)
        return -1;
    gdb_accept(&t->gdb);
    return 0;
}

static int run(void *context, char *const *argv)
{
    size_t n = 0;

    (void)context;
    while (argv && argv[n])
        n += strlen(argv[n]) < GDB_PACKET;
    return -1;
}

static bool forward(void *context, int64_t pid, const void *packet, size_t size)
{
    struct target *t = context;

    (void)packet;
    if (pid != t->target.pid + 1 || size > GDB_PACKET)
        return false;
    gdb_refuse(&t->gdb);
    return true;
}

static void pass_signals(void *context, const uint8_t *bytes)
{
    struct target *t = context;

    memcpy(t->memory, bytes, 32);
}

static void catch_calls(void *context, bool catch, const int64_t *numbers, size_t count)
{
    struct target *t = context;

    if (catch && count)
        memcpy(t->memory, numbers, count * sizeof(*numbers));
}

static char *object(void *context, enum gdb_object what, int64_t tid, size_t *size)
{
    char *bytes = malloc(300);

    (void)context;
    *size = 300;
    memset(bytes, '}' + (int)what + (int)(tid & 1), 300);
    return bytes;
}

static int open_file(void *context, const char *path)
{
    (void)context;
    return strlen(path) < 4096 ? (int)strlen(path) & 3 : -GDB_ENOENT;
}

static int64_t pread_file(void *context, int fd, void *to, size_t size, uint64_t offset)
{
    (void)context;
    if (fd > 3 || offset > 100000)
        return -GDB_EBADF;
    memset(to, '#' + fd, size);
    return (int64_t)size;
}

static int close_file(void *context, int fd)
{
    (void)context;
    return fd > 3 ? -GDB_EBADF : 0;
}

static int stat_file(void *context, int fd, uint64_t values[GDB_STAT_FIELDS])
{
    (void)context;
    memset(values, 0x23, GDB_STAT_FIELDS * sizeof(*values));
    return fd > 3 ? -GDB_EBADF : 0;
}

static int64_t read_link(void *context, const char *path, char *to, size_t size)
{
    (void)context;
    memset(to, '*', size);
    return path[0] == '/' ? (int64_t)size : -GDB_EINVAL;
}

/* riscv64's rows, and one that is wider and has more parts than a guest's would be. */
static const struct isa *with_wide_registers(void)
{
    static struct isa_gdb_row rows[32];
    static struct isa isa;
    const struct isa *from = isa_find("riscv64");
    struct isa_gdb_row wide = from->gdb_rows[0];

    isa = *from;
    memcpy(rows, from->gdb_rows, from->ngdb_rows * sizeof(*rows));
    wide.number = 80;
    wide.count = 9;
    wide.bits = 8192;
    rows[isa.ngdb_rows++] = wide;
    wide.more = true;
    wide.shift = 63;
    rows[isa.ngdb_rows++] = wide;
    isa.gdb_rows = rows;
    return &isa;
}

static void start(struct target *t, unsigned options)
{
    for (int i = 0; i < THREADS; i++)
        t->cpus[i] = cpu_new(with_wide_registers(), NULL);
    t->target = (struct gdb_target){
        .context = t,
        .pid = FIRST,
        .isa = t->cpus[0]->isa,
        .osabi = "none",
        .big = options & 1,
        .send = send_bytes,
        .next_thread = next_thread,
        .cpu = cpu_of,
        .registers_changed = registers_changed,
        .thread_name = thread_name,
        .read = read_memory,
        .write = write_memory,
        .insert = insert,
        .remove = remove_point,
        .resume = resume,
        .interrupt = interrupt,
        .detach = end_process,
        .kill = end_process,
        .run = run,
        .forward = forward,
        .pass_signals = pass_signals,
        .catch_calls = catch_calls,
        .object = object,
        .open = open_file,
        .pread = pread_file,
        .close = close_file,
        .stat = stat_file,
        .readlink = read_link,
    };
    gdb_start(&t->gdb, &t->target, options);
}

/* The first byte: options, and the event that follows each resumption. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct target t;
    unsigned kind = size ? data[0] : 0;
    struct gdb_event event = { .tid = FIRST + kind % THREADS,
                               .kind = (enum gdb_stop)(kind % (GDB_STOP_KILLED + 1)),
                               .signal = (int)kind,
                               .addr = (uint64_t)kind << 56,
                               .point = GDB_WATCH_WRITE,
                               .child_pid = FIRST + 1,
                               .path = kind & 1 ? "a program" : NULL,
                               .number = kind };

    memset(&t, 0, sizeof(t));
    start(&t, kind);
    for (size_t i = 1; i < size; i++) {
        gdb_feed(&t.gdb, data + i, 1);
        if (t.has_report && t.gdb.is_resumed) {
            t.has_report = false;
            gdb_report(&t.gdb, &event);
        }
    }
    gdb_end(&t.gdb);
    stops_clear(&t.stops);
    for (int i = 0; i < THREADS; i++)
        cpu_free(t.cpus[i]);
    return 0;
}

#ifndef LIBFUZZER

enum { ROOM = 64 * 1024 };

static const char *const packets[] = {
    "?",
    "!",
    "c",
    "s",
    "C05",
    "S1f",
    "D",
    "D;64",
    "D;65",
    "Hg0",
    "Hgp64.64",
    "Hgp65.65",
    "Hc-1",
    "Tp64.65",
    "R00",
    "k",
    "g",
    "G0000",
    "p0",
    "p20",
    "p44",
    "p50",
    "P1=00",
    "P20=0000000000000000",
    "m0,10",
    "mffffffffffffffff,ffffffffffffffff",
    "mff0,1000",
    "M0,4:01020304",
    "X0,2:ab",
    "Z0,100,4",
    "z0,100,4",
    "Z2,10,1",
    "Z3,0,ffffffffffffffff",
    "z2,10,1",
    "Z4,8,8",
    "Z9,0,0",
    "qSupported:multiprocess+;swbreak+;fork-events+;x",
    "QStartNoAckMode",
    "QPassSignals:e;10;ff;fffffffff",
    "QCatchSyscalls:1;1;2;3",
    "QCatchSyscalls:0",
    "QNonStop:1",
    "qC",
    "qfThreadInfo",
    "qsThreadInfo",
    "qThreadExtraInfo,p64.64",
    "qAttached:64",
    "qSymbol::",
    "qXfer:features:read:target.xml:0,fff",
    "qXfer:features:read:target.xml:100,ffff",
    "qXfer:auxv:read::0,1000",
    "qXfer:threads:read::0,1000",
    "qXfer:siginfo:read::ffffffffffffffff,1",
    "qXfer:exec-file:read:64:0,fff",
    "vCont?",
    "vCont;c",
    "vCont;s:p64.64;c",
    "vCont;r0,10:64",
    "vCont;C05:p65.-1;c",
    "vCont;c:p65.-1",
    "vKill;64",
    "vRun;2f62;61;62",
    "vRun;",
    "vFile:setfs:0",
    "vFile:open:2f62,0,0",
    "vFile:open:2f62,1,0",
    "vFile:pread:1,ffff,0",
    "vFile:fstat:2",
    "vFile:close:1",
    "vFile:readlink:2f70",
    "vFile:unlink:2f",
    "vFile:pwrite:1,0,ab",
};

static size_t add_packet(uint8_t *to, const char *body, size_t length)
{
    uint8_t sum = 0;

    to[0] = '$';
    memcpy(to + 1, body, length);
    for (size_t i = 0; i < length; i++)
        sum = (uint8_t)(sum + (uint8_t)body[i]);
    if (rand() % 50 == 0)
        sum++;
    snprintf((char *)to + 1 + length, 4, "#%02x", sum);
    return length + 4;
}

/* A packet with a few of its characters changed; the sum is right. */
static size_t add_changed(uint8_t *to)
{
    static const char odd[] = "0f:;,.-p=}$#*%\003\377";
    const char *text = packets[(size_t)rand() % (sizeof(packets) / sizeof(packets[0]))];
    char body[600];
    size_t length = strlen(text);

    memcpy(body, text, length);
    for (int n = rand() % 3; n > 0 && length; n--) {
        size_t at = (size_t)rand() % length;

        switch (rand() % 4) {
        case 0: body[at] = odd[(size_t)rand() % (sizeof(odd) - 1)]; break;
        case 1: length = at; break;
        case 2:
            memset(body + length, body[at], 400);
            length += (size_t)rand() % 400;
            n = 0;
            break;
        default: body[at] = (char)rand();
        }
    }
    return add_packet(to, body, length);
}

int main(int argc, char **argv)
{
    static uint8_t input[ROOM];
    time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 5);
    unsigned seed = argc > 2 ? (unsigned)atoi(argv[2]) : (unsigned)time(NULL);
    unsigned long runs = 0;

    printf("seed %u\n", seed);
    for (srand(seed); runs % 64 || time(NULL) < end; runs++) {
        size_t size = 1;

        input[0] = (uint8_t)rand();
        for (int n = rand() % 40; n > 0; n--) {
            size += add_changed(input + size);
            if (rand() % 8 == 0)
                input[size++] = (uint8_t)rand();
        }
        if (rand() % 100 == 0) { /* longer than any packet may be */
            input[size++] = '$';
            memset(input + size, 'm', 20000);
            size += 20000;
        }
        LLVMFuzzerTestOneInput(input, size);
    }
    printf("%lu sessions\n", runs);
    return 0;
}
#endif
