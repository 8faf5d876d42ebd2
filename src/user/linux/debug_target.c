/* debug_target.c - what the protocol asks of a Linux process. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/host.h"
#include "user/linux/debug_parts.h"
#include "user/run.h"

static struct debug_task *find_thread(struct debugger *d, int64_t tid)
{
    for (struct debug_task *dt = d->tasks; dt && !d->is_dead; dt = dt->next)
        if (dt->tid == tid)
            return dt;
    return NULL;
}

static int64_t next_thread(void *context, int64_t after)
{
    struct debugger *d = context;
    int64_t best = -1;

    for (struct debug_task *dt = d->tasks; dt && !d->is_dead; dt = dt->next)
        if (dt->tid > after && (best < 0 || dt->tid < best))
            best = dt->tid;
    return best;
}

static struct cpu *cpu_of(void *context, int64_t tid)
{
    struct debug_task *dt = find_thread(context, tid);

    return dt ? dt->task->cpu : NULL;
}

/* A system call that was interrupted is not begun again at another pc. */
static void registers_changed(void *context, int64_t tid)
{
    struct debug_task *dt = find_thread(context, tid);

    if (dt)
        dt->task->restart = 0;
}

static int thread_name(void *context, int64_t tid, char *text, size_t size)
{
    char path[64];
    ssize_t n;
    int fd;

    if (!find_thread(context, tid))
        return -1;
    snprintf(path, sizeof(path), "/proc/self/task/%lld/comm", (long long)tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? 0 : read(fd, text, size - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n - (text[n - 1] == '\n') : 0] = 0;
    return 0;
}

/* ------------------------------------------------------------------------------ memory
 */

/* Memory that may only be executed, or not be accessed at all, can be looked at as
 * ptrace does: where the host lets us read it. */
static size_t read_memory(void *context, uint64_t addr, void *to, size_t size)
{
    struct debugger *d = context;
    uint64_t fault = addr;

    if (space_read(d->proc->space, addr, to, size, &fault) == 0)
        return size;
    return fault - addr < size ? (size_t)(fault - addr) : 0;
}

/* Code is read-only: it is made writable for the moment. */
static int write_memory(void *context, uint64_t addr, const void *from, size_t size)
{
    struct debugger *d = context;
    struct space *space = d->proc->space;
    uint64_t page = space_page(space);
    const uint8_t *at = from;

    while (size) {
        size_t piece = (size_t)(page - addr % page);
        unsigned prot = space_prot(space, addr);
        int error = 0;

        if (piece > size)
            piece = size;
        if (!space_is_mapped(space, addr))
            return -1;
        if (!(prot & SPACE_WRITE))
            error = space_protect(space, addr & ~(page - 1), page,
                                  prot | SPACE_READ | SPACE_WRITE);
        if (!error)
            error = space_write(space, addr, at, piece, NULL);
        if (!(prot & SPACE_WRITE))
            space_protect(space, addr & ~(page - 1), page, prot);
        if (error)
            return -1;
        addr += piece;
        at += piece;
        size -= piece;
    }
    return 0;
}

/* --------------------------------------------------------------------- stops of the set
 */

static int insert(void *context, enum gdb_point point, uint64_t addr, uint64_t size)
{
    struct debugger *d = context;

    int result = gdb_add_stop(&d->stops, point, addr, size);

    if (result == 0 && gdb_is_break(point))
        debug_stops_changed(d, addr);
    return result;
}

/* What is not there needs not to be removed. */
static int remove_stop(void *context, enum gdb_point point, uint64_t addr, uint64_t size)
{
    struct debugger *d = context;

    if (gdb_remove_stop(&d->stops, point, addr, size) && gdb_is_break(point))
        debug_stops_changed(d, addr);
    return 0;
}

/* ----------------------------------------------------------------------------- running
 */

static const struct gdb_action *action_for(const struct debugger *d, int64_t tid,
                                           const struct gdb_action *actions, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if ((actions[i].pid < 0 || actions[i].pid == d->target.pid) &&
            (actions[i].tid <= 0 || actions[i].tid == tid))
            return &actions[i];
    return NULL;
}

/* What happened to a thread and was not told yet is told now; a breakpoint it meets
 * again. */
static void resume(void *context, const struct gdb_action *actions, size_t count)
{
    struct debugger *d = context;

    if (d->is_dead) {
        gdb_refuse(&d->gdb);
        return;
    }
    host_lock_take(d->lock);
    d->state = DEBUG_RUNNING;
    for (struct debug_task *dt = d->tasks; dt; dt = dt->next) {
        const struct gdb_action *action = action_for(d, dt->tid, actions, count);

        dt->is_resumed = action != NULL;
        if (action && dt->has_event && dt->event.kind == GDB_STOP_BREAK)
            dt->has_event = false;
        if (!action || dt->has_event)
            continue;
        dt->action = *action;
        dt->may_run = true;
    }
    host_lock_wake(d->lock);
    host_lock_give(d->lock);
}

static void interrupt(void *context)
{
    struct debugger *d = context;
    static const char stop = 3;

    if (d->peer_runs && d->peer >= 0 && write(d->peer, &stop, 1) == 1)
        return;
    d->is_interrupted = true;
}

static bool forward(void *context, int64_t pid, const void *packet, size_t size)
{
    struct debugger *d = context;
    const uint8_t *at = packet;
    uint8_t sum = 0;
    char end[4];
    FILE *out;

    (void)pid; /* there is one other at most, and those behind it */
    out = d->peer < 0 ? NULL : fdopen(dup(d->peer), "w");
    if (!out)
        return false;
    d->peer_runs = d->gdb.is_resumed;
    fputc('$', out);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = at[i];

        if (byte == '$' || byte == '#' || byte == '}') {
            fputc('}', out);
            sum = (uint8_t)(sum + '}');
            byte ^= 0x20;
        }
        fputc(byte, out);
        sum = (uint8_t)(sum + byte);
    }
    snprintf(end, sizeof(end), "#%02x", sum);
    fputs(end, out);
    return fclose(out) == 0;
}

