/* calls.c - the calls of semihosting: takes their parameters from the guest's memory, as
 * the CPU sees it, and puts there what they give.
 *
 * Calls return a number, or a negated errno, which the guest gets as -1 and by SYS_ERRNO.
 * None waits: what cannot be done yet is tried again, after a little time outside of the
 * lock, by executing the instruction again; long transfers go on where they were.
 *
 * Not offered: SYS_SYSTEM, which would run commands of the host's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/host_disk.h"
#include "base/report.h"
#include "sys/bus.h"
#include "sys/loads.h"
#include "sys/semihosting/part.h"

enum { NS_PER_S = 1000000000, NS_PER_CS = 10000000 };
enum { SYS_EXIT = 0x18, APPLICATION_EXIT = 0x20026 }; /* ADP_Stopped_... */
#define AGAIN INT64_MIN

/* ----------------------------------------------------------------- what takes time */

static struct unfinished *unfinished_of(const struct asking *a)
{
    return &a->s->unfinished[a->cpu->id];
}

/* How much of this call was done before it was tried again. */
static uint64_t done_before(const struct asking *a)
{
    struct unfinished *u = unfinished_of(a);

    if (!u->is_there || u->pc != a->cpu->pc || u->number != a->call->number ||
        u->argument != a->call->argument)
        return 0;
    u->is_there = false;
    return u->done;
}

/* It is to be tried again, when the file is ready, or the CPU runs again. */
static int64_t try_again(struct asking *a, const struct file *file, bool to_write,
                         uint64_t done)
{
    a->will_wait = !*a->must_stop;
    a->wait_for = *file;
    a->to_write = to_write;
    if (done)
        *unfinished_of(a) = (struct unfinished){ true, a->cpu->pc, a->call->number,
                                                 a->call->argument, done };
    return AGAIN;
}

/* Notes why a transfer ended early. */
static void note(struct asking *a, int64_t error)
{
    a->s->error = (int)-error;
}

/* Writes as much as can be: how many bytes in all, or AGAIN. */
static int64_t write_all(struct asking *a, const struct file *file, uint64_t from,
                         uint64_t size)
{
    uint64_t done = done_before(a);
    uint8_t bytes[PIECE];

    while (done < size) {
        size_t part = size - done < PIECE ? (size_t)(size - done) : PIECE;
        int64_t result = guest_get(a, from + done, bytes, part)
                             ? sh_write(a->s, file, bytes, part)
                             : -EFAULT;

        if (result == -EAGAIN)
            return try_again(a, file, true, done);
        if (result < 0) {
            note(a, result);
            break;
        }
        done += (uint64_t)result;
        if (done < size && *a->must_stop)
            return try_again(a, file, true, done);
    }
    return (int64_t)done;
}

/* Reads until there is no more for now: how many bytes, or AGAIN. */
static int64_t read_some(struct asking *a, struct file *file, uint64_t to, uint64_t size)
{
    uint64_t done = done_before(a);
    uint8_t bytes[PIECE];

    while (done < size) {
        size_t part = size - done < PIECE ? (size_t)(size - done) : PIECE;
        int64_t result = sh_read(a->s, file, bytes, part);

        if (result == -EAGAIN && !done)
            return try_again(a, file, false, 0);
        if (result > 0 && !guest_put(a, to + done, bytes, (size_t)result))
            result = -EFAULT;
        if (result < 0 && result != -EAGAIN)
            note(a, result);
        if (result <= 0)
            break;
        done += (uint64_t)result;
        if (result < (int64_t)part)
            break;
        if (done < size && *a->must_stop)
            return try_again(a, file, false, done);
    }
    return (int64_t)done;
}

/* -------------------------------------------------------------------------- calls */

static int64_t sys_open(struct asking *a, const uint64_t *args)
{
    char path[PATH_BYTES];
    int error = guest_get_path(a, args[0], args[2], path);

    return error ? error : sh_open(a->s, path, args[1]);
}

static int64_t sys_close(struct asking *a, const uint64_t *args)
{
    return sh_close(sh_find(a->s, args[0]));
}

static int64_t sys_writec(struct asking *a, const uint64_t *args)
{
    struct file file = sh_standard(a->s, STDERR);
    int64_t done = write_all(a, &file, a->call->argument, 1);

    (void)args;
    return done == AGAIN ? AGAIN : 0;
}

/* How long the string is, as far as it can be read, and no more than fits a piece. */
static size_t string_length(const struct asking *a, uint64_t addr)
{
    char bytes[PIECE];
    size_t size = GUEST_PAGE - (size_t)(addr % GUEST_PAGE);
    const char *end;

    size = size < PIECE ? size : PIECE;
    if (!guest_get(a, addr, bytes, size))
        return 0;
    end = memchr(bytes, 0, size);
    return end ? (size_t)(end - bytes) : size;
}

