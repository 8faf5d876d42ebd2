/* core.c - core dumps: what gdb wants to see of a guest that a signal killed.
 *
 * As Linux does it: if RLIMIT_CORE allows, in the file that the host's core_pattern
 * names. A pattern that is a pipe leads to a crash handler of the host's, which knows
 * nothing of guests: then the file is core.PID in the working directory.  The dump is an
 * ELF file of the guest's class and byte order; pages that were never touched are holes
 * in it, files that cannot have been changed are left out.
 *
 * Spec: Linux' fs/coredump.c and fs/binfmt_elf.c; core(5). */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/host.h"
#include "user/linux/linux.h"

enum {
    MAX_SEGMENTS = 65000,
    WAIT_MS = 1000, /* for threads that are in the middle of something */
    PIECE = 64 * 1024,
    COPY_NAME = 16, /* of prpsinfo */
    COPY_ARGS = 80,
};

/* A line of the guest's maps. */
struct segment {
    uint64_t start, end, offset, file_size;
    unsigned prot;
    char *name; /* in `maps`; "": no file */
};

struct dump {
    struct task *t;
    const struct abi *abi;
    const struct sig_info *info;
    char *maps;
    struct segment *segments;
    size_t count;
    char *notes;
    size_t notes_size;
    FILE *note_file;
    int fd;
    uint64_t limit;
};

bool dumps_core(int signo)
{
    switch (signal_to_host(signo)) {
    case SIGQUIT:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGSEGV:
    case SIGXCPU:
    case SIGXFSZ:
    case SIGSYS: return true;
    }
    return false;
}

/* --------------------------------------------------------------------- other threads */

/* Run loops come here when proc->dying is set: for ever. */
_Noreturn void core_park(struct task *t)
{
    __atomic_add_fetch(&t->proc->parked, 1, __ATOMIC_SEQ_CST);
    for (;;)
        pause();
}

static void stop_others(struct task *t)
{
    struct proc *p = t->proc;
    const struct timespec tick = { 0, 1000000 };
    unsigned others = 0;

    host_lock_take(p->lock);
    for (struct task *other = p->tasks; other; other = other->next)
        if (other != t) {
            others++;
            task_interrupt(other);
        }
    host_lock_give(p->lock);
    for (int i = 0; i < WAIT_MS; i++) {
        if (__atomic_load_n(&p->parked, __ATOMIC_SEQ_CST) >= others)
            return;
        nanosleep(&tick, NULL);
    }
}

/* -------------------------------------------------------------------------- the name */

static void add(char *to, const char *text)
{
    size_t n = strlen(to);

    snprintf(to + n, PATH_SIZE - n, "%s", text);
}

/* '/' would lead elsewhere. */
static void add_name(char *to, const char *name)
{
    size_t n = strlen(to);

    add(to, name);
    for (; to[n]; n++)
        if (to[n] == '/')
            to[n] = '!';
}

static void add_item(const struct dump *dump, char item, char *to)
{
    const char *exe = dump->t->proc->exe, *slash = strrchr(exe, '/');
    char text[256] = "";

    switch (item) {
    case '%': add(to, "%"); return;
    case 'e': add_name(to, slash ? slash + 1 : exe); return;
    case 'E': add_name(to, exe); return;
    case 'h':
        gethostname(text, sizeof(text) - 1);
        add_name(to, text);
        return;
    case 'p':
    case 'P': snprintf(text, sizeof(text), "%d", (int)getpid()); break;
    case 'i':
    case 'I': snprintf(text, sizeof(text), "%d", dump->t->tid); break;
    case 'u': snprintf(text, sizeof(text), "%u", (unsigned)getuid()); break;
    case 'g': snprintf(text, sizeof(text), "%u", (unsigned)getgid()); break;
    case 's':
        snprintf(text, sizeof(text), "%d", (int)dump->info->value[INFO_SIGNO]);
        break;
    case 't': snprintf(text, sizeof(text), "%lld", (long long)time(NULL)); break;
    case 'c':
        snprintf(text, sizeof(text), "%llu", (unsigned long long)dump->limit);
        break;
    }
    add(to, text);
}