static int detach(void *context, int64_t pid)
{
    struct debugger *d = context;
    char packet[32];

    if (pid != d->target.pid) {
        snprintf(packet, sizeof(packet), "D;%llx", (unsigned long long)pid);
        return forward(d, pid, packet, strlen(packet)) ? 0 : -1;
    }
    gdb_accept(&d->gdb);
    if (d->peer >= 0)
        debug_hand_over(d);
    d->is_leaving = true;
    return 0;
}

static int kill_process(void *context, int64_t pid)
{
    struct debugger *d = context;
    char packet[32];

    if (pid != d->target.pid) {
        snprintf(packet, sizeof(packet), "vKill;%llx", (unsigned long long)pid);
        return forward(d, pid, packet, strlen(packet)) ? 0 : -1;
    }
    gdb_accept(&d->gdb);
    d->is_dead = d->is_killed = true;
    if (!(d->gdb.options & GDB_EXTENDED))
        kill(getpid(), SIGKILL);
    return 0;
}

static void pass_signals(void *context, const uint8_t *bytes)
{
    struct debugger *d = context;

    memcpy(d->passed, bytes, sizeof(d->passed));
}

static void catch_calls(void *context, bool catch, const int64_t *numbers, size_t count)
{
    struct debugger *d = context;

    d->catches_calls = catch;
    d->ncalls = count < DEBUG_MAX_CALLS ? count : DEBUG_MAX_CALLS;
    memcpy(d->calls, numbers, d->ncalls * sizeof(*numbers));
}

/* ----------------------------------------------------------------------------- objects
 */

static char *read_aux(struct debugger *d, size_t *size)
{
    const struct proc *p = d->proc;
    char *bytes;

    *size = (size_t)(p->aux_end - p->aux_start);
    bytes = malloc(*size ? *size : 1);
    if (bytes && read_memory(d, p->aux_start, bytes, *size) == *size)
        return bytes;
    free(bytes);
    return NULL;
}