static int64_t sys_write0(struct asking *a, const uint64_t *args)
{
    struct file file = sh_standard(a->s, STDERR);
    uint64_t from = a->call->argument, done = done_before(a);
    uint8_t bytes[PIECE];
    size_t size;

    (void)args;
    while ((size = string_length(a, from + done))) {
        int64_t result = guest_get(a, from + done, bytes, size)
                             ? sh_write(a->s, &file, bytes, size)
                             : -EFAULT;

        if (result == -EAGAIN || (result >= 0 && *a->must_stop))
            return try_again(a, &file, true, done + (result > 0 ? (uint64_t)result : 0));
        if (result < 0)
            return result;
        done += (uint64_t)result;
    }
    return 0;
}

/* What was not transferred, where some may have been. */
static int64_t rest(uint64_t size, int64_t done)
{
    return done == AGAIN ? AGAIN : (int64_t)size - done;
}

static int64_t sys_write(struct asking *a, const uint64_t *args)
{
    const struct file *file = sh_find(a->s, args[0]);

    if (args[2] > INT64_MAX)
        return -EINVAL;
    return rest(args[2], write_all(a, file, args[1], args[2]));
}

static int64_t sys_read(struct asking *a, const uint64_t *args)
{
    struct file *file = sh_find(a->s, args[0]);

    if (args[2] > INT64_MAX)
        return -EINVAL;
    return rest(args[2], read_some(a, file, args[1], args[2]));
}

static int64_t sys_readc(struct asking *a, const uint64_t *args)
{
    struct file file = sh_standard(a->s, STDIN);
    uint8_t byte;
    int64_t result = sh_read(a->s, &file, &byte, 1);

    (void)args;
    if (result == -EAGAIN)
        return try_again(a, &file, false, 0);
    return result == 1 ? byte : result == 0 ? -EIO : result;
}

static int64_t sys_iserror(struct asking *a, const uint64_t *args)
{
    return args[0] >> (8 * a->word - 1) & 1;
}

static int64_t sys_istty(struct asking *a, const uint64_t *args)
{
    return sh_is_terminal(sh_find(a->s, args[0]));
}

static int64_t sys_seek(struct asking *a, const uint64_t *args)
{
    return sh_seek(sh_find(a->s, args[0]), args[1]);
}

static int64_t sys_flen(struct asking *a, const uint64_t *args)
{
    return sh_size(sh_find(a->s, args[0]));
}

/* A name that nobody else has, for each of 256 numbers the same. */
static int64_t sys_tmpnam(struct asking *a, const uint64_t *args)
{
    char path[PATH_BYTES];
    size_t size;

    if (args[1] > 255)
        return -EINVAL;
    size =
        (size_t)snprintf(path, sizeof(path), "%s/rhea-%lx-%02x", host_disk_temp_folder(),
                         host_process_id(), (unsigned)args[1]) +
        1;
    if (size > sizeof(path) || size > args[2])
        return -ENAMETOOLONG;
    return guest_put(a, args[0], path, size) ? 0 : -EFAULT;
}

static int64_t sys_remove(struct asking *a, const uint64_t *args)
{
    char path[PATH_BYTES];
    int error = guest_get_path(a, args[0], args[1], path);

    return error ? error : host_remove(path);
}

static int64_t sys_rename(struct asking *a, const uint64_t *args)
{
    char from[PATH_BYTES], to[PATH_BYTES];
    int error = guest_get_path(a, args[0], args[1], from);

    if (!error)
        error = guest_get_path(a, args[2], args[3], to);
    return error ? error : host_rename(from, to);
}

static int64_t sys_clock(struct asking *a, const uint64_t *args)
{
    (void)args;
    return (int64_t)(clock_now_ns(a->s->host.clock) / NS_PER_CS);
}

static int64_t sys_time(struct asking *a, const uint64_t *args)
{
    (void)args;
    return (int64_t)(clock_wall_ns(a->s->host.clock) / NS_PER_S);
}

static int64_t sys_errno(struct asking *a, const uint64_t *args)
{
    (void)args;
    return a->s->error;
}

static int64_t sys_get_cmdline(struct asking *a, const uint64_t *args)
{
    const char *line = a->s->host.command_line;
    size_t size = strlen(line);

    if (args[1] <= size)
        return -E2BIG;
    return guest_put(a, args[0], line, size + 1) &&
                   guest_put_number(a, a->call->argument + a->word, size, a->word)
               ? 0
               : -EFAULT;
}

/* The memory that the program is in, or else the largest one. */
static struct bus_range memory_of(const struct asking *a)
{
    struct bus_range best = { 0 };
    const struct bus_range *ranges;
    uint64_t pc = a->cpu->pc;
    size_t count;

    machine_of(a->cpu)->machine->reach(a->cpu, pc, ACCESS_READ, 1, &pc);
    bus_take(a->s->host.bus);
    count = bus_ranges(a->s->host.bus, &ranges);
    for (size_t i = 0; i < count; i++) {
        const struct bus_range *r = &ranges[i];
        bool is_here = r->start <= pc && pc <= r->last;

        if (r->kind == BUS_RAM &&
            (is_here || r->last - r->start > best.last - best.start))
            best = *r;
        if (r->kind == BUS_RAM && is_here)
            break;
    }
    bus_give(a->s->host.bus);
    return best;
}

