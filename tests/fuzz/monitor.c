/* monitor.c - fuzzes all that steers a machine from outside: the monitor of a person,
 * QMP, qtest and gdb's server, on one machine whose CPUs stand still (-accel qtest).
 *
 * An input is what clients send.  A byte from 0xf0 to 0xf7 says whose turn it is, or what
 * a client does besides; all others are the client's.  What comes back has the form of
 * its protocol; a client that comes afterwards is served; nothing takes long.
 *
 * Files that commands write are thrown away, places where they listen are a pipe. */
#define FUZZ_MUTATE mutate
#define FUZZ_ROUND 32
#include "monitor_clients.h"

#include <errno.h>
#include <jansson.h>
#include <sys/socket.h>

#include "base/host.h"
#include "sys/bus.h"
#include "sys/loop.h"
#include "sys/machine_parts.h"

enum { ANSWERS = 16 << 20, MOST_SECONDS = 60, RAM_BYTES = 4 << 20 };

/* A client of the first three, and its line. */
struct chardevs {
    struct char_backend backend; /* first: found by it */
    const char *id;
    bool is_reading;
    char *text; /* that came, since it came */
    size_t size;
};

static struct chardevs lines[] = { { .id = "human" },
                                   { .id = "qmp" },
                                   { .id = "qtest" } };
static int gdb_client = -1; /* its end of the connection */

static struct machine *machine;
static struct {
    const uint8_t *at, *end;
    unsigned line;
    unsigned waited, after; /* rounds of the loop: for gdb, since the end */
} input;

static void must(bool condition, const char *what, const char *text, size_t size)
{
    if (condition)
        return;
    printf("%s: %.*s\n", what, (int)(size > 1000 ? 1000 : size), text);
    fflush(stdout);
    abort();
}

/* -------------------------------------------------------------- in place of the host */

FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
int __wrap_host_open_file(const char *path, unsigned flags);
int __real_host_open_file(const char *path, unsigned flags);
int __wrap_host_listen(const struct host_place *place);
int __wrap_host_accept(int listener);
int __wrap_host_remove(const char *path);

FILE *__wrap_fopen(const char *path, const char *mode)
{
    return mode[0] == 'w' ? __real_fopen("/dev/null", mode) : __real_fopen(path, mode);
}

int __wrap_host_open_file(const char *path, unsigned flags)
{
    return __real_host_open_file(flags & HOST_FILE_EMPTY ? "/dev/null" : path, flags);
}

/* Readable for ever: somebody always wants to come. */
int __wrap_host_listen(const struct host_place *place)
{
    int ends[2];

    if (place->path && strlen(place->path) > 100)
        return -ENAMETOOLONG;
    if (pipe(ends) < 0)
        return -errno;
    close(ends[1]);
    return ends[0];
}

int __wrap_host_accept(int listener)
{
    int ends[2];

    (void)listener; /* gdb comes when it has something to say */
    if (input.line != GDB || gdb_client >= 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) < 0)
        return -EAGAIN;
    gdb_client = ends[1];
    return ends[0];
}

int __wrap_host_remove(const char *path)
{
    must(path[0], "removes nothing", path, 0);
    return 0;
}

/* ------------------------------------------------------------- in place of chardev.c */

static size_t line_write(struct char_backend *backend, const uint8_t *bytes, size_t count)
{
    struct chardevs *line = (struct chardevs *)backend;

    if (!line->is_reading)
        return 0;
    must(count <= ANSWERS, "an answer without end", (const char *)bytes, count);
    if (line->size + count <= ANSWERS) {
        memcpy(line->text + line->size, bytes, count);
        line->size += count;
    }
    return count;
}

static void line_ready(struct char_backend *backend)
{
    (void)backend;
}

struct chardevs *chardevs_open(const struct chardev_config *configs,
                               const struct chardev_host *host)
{
    (void)configs;
    (void)host;
    return lines;
}

int chardevs_send_break(struct chardevs *devs, const char *id, char error[CHARDEV_ERROR])
{
    (void)devs;
    snprintf(error, CHARDEV_ERROR, "none");
    return strcmp(id, "serial0") ? -1 : 0;
}