static char *object(void *context, enum gdb_object what, int64_t tid, size_t *size)
{
    struct debugger *d = context;
    struct debug_task *dt = find_thread(d, tid);
    const struct abi *abi = d->proc->abi;
    char *bytes = NULL;

    switch (what) {
    case GDB_AUXV: return read_aux(d, size);
    case GDB_EXEC_FILE:
        bytes = strdup(path_to_guest(d->proc, d->proc->exe));
        *size = bytes ? strlen(bytes) : 0;
        return bytes;
    case GDB_SIGINFO:
        *size = abi->layouts->siginfo.size;
        bytes = dt && dt->info.value[INFO_SIGNO] ? malloc(*size) : NULL;
        if (bytes)
            siginfo_pack(abi, &dt->info, (uint8_t *)bytes);
        return bytes;
    }
    return NULL;
}

/* ------------------------------------------------------------------------------- files
 */

static int file_error(void)
{
    switch (errno) {
    case ENOENT: return -GDB_ENOENT;
    case EACCES: return -GDB_EACCES;
    case EINVAL: return -GDB_EINVAL;
    }
    return -GDB_EIO;
}

/* Paths are the guest's. */
static int open_file(void *context, const char *path)
{
    struct debugger *d = context;
    char host[PATH_SIZE];

    for (int i = 0; i < DEBUG_FILES; i++) {
        if (d->files[i] >= 0)
            continue;
        d->files[i] = own_fd(open(path_to_host(d->tasks->task, path, host),
                                  O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
        return d->files[i] < 0 ? file_error() : i;
    }
    return -24; /* EMFILE */
}

static bool is_file(const struct debugger *d, int fd)
{
    return fd >= 0 && fd < DEBUG_FILES && d->files[fd] >= 0;
}

static int64_t pread_file(void *context, int fd, void *to, size_t size, uint64_t offset)
{
    struct debugger *d = context;
    ssize_t n;

    if (!is_file(d, fd))
        return -GDB_EBADF;
    n = pread(d->files[fd], to, size, (off_t)offset);
    return n < 0 ? file_error() : n;
}

static int close_file(void *context, int fd)
{
    struct debugger *d = context;

    if (!is_file(d, fd))
        return -GDB_EBADF;
    own_fd_close(d->files[fd]);
    d->files[fd] = -1;
    return 0;
}

static int stat_file(void *context, int fd, uint64_t values[GDB_STAT_FIELDS])
{
    struct debugger *d = context;
    struct stat st;

    if (!is_file(d, fd))
        return -GDB_EBADF;
    if (fstat(d->files[fd], &st) < 0)
        return file_error();
    values[GDB_STAT_DEV] = st.st_dev;
    values[GDB_STAT_INO] = st.st_ino;
    values[GDB_STAT_MODE] = st.st_mode;
    values[GDB_STAT_NLINK] = st.st_nlink;
    values[GDB_STAT_UID] = st.st_uid;
    values[GDB_STAT_GID] = st.st_gid;
    values[GDB_STAT_RDEV] = st.st_rdev;
    values[GDB_STAT_SIZE] = (uint64_t)st.st_size;
    values[GDB_STAT_BLKSIZE] = (uint64_t)st.st_blksize;
    values[GDB_STAT_BLOCKS] = (uint64_t)st.st_blocks;
    values[GDB_STAT_ATIME] = (uint64_t)st.st_atime;
    values[GDB_STAT_MTIME] = (uint64_t)st.st_mtime;
    values[GDB_STAT_CTIME] = (uint64_t)st.st_ctime;
    return 0;
}

static int64_t read_link(void *context, const char *path, char *to, size_t size)
{
    struct debugger *d = context;
    char host[PATH_SIZE];
    ssize_t n = readlink(path_to_host(d->tasks->task, path, host), to, size);

    return n < 0 ? file_error() : n;
}

void debug_fill_target(struct debugger *d)
{
    d->target = (struct gdb_target){
        .context = d,
        .pid = getpid(),
        .isa = d->proc->isa,
        .osabi = "GNU/Linux",
        .big = d->proc->abi->big,
        .send = debug_send,
        .next_thread = next_thread,
        .cpu = cpu_of,
        .registers_changed = registers_changed,
        .thread_name = thread_name,
        .read = read_memory,
        .write = write_memory,
        .insert = insert,
        .remove = remove_stop,
        .resume = resume,
        .interrupt = interrupt,
        .detach = detach,
        .kill = kill_process,
        .run = debug_run_again,
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
}