static void read_line(const char *path, char *to, size_t size)
{
    FILE *in = fopen(path, "re");

    to[0] = 0;
    if (in && !fgets(to, (int)size, in))
        to[0] = 0;
    if (in)
        fclose(in);
    to[strcspn(to, "\n")] = 0;
}

static void core_name(const struct dump *dump, char *to)
{
    char pattern[256], uses_pid[8];
    bool has_pid = false;

    to[0] = 0;
    read_line("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));
    read_line("/proc/sys/kernel/core_uses_pid", uses_pid, sizeof(uses_pid));
    if (!pattern[0] || pattern[0] == '|')
        strcpy(pattern, "core.%p");
    for (const char *at = pattern; *at; at++) {
        char one[2] = { *at, 0 };

        if (*at != '%') {
            add(to, one);
        } else if (at[1]) {
            has_pid |= at[1] == 'p';
            add_item(dump, *++at, to);
        }
    }
    if (!has_pid && uses_pid[0] == '1') {
        add(to, ".");
        add_item(dump, 'p', to);
    }
}

/* As Linux: a file of one's own with one name, or none. */
static int open_core(const char *path)
{
    int fd = open(path, O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    struct stat st;

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 1 ||
        st.st_uid != geteuid() || ftruncate(fd, 0) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* -------------------------------------------------------------------------- segments */

/* Linux leaves out what can be read from the file again, but for its ELF header. */
static uint64_t size_in_dump(const struct dump *dump, const struct segment *segment)
{
    uint64_t page = space_page(dump->t->proc->space);
    char magic[4];

    if (!(segment->prot & SPACE_READ))
        return 0;
    if (segment->name[0] != '/' || segment->prot & SPACE_WRITE)
        return segment->end - segment->start;
    return segment->offset == 0 &&
                   space_read(dump->t->proc->space, segment->start, magic, 4, NULL) ==
                       0 &&
                   memcmp(magic, ELFMAG, 4) == 0
               ? page
               : 0;
}

static bool parse_line(char *line, struct segment *segment)
{
    char prot[5];
    int name = 0;

    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %*s %*s %n",
               &segment->start, &segment->end, prot, &segment->offset, &name) < 4)
        return false;
    segment->prot = (prot[0] == 'r' ? SPACE_READ : 0) |
                    (prot[1] == 'w' ? SPACE_WRITE : 0) |
                    (prot[2] == 'x' ? SPACE_EXEC : 0);
    segment->name = name ? line + name : line + strlen(line);
    return true;
}

static void find_segments(struct dump *dump)
{
    size_t size = 0, room = 0;
    FILE *out = open_memstream(&dump->maps, &size);
    char *save = NULL;

    if (!out)
        return;
    proc_write_maps(dump->t, out);
    fclose(out);
    for (char *line = strtok_r(dump->maps, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        struct segment segment = { 0 };

        if (dump->count == room) {
            struct segment *larger;

            room = room * 2 + 64;
            larger = realloc(dump->segments, room * sizeof(*larger));
            if (!larger)
                return;
            dump->segments = larger;
        }
        if (dump->count == MAX_SEGMENTS || !parse_line(line, &segment))
            continue;
        segment.file_size = size_in_dump(dump, &segment);
        dump->segments[dump->count++] = segment;
    }
}

/* ----------------------------------------------------------------------------- notes */

static void put(struct dump *dump, FILE *out, unsigned size, uint64_t value)
{
    uint8_t bytes[8];

    put_guest(dump->abi, bytes, size, value);
    fwrite(bytes, 1, size, out);
}

static void add_note(struct dump *dump, const char *name, uint32_t type,
                     const void *bytes, size_t size)
{
    static const char zeros[4];
    size_t length = strlen(name) + 1;
    FILE *out = dump->note_file;

    put(dump, out, 4, length);
    put(dump, out, 4, size);
    put(dump, out, 4, type);
    fwrite(name, 1, length, out);
    fwrite(zeros, 1, -length & 3, out);
    fwrite(bytes, 1, size, out);
    fwrite(zeros, 1, -size & 3, out);
}

/* prstatus, its registers behind the layout's fields; then the floating point ones. */
static void add_thread(struct dump *dump, struct task *t)
{
    const struct abi *abi = dump->abi;
    const struct layout *layout = &abi->layouts->prstatus;
    uint8_t bytes[ABI_MAX_FRAME] = { 0 }, regs[ABI_MAX_FRAME] = { 0 };
    size_t size = layout->size + abi->gregs_size;
    uint64_t v[PRSTATUS_FIELDS] = {
        [PRSTATUS_SIGNO] = dump->info->value[INFO_SIGNO],
        [PRSTATUS_CODE] = dump->info->value[INFO_CODE],
        [PRSTATUS_CURSIG] = dump->info->value[INFO_SIGNO],
        [PRSTATUS_BLOCKED] = t->blocked,
        [PRSTATUS_PID] = (uint64_t)t->tid,
        [PRSTATUS_PPID] = (uint64_t)getppid(),
        [PRSTATUS_PGRP] = (uint64_t)getpgrp(),
        [PRSTATUS_SID] = (uint64_t)getsid(0),
    };

    registers_save(t, regs);
    layout_pack(abi, layout, PRSTATUS_FIELDS, bytes, v);
    memcpy(bytes + layout->size, regs, abi->gregs_size);
    put_guest(abi, bytes + size, 4, abi->fpregs_size != 0); /* pr_fpvalid */
    add_note(dump, "CORE", NT_PRSTATUS, bytes, size + abi->layouts->word);
    if (abi->fpregs_size)
        add_note(dump, "CORE", NT_FPREGSET, regs + abi->gregs_size, abi->fpregs_size);
}

static void add_process(struct dump *dump)
{
    struct proc *p = dump->t->proc;
    const struct layout *layout = &dump->abi->layouts->prpsinfo;
    const char *slash = strrchr(p->exe, '/');
    uint8_t bytes[256] = { 0 };
    uint64_t v[PRPSINFO_FIELDS] = {
        [PRPSINFO_SNAME] = 'R',
        [PRPSINFO_UID] = getuid(),
        [PRPSINFO_GID] = getgid(),
        [PRPSINFO_PID] = (uint64_t)getpid(),
        [PRPSINFO_PPID] = (uint64_t)getppid(),
        [PRPSINFO_PGRP] = (uint64_t)getpgrp(),
        [PRPSINFO_SID] = (uint64_t)getsid(0),
    };
    char *name = (char *)bytes + layout->size - COPY_ARGS - COPY_NAME;
    char *args = name + COPY_NAME;
    size_t size = (size_t)(p->arg_end - p->arg_start);

    layout_pack(dump->abi, layout, PRPSINFO_FIELDS, bytes, v);
    snprintf(name, COPY_NAME, "%.15s", slash ? slash + 1 : p->exe);
    if (size > COPY_ARGS - 1)
        size = COPY_ARGS - 1;
    if (space_read(p->space, p->arg_start, args, size, NULL) == 0)
        for (size_t i = 0; i + 1 < size; i++)
            args[i] = args[i] ? args[i] : ' ';
    add_note(dump, "CORE", NT_PRPSINFO, bytes, layout->size);
}

static void add_files(struct dump *dump)
{
    unsigned word = dump->abi->layouts->word;
    uint64_t page = space_page(dump->t->proc->space), count = 0;
    char *bytes = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&bytes, &size);

    if (!out)
        return;
    for (size_t i = 0; i < dump->count; i++)
        count += dump->segments[i].name[0] == '/';
    put(dump, out, word, count);
    put(dump, out, word, page);
    for (size_t i = 0; i < dump->count; i++) {
        const struct segment *segment = &dump->segments[i];

        if (segment->name[0] != '/')
            continue;
        put(dump, out, word, segment->start);
        put(dump, out, word, segment->end);
        put(dump, out, word, segment->offset / page);
    }
    for (size_t i = 0; i < dump->count; i++)
        if (dump->segments[i].name[0] == '/')
            fwrite(dump->segments[i].name, 1, strlen(dump->segments[i].name) + 1, out);
    fclose(out);
    add_note(dump, "CORE", NT_FILE, bytes, size);
    free(bytes);
}

static void make_notes(struct dump *dump)
{
    struct proc *p = dump->t->proc;
    uint8_t info[128];
    size_t size = (size_t)(p->aux_end - p->aux_start);
    char *auxv = malloc(size);

    add_thread(dump, dump->t);
    add_process(dump);
    siginfo_pack(dump->abi, dump->info, info);
    add_note(dump, "CORE", NT_SIGINFO, info, dump->abi->layouts->siginfo.size);
    if (auxv && space_read(p->space, p->aux_start, auxv, size, NULL) == 0)
        add_note(dump, "CORE", NT_AUXV, auxv, size);
    free(auxv);
    add_files(dump);
    for (struct task *t = p->tasks; t; t = t->next)
        if (t != dump->t)
            add_thread(dump, t);
}

/* ------------------------------------------------------------------------- the file */

static uint64_t header_size(const struct dump *dump)
{
    bool is_64 = dump->abi->bits == 64;

    return (is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)) +
           (dump->count + 1) * (is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
}

static void put_header(struct dump *dump, FILE *out)
{
    bool is_64 = dump->abi->bits == 64;
    unsigned word = dump->abi->layouts->word;
    const uint8_t ident[EI_NIDENT] = { 0x7f,
                                       'E',
                                       'L',
                                       'F',
                                       is_64 ? ELFCLASS64 : ELFCLASS32,
                                       dump->abi->big ? ELFDATA2MSB : ELFDATA2LSB,
                                       EV_CURRENT };

    fwrite(ident, 1, sizeof(ident), out);
    put(dump, out, 2, ET_CORE);
    put(dump, out, 2, dump->abi->elf_machine);
    put(dump, out, 4, EV_CURRENT);
    put(dump, out, word, 0);
    put(dump, out, word, is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));
    put(dump, out, word, 0);
    put(dump, out, 4, 0);
    put(dump, out, 2, is_64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));
    put(dump, out, 2, is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr));
    put(dump, out, 2, dump->count + 1);
    put(dump, out, 2, 0);
    put(dump, out, 2, 0);
    put(dump, out, 2, 0);
}