struct char_backend *chardevs_take(struct chardevs *devs, const char *id,
                                   char error[CHARDEV_ERROR])
{
    for (; devs; devs = chardevs_next(devs))
        if (!strcmp(devs->id, id))
            return &devs->backend;
    snprintf(error, CHARDEV_ERROR, "none");
    return NULL;
}

void chardevs_close(struct chardevs *devs)
{
    (void)devs;
}

struct chardevs *chardevs_next(struct chardevs *devs)
{
    return devs < lines + GDB - 1 ? devs + 1 : NULL;
}

const char *chardevs_id(const struct chardevs *devs)
{
    return devs->id;
}

bool chardevs_has_user(const struct chardevs *devs)
{
    return devs->backend.user != NULL;
}

void chardevs_describe(const struct chardevs *devs, char *text, size_t size)
{
    snprintf(text, size, "%s", devs->id);
}

/* --------------------------------------------------------------------------- answers */

/* Each line of QMP is an object that says which of these it is. */
static void check_qmp(const char *text, size_t size)
{
    static const char *const kinds[] = { "QMP", "return", "error", "event" };
    json_t *object = json_loadb(text, size, 0, NULL);
    bool is_known = false;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        is_known |= json_object_get(object, kinds[i]) != NULL;
    must(is_known, "no answer of QMP", text, size);
    json_decref(object);
}

static void check_qtest(const char *text, size_t size)
{
    must((size >= 2 && !memcmp(text, "OK", 2)) ||
             (size > 5 && !memcmp(text, "FAIL ", 5)) ||
             (size > 4 && !memcmp(text, "IRQ ", 4)),
         "no answer of qtest", text, size);
}

/* Whole lines only: a client that leaves has had a part of one. */
static void check_lines(struct chardevs *line, void (*check)(const char *, size_t))
{
    const char *at = line->text, *end;

    while ((end = memchr(at, '\n', line->size - (size_t)(at - line->text)))) {
        check(at, (size_t)(end - at));
        at = end + 1;
    }
}

static void check_answers(unsigned number)
{
    if (number == QMP)
        check_lines(&lines[QMP], check_qmp);
    else if (number == QTEST)
        check_lines(&lines[QTEST], check_qtest);
    lines[number].size = 0;
}

/* Packets are `$...#` and a sum, or an acknowledgement. */
static void read_gdb(void)
{
    char bytes[4096];
    ssize_t got;

    while ((got = read(gdb_client, bytes, sizeof(bytes))) > 0)
        for (ssize_t i = 0; i < got; i++)
            must(bytes[i] != 0 || got > 1, "no packet", bytes, (size_t)got);
    if (got == 0) {
        close(gdb_client);
        gdb_client = -1;
    }
}

/* --------------------------------------------------------------------------- clients */

static void tell(unsigned number, enum char_event event)
{
    struct char_backend *backend = &lines[number].backend;

    backend->is_open = event == CHAR_OPENED;
    backend->user->event(backend->device, event);
}

static void read_again(unsigned number)
{
    struct char_backend *backend = &lines[number].backend;

    lines[number].is_reading = true;
    backend->user->sent(backend->device);
}

static void come_again(unsigned number)
{
    if (number == GDB) {
        if (gdb_client >= 0)
            close(gdb_client);
        gdb_client = -1;
        return;
    }
    tell(number, CHAR_CLOSED);
    check_answers(number);
    lines[number].is_reading = true;
    tell(number, CHAR_OPENED);
}

static void turn(uint8_t byte)
{
    switch (byte) {
    case LEAVE: come_again(input.line); break;
    case STOP_READING:
        if (input.line < GDB)
            lines[input.line].is_reading = false;
        break;
    case READ:
        if (input.line < GDB)
            read_again(input.line);
        break;
    case ABANDON: /* and nobody comes */
        if (input.line < GDB)
            tell(input.line, CHAR_CLOSED);
        break;
    default: input.line = byte - TO_HUMAN;
    }
}