/* The heap is all of it between what was loaded; the stack begins at its end. */
static int64_t sys_heapinfo(struct asking *a, const uint64_t *args)
{
    struct bus_range memory = memory_of(a);
    struct load gap = loads_gap(bus_loads(a->s->host.bus), memory.start, memory.last + 1);
    uint64_t words[4] = { gap.start, gap.end, gap.end, 0 };

    return guest_put_words(a, args[0], words, 4) ? 0 : -EFAULT;
}

/* Its reason, and of a program that has ended its status; as SYS_EXIT 32-bit guests give
 * the reason alone. */
static int64_t sys_exit(struct asking *a, const uint64_t *args)
{
    struct semihosting_host *host = &a->s->host;
    uint64_t words[2] = { a->call->argument, 0 };
    int status;

    (void)args;
    if ((a->call->number != SYS_EXIT || a->word == 8) &&
        !guest_get_words(a, a->call->argument, words, 2))
        return -EFAULT;
    status = words[0] == APPLICATION_EXIT ? (int)words[1] : 1;
    bus_take(host->bus);
    host->power->request(host->power, POWER_OFF, status);
    bus_give(host->bus);
    return 0;
}

static int64_t sys_elapsed(struct asking *a, const uint64_t *args)
{
    (void)args;
    return guest_put_number(a, a->call->argument, clock_now_ns(a->s->host.clock), 8)
               ? 0
               : -EFAULT;
}

static int64_t sys_tickfreq(struct asking *a, const uint64_t *args)
{
    (void)a;
    (void)args;
    return NS_PER_S;
}

/* By their numbers; `args`: words of the block that the argument points to. */
static const struct kind {
    uint8_t number, args;
    int64_t (*run)(struct asking *a, const uint64_t *args);
} kinds[] = {
    { 0x01, 3, sys_open },     { 0x02, 1, sys_close },    { 0x03, 0, sys_writec },
    { 0x04, 0, sys_write0 },   { 0x05, 3, sys_write },    { 0x06, 3, sys_read },
    { 0x07, 0, sys_readc },    { 0x08, 1, sys_iserror },  { 0x09, 1, sys_istty },
    { 0x0a, 2, sys_seek },     { 0x0c, 1, sys_flen },     { 0x0d, 3, sys_tmpnam },
    { 0x0e, 2, sys_remove },   { 0x0f, 4, sys_rename },   { 0x10, 0, sys_clock },
    { 0x11, 0, sys_time },     { 0x13, 0, sys_errno },    { 0x15, 2, sys_get_cmdline },
    { 0x16, 1, sys_heapinfo }, { SYS_EXIT, 0, sys_exit }, { 0x20, 0, sys_exit },
    { 0x30, 0, sys_elapsed },  { 0x31, 0, sys_tickfreq },
};

static const struct kind *find_kind(uint64_t number)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (kinds[i].number == number)
            return &kinds[i];
    return NULL;
}

static int64_t run(struct asking *a)
{
    const struct kind *kind = find_kind(a->call->number);
    uint64_t args[MOST_ARGS];

    if (!kind) {
        guest_error("semihosting: there is no call 0x%llx",
                    (unsigned long long)a->call->number);
        return -ENOSYS;
    }
    if (!guest_get_words(a, a->call->argument, args, kind->args))
        return -EFAULT;
    return kind->run(a, args);
}

enum host_answer semihosting_call(struct semihosting *s, struct cpu *cpu,
                                  struct host_call *call, const volatile bool *must_stop)
{
    struct asking a = { .s = s,
                        .cpu = cpu,
                        .call = call,
                        .must_stop = must_stop,
                        .word = cpu->isa->pc_width / 8u };
    int64_t result;

    if (call->is_user && !s->config.allows_users)
        return HOST_CALL_NONE;
    host_lock_take(s->lock);
    result = run(&a);
    if (result < 0 && result != AGAIN)
        s->error = (int)-result;
    host_lock_give(s->lock);
    if (a.will_wait)
        sh_wait(s, &a.wait_for, a.to_write);
    call->result = result < 0 ? UINT64_MAX : (uint64_t)result;
    return result == AGAIN ? HOST_CALL_AGAIN : HOST_CALL_DONE;
}

/* --------------------------------------------------------------------------- life */

struct semihosting *semihosting_new(const struct semihosting_config *config,
                                    const struct semihosting_host *host)
{
    struct semihosting *s = calloc(1, sizeof(*s));

    if (!s)
        die("out of memory");
    s->config = *config;
    s->host = *host;
    s->lock = host_lock_new();
    s->unfinished = calloc(host->cpus, sizeof(*s->unfinished));
    if (!s->lock || !s->unfinished)
        die("out of memory");
    sh_files_begin(s);
    return s;
}

void semihosting_reset(struct semihosting *s)
{
    if (!s)
        return;
    sh_files_end(s);
    sh_files_begin(s);
    s->error = 0;
    memset(s->unfinished, 0, s->host.cpus * sizeof(*s->unfinished));
}

void semihosting_free(struct semihosting *s)
{
    if (!s)
        return;
    sh_files_end(s);
    host_lock_free(s->lock);
    free(s->unfinished);
    free(s);
}