static void put_segment(struct dump *dump, FILE *out, uint32_t type, uint64_t offset,
                        const struct segment *segment)
{
    unsigned word = dump->abi->layouts->word;
    uint32_t flags = (segment->prot & SPACE_READ ? PF_R : 0) |
                     (segment->prot & SPACE_WRITE ? PF_W : 0) |
                     (segment->prot & SPACE_EXEC ? PF_X : 0);

    put(dump, out, 4, type);
    if (word == 8)
        put(dump, out, 4, flags);
    put(dump, out, word, offset);
    put(dump, out, word, segment->start);
    put(dump, out, word, 0);
    put(dump, out, word, segment->file_size);
    put(dump, out, word, segment->end - segment->start);
    if (word == 4)
        put(dump, out, 4, flags);
    put(dump, out, word, type == PT_NOTE ? 4 : space_page(dump->t->proc->space));
}

static bool write_at(struct dump *dump, const void *bytes, size_t size, uint64_t offset)
{
    const char *at = bytes;

    while (size) {
        ssize_t n;

        if (offset >= dump->limit)
            return false;
        n = pwrite(dump->fd, at,
                   size > dump->limit - offset ? dump->limit - offset : size,
                   (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        offset += (uint64_t)n;
        size -= (size_t)n;
    }
    return true;
}

/* Whether a page of the host's was ever touched; where the host does not say: yes. */
static bool is_touched(const struct dump *dump, int pagemap, uint64_t addr)
{
    const struct space *space = dump->t->proc->space;
    uint64_t entry, at = (uint64_t)(uintptr_t)space_base(space) + addr;
    enum { PRESENT = 3 }; /* in memory or swapped, the two upper bits */

    if (pagemap < 0 || space_is_paged(space) ||
        pread(pagemap, &entry, sizeof(entry), (off_t)(at / host_page_size() * 8)) !=
            sizeof(entry))
        return true;
    return (entry >> 62 & PRESENT) != 0;
}

/* Zeros are holes. */
static bool write_memory(struct dump *dump, const struct segment *segment, int pagemap,
                         uint64_t offset)
{
    uint64_t page = space_page(dump->t->proc->space), fault;
    char bytes[PIECE];

    for (uint64_t done = 0; done < segment->file_size; done += page) {
        size_t size = page < PIECE ? (size_t)page : PIECE;

        if (!is_touched(dump, pagemap, segment->start + done) ||
            space_read(dump->t->proc->space, segment->start + done, bytes, size, &fault))
            continue;
        if ((bytes[0] != 0 || memcmp(bytes, bytes + 1, size - 1) != 0) &&
            !write_at(dump, bytes, size, offset + done))
            return false;
    }
    return true;
}

static bool write_all(struct dump *dump)
{
    uint64_t page = space_page(dump->t->proc->space), at = header_size(dump), first;
    struct segment notes = { .file_size = dump->notes_size };
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    char *head = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&head, &size);
    bool ok = out != NULL;

    if (!out)
        return false;
    put_header(dump, out);
    put_segment(dump, out, PT_NOTE, at, &notes);
    first = at = (at + dump->notes_size + page - 1) & ~(page - 1);
    for (size_t i = 0; i < dump->count; i++) {
        put_segment(dump, out, PT_LOAD, at, &dump->segments[i]);
        at += dump->segments[i].file_size;
    }
    fclose(out);
    ok = write_at(dump, head, size, 0) &&
         write_at(dump, dump->notes, dump->notes_size, size) &&
         ftruncate(dump->fd, (off_t)(at < dump->limit ? at : dump->limit)) == 0;
    for (size_t i = 0; ok && i < dump->count; first += dump->segments[i++].file_size)
        ok = write_memory(dump, &dump->segments[i], pagemap, first);
    free(head);
    if (pagemap >= 0)
        close(pagemap);
    return ok;
}

bool core_dump(struct task *t, int signo)
{
    struct rlimit limit;
    struct dump dump = { .t = t, .abi = t->proc->abi, .info = &t->dying };
    char path[PATH_SIZE];
    bool ok = false;

    if (!dumps_core(signo) || !dump.abi->gregs_size ||
        getrlimit(RLIMIT_CORE, &limit) < 0 ||
        limit.rlim_cur < space_page(t->proc->space) || prctl(PR_GET_DUMPABLE) != 1)
        return false;
    if (__atomic_exchange_n(&t->proc->is_dying, true, __ATOMIC_SEQ_CST))
        core_park(t); /* another thread was faster */
    dump.limit = limit.rlim_cur == RLIM_INFINITY ? INT64_MAX : limit.rlim_cur;
    stop_others(t);
    core_name(&dump, path);
    dump.fd = open_core(path);
    dump.note_file = open_memstream(&dump.notes, &dump.notes_size);
    if (dump.fd >= 0 && dump.note_file) {
        find_segments(&dump);
        make_notes(&dump);
        fclose(dump.note_file);
        ok = write_all(&dump);
        fprintf(stderr, "rhea: %s: core dumped to %s%s\n", t->proc->exe, path,
                ok ? "" : " (cut off)");
        close(dump.fd);
    }
    return ok;
}