/* How many of `count` bytes the line took: 0, try again. */
static size_t send_some(const uint8_t *bytes, size_t count)
{
    struct chardevs *line = &lines[input.line];
    struct char_backend *backend = &line->backend;
    size_t room;
    ssize_t done;

    if (input.line == GDB) {
        if (gdb_client < 0)
            return !machine->debugger || input.waited++ > 4 ? count : 0;
        input.waited = 0;
        done = send(gdb_client, bytes, count, MSG_NOSIGNAL);
        read_gdb();
        return done > 0 ? (size_t)done : count;
    }
    if (!backend->is_open)
        return count;
    room = backend->user->room(backend->device);
    if (!room && !line->is_reading) /* sooner or later it reads */
        read_again(input.line);
    if (room > count)
        room = count;
    if (room)
        backend->user->receive(backend->device, bytes, room);
    return room;
}

/* When the input is over each of them is served as at first. */
static void greet(unsigned number)
{
    static const char *const hello[] = { "\n", "\n", "endianness\n" };
    static const char *const answers[] = { "(rhea) ", "{\"QMP\"", "OK little\n" };
    struct chardevs *line = &lines[number];
    bool is_there = false;

    if (!line->size) {
        input.line = number;
        send_some((const uint8_t *)hello[number], strlen(hello[number]));
    }
    for (size_t i = 0; i + strlen(answers[number]) <= line->size; i++)
        is_there |= !memcmp(line->text + i, answers[number], strlen(answers[number]));
    must(is_there || input.after < 100, line->id, line->text, line->size);
}

/* Each round of the device thread, without the bus lock. */
static void next_round(void *context)
{
    const uint8_t *at = input.at;

    (void)context;
    bus_take(machine->bus);
    if (at == input.end) {
        for (unsigned i = 0; i < GDB; i++)
            if (input.after == 0)
                come_again(i);
            else
                greet(i);
        if (input.after++ > 100) {
            input.after = 0;
            input.line = LINES;
            machine_quit(machine);
        }
    } else if (*at >= TO_HUMAN && *at <= ABANDON) {
        turn(*at);
        input.at++;
    } else {
        while (at < input.end && (*at < TO_HUMAN || *at > ABANDON))
            at++;
        input.at += send_some(input.at, (size_t)(at - input.at));
    }
    bus_give(machine->bus);
}

static uint64_t do_not_wait(void *context)
{
    (void)context;
    return 0;
}

/* ----------------------------------------------------------------------- the machine */

static struct machine *make(void)
{
    static struct monitor_config monitors[] = {
        { &monitors[1], "-monitor", "human", MONITOR_HUMAN, false },
        { &monitors[2], "-qmp", "qmp", MONITOR_CONTROL, false },
        { NULL, "-qtest", "qtest", MONITOR_QTEST, false },
    };
    struct machine_config config = {
        .board_path = "boards/virt-rv64.board",
        .choices = { .memory_bytes = RAM_BYTES, .cpus = 2 },
        .bios = "none",
        .monitors = monitors,
        .gdb = "unix:x",
        .is_qtest = true,
    };
    struct loop_work work = { do_not_wait, next_round, NULL };
    struct machine *made;

    for (unsigned i = 0; i < GDB; i++) {
        char *text = lines[i].text ? lines[i].text : malloc(ANSWERS);

        lines[i] = (struct chardevs){ { line_write, line_ready, true, false, NULL, NULL },
                                      lines[i].id,
                                      true,
                                      text,
                                      0 };
    }
    made = machine_new(&config);
    loop_set_work(made->loop, &work);
    return made;
}

static void fuzz_one(const uint8_t *data, size_t size)
{
    static FILE *quiet;

    if (!quiet) {
        quiet = freopen("/dev/null", "w", stderr); /* the guest's errors */
        host_ignore_broken_pipes();
    }
    alarm(MOST_SECONDS);
    machine = make();
    input.at = data;
    input.end = data + size;
    input.line = input.waited = input.after = 0;
    while (input.line != LINES) { /* a command may have ended it before */
        machine->wants_off = false;
        machine_run(machine);
    }
    machine_free(machine);
    if (gdb_client >= 0)
        close(gdb_client);
    gdb_client = -1;
}
