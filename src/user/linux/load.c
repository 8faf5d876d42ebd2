/* load.c - from a parsed ELF file to a guest that is about to run its first instruction:
 * segments, interpreter, stack, auxiliary vector.
 *
 * Spec: Linux' fs/binfmt_elf.c; the ELF psABIs of the guests. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/report.h"
#include "isa/eval.h"
#include "user/elf.h"
#include "user/linux/linux.h"
#include "user/run.h"

enum { STACK_DEFAULT = 8 << 20, STACK_MINIMUM = 128 << 10, STACK_GAP = 1 << 20 };
enum {
    STACK_ALIGN = 16,
    AUX_MAX = 24,
    RANDOM_BYTES = 16,
    BRK_ROOM = 16 << 20,
    PLACES = 4
};

/* What the stack is made from. */
struct start {
    struct task *t;
    uint64_t sp;
    const char *name;
    char **argv, **envp;
    uint64_t *pointers; /* of the argv and envp strings, in this order, 0 after each */
    size_t npointers;
    uint64_t aux[AUX_MAX][2];
    unsigned naux;
    uint8_t random[RANDOM_BYTES]; /* for the guest */
    uint32_t chance[PLACES];      /* for where things are put; 0: not at random */
    unsigned places;              /* that were drawn */
};

/* Draws random bytes, or makes them from -seed. */
static void draw(struct start *start)
{
    const struct run_options *options = start->t->proc->options;
    uint8_t bytes[RANDOM_BYTES + sizeof(start->chance)];
    uint64_t state = options->seed;
    int now;

    if (options->has_seed ||
        getrandom(bytes, sizeof(bytes), GRND_NONBLOCK) != sizeof(bytes))
        for (unsigned i = 0; i < sizeof(bytes); i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            bytes[i] = (uint8_t)(state >> 56);
        }
    memcpy(start->random, bytes, RANDOM_BYTES);
    now = personality(UINT32_MAX);
    if (now < 0 || !(now & ADDR_NO_RANDOMIZE)) /* some sandboxes refuse to tell */
        memcpy(start->chance, bytes + RANDOM_BYTES, sizeof(start->chance));
}

/* A number of bytes below `limit`, whole pages; PLACES of them are independent. */
static uint64_t random_pages(struct start *start, uint64_t limit)
{
    uint64_t page = space_page(start->t->proc->space);

    return start->chance[start->places++ % PLACES] % (limit / page) * page;
}

size_t elf_read_fd(void *context, uint64_t offset, void *bytes, size_t size)
{
    int fd = *(int *)context;
    size_t done = 0;

    while (done < size && (off_t)(offset + done) >= 0) {
        ssize_t n = pread(fd, (char *)bytes + done, size - done, (off_t)(offset + done));

        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

/* --------------------------------------------------------------------- interpreter */

/* Returns its entry; *base is where it was put. */
static uint64_t load_interp(struct task *t, const char *name,
                            const struct elf_image *program, uint64_t *base)
{
    struct elf_image *image = malloc(sizeof(*image));
    const struct abi *abi = t->proc->abi;
    char path[PATH_SIZE], error[ELF_ERROR];
    const char *found = path_to_host(t, program->interp, path);
    int fd = open(found, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint64_t entry;
    struct elf_source source = { &fd, elf_read_fd, 0 };

    if (fd < 0 || fstat(fd, &st) < 0)
        refuse(EXIT_NOT_FOUND, "%s: needs the interpreter %s: %s%s", name,
               program->interp, strerror(errno),
               t->proc->options->prefix ? "" : "; say where its root is with -L DIR");
    source.size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    if (!image || elf_parse(&source, space_limit(t->proc->space),
                            space_page(t->proc->space), image, error) < 0)
        refuse(EXIT_CANNOT_RUN, "%s: interpreter %s: %s", name, found,
               image ? error : "no memory");
    if (image->machine != abi->elf_machine || image->bits != abi->bits ||
        image->big != abi->big)
        refuse(EXIT_CANNOT_RUN,
               "%s: interpreter %s is for another machine (EM %d, %u bit)", name, found,
               image->machine, image->bits);
    if (elf_map(t->proc->space, image, fd, 0, base, error) < 0)
        refuse(EXIT_CANNOT_RUN, "%s: interpreter %s: %s", name, found, error);
    close(fd);
    entry = image->entry + *base;
    free(image);
    return entry;
}

/* --------------------------------------------------------------------------- stack */

static uint64_t stack_size(const struct run_options *options)
{
    struct rlimit limit;
    uint64_t size = options->stack_size;

    if (!size) {
        getrlimit(RLIMIT_STACK, &limit);
        size = limit.rlim_cur == RLIM_INFINITY ? STACK_DEFAULT : limit.rlim_cur;
        if (size > (uint64_t)64 << 20)
            size = (uint64_t)64 << 20;
    }
    return size < STACK_MINIMUM ? STACK_MINIMUM : size;
}

/* How far things are moved at random: 18 bits of pages, as on the smallest 64-bit Linux,
 * or 8 bits in 4 GiB. */
static uint64_t random_room(const struct proc *p)
{
    uint64_t room = space_page(p->space) << (p->abi->bits == 64 ? 18 : 8);

    return room < space_top(p->space) / 64 ? room : space_page(p->space);
}

/* At the top of the address space, with a gap below that stays free. */
static void map_stack(struct start *start, const struct elf_image *image)
{
    struct proc *p = start->t->proc;
    uint64_t page = space_page(p->space);
    uint64_t size = (stack_size(p->options) + page - 1) & ~(page - 1);
    unsigned prot = SPACE_READ | SPACE_WRITE | (image->exec_stack ? SPACE_EXEC : 0);
    int64_t at;

    space_set_top(p->space, space_top(p->space) - random_pages(start, random_room(p)));
    at = space_map(p->space, 0, size, prot, SPACE_NORESERVE, false, -1, 0);
    if (at < 0)
        refuse(EXIT_CANNOT_RUN, "%s: no room for a stack of %llu bytes", start->name,
               (unsigned long long)size);
    p->stack_low = (uint64_t)at;
    p->stack_high = start->sp = p->stack_low + size;
    space_set_top(p->space,
                  p->stack_low - STACK_GAP - random_pages(start, random_room(p)));
}

static uint64_t push(struct start *start, const void *bytes, size_t size)
{
    start->sp -= size;
    if (space_write(start->t->proc->space, start->sp, bytes, size, NULL) < 0)
        bug("the new stack cannot be written at %#llx", (unsigned long long)start->sp);
    return start->sp;
}

static void check_room(const struct start *start)
{
    const struct proc *p = start->t->proc;
    uint64_t room = p->stack_high - p->stack_low, need = 4096 + strlen(start->name);

    for (char **list = start->argv; list; list = list == start->argv ? start->envp : NULL)
        for (char **s = list; *s; s++)
            need += strlen(*s) + 1 + 8;
    if (need > room / 4 * 3)
        refuse(EXIT_CANNOT_RUN,
               "%s: arguments and environment are %llu bytes, too much for a "
               "stack of %llu; give it more with -s",
               start->name, (unsigned long long)need, (unsigned long long)room);
}

/* The last string first, so that they lie in order. */
static void push_strings(struct start *start, char **strings, uint64_t *pointers)
{
    size_t n = 0;

    while (strings[n])
        n++;
    pointers[n] = 0;
    while (n--)
        pointers[n] = push(start, strings[n], strlen(strings[n]) + 1);
}

static size_t count(char **strings)
{
    size_t n = 0;

    while (strings[n])
        n++;
    return n;
}

static void push_all_strings(struct start *start)
{
    struct proc *p = start->t->proc;
    size_t args = count(start->argv), vars = count(start->envp);
    uint64_t env_end;

    start->npointers = args + vars + 2;
    start->pointers = malloc(start->npointers * sizeof(*start->pointers));
    if (!start->pointers)
        die("no memory for %zu arguments", args + vars);
    env_end = start->sp;
    push_strings(start, start->envp, start->pointers + args + 1);
    p->arg_end = start->sp;
    p->env_end = env_end;
    push_strings(start, start->argv, start->pointers);
    p->arg_start = start->sp;
}

static void aux(struct start *start, uint64_t type, uint64_t value)
{
    start->aux[start->naux][0] = type;
    start->aux[start->naux++][1] = value;
}

static uint64_t hwcap_of(const struct task *t)
{
    const struct isa *isa = t->proc->isa;
    uint64_t bits = 0;

    for (const struct abi_hwcap *row = t->proc->abi->hwcap; row->feature; row++)
        for (unsigned i = 0; i < isa->nfeatures; i++)
            if (strcasecmp(isa_string(isa, isa->features[i]), row->feature) == 0 &&
                t->cpu->features.bits[i / 64] >> i % 64 & 1)
                bits |= (uint64_t)1 << row->bit;
    return bits;
}

static void push_aux(struct start *start, const struct elf_image *image, uint64_t bias,
                     uint64_t base)
{
    const struct abi *abi = start->t->proc->abi;
    const char *name = path_to_guest(start->t->proc, start->name);

    aux(start, AT_SYSINFO_EHDR, start->t->proc->vdso);
    aux(start, AT_MINSIGSTKSZ, abi->frame_size + STACK_ALIGN);
    aux(start, AT_HWCAP, hwcap_of(start->t));
    aux(start, AT_PAGESZ, space_page(start->t->proc->space));
    aux(start, AT_CLKTCK, abi->clock_ticks);
    aux(start, AT_PHDR, image->phdr ? image->phdr + bias : 0);
    aux(start, AT_PHENT, image->phentsize);
    aux(start, AT_PHNUM, image->phnum);
    aux(start, AT_BASE, base);
    aux(start, AT_FLAGS, 0);
    aux(start, AT_ENTRY, image->entry + bias);
    aux(start, AT_UID, getauxval(AT_UID));
    aux(start, AT_EUID, getauxval(AT_EUID));
    aux(start, AT_GID, getauxval(AT_GID));
    aux(start, AT_EGID, getauxval(AT_EGID));
    aux(start, AT_SECURE, getauxval(AT_SECURE));
    aux(start, AT_RANDOM, push(start, start->random, RANDOM_BYTES));
    aux(start, AT_EXECFN, push(start, name, strlen(name) + 1));
    aux(start, AT_NULL, 0);
}

/* argc, argv, envp and the auxiliary vector, as words; sp becomes their address. */
static void push_vectors(struct start *start)
{
    const struct abi *abi = start->t->proc->abi;
    unsigned word = abi->bits / 8;
    size_t words = 1 + start->npointers + 2 * start->naux;
    uint8_t *bytes = malloc(words * word), *at = bytes;

    if (!bytes)
        die("no memory for %zu arguments", start->npointers);
    put_guest(abi, at, word, count(start->argv));
    for (size_t i = 0; i < start->npointers; i++)
        put_guest(abi, at += word, word, start->pointers[i]);
    for (unsigned i = 0; i < 2 * start->naux; i++)
        put_guest(abi, at += word, word, start->aux[i / 2][i % 2]);
    start->sp &= ~(uint64_t)(STACK_ALIGN - 1);
    start->sp -=
        words * word % STACK_ALIGN ? STACK_ALIGN - words * word % STACK_ALIGN : 0;
    push(start, bytes, words * word);
    start->t->proc->aux_end = start->sp + words * word;
    start->t->proc->aux_start = start->t->proc->aux_end - 2 * start->naux * word;
    free(bytes);
}

/* ----------------------------------------------------------------------------- all */

/* Where code and data are, as Linux tells it: data is what lies highest. */
static void note_segments(struct proc *p, const struct elf_image *image, uint64_t bias)
{
    p->code_start = UINT64_MAX;
    for (unsigned i = 0; i < image->nsegments; i++) {
        const struct elf_segment *segment = &image->segments[i];
        uint64_t start = segment->vaddr + bias, end = start + segment->filesz;

        if (segment->prot & SPACE_EXEC && start < p->code_start)
            p->code_start = start;
        if (segment->prot & SPACE_EXEC && end > p->code_end)
            p->code_end = end;
        if (start > p->data_start)
            p->data_start = start;
        if (end > p->data_end)
            p->data_end = end;
    }
}

void load_program(struct task *t, const char *name, int fd, const struct elf_image *image,
                  char **argv)
{
    struct proc *p = t->proc;
    struct start start = {
        .t = t, .name = name, .argv = argv, .envp = p->options->environ
    };
    uint64_t page = space_page(p->space), hint, bias, base = 0, entry;
    char error[ELF_ERROR];

    draw(&start);
    hint = (p->options->reserved ? space_top(p->space) : space_limit(p->space)) / 3 * 2;
    map_stack(&start, image);
    hint = (hint & ~(page - 1)) + random_pages(&start, random_room(p));
    if (elf_map(p->space, image, fd, hint, &bias, error) < 0)
        refuse(EXIT_CANNOT_RUN, "%s: %s", name, error);
    p->brk_start = p->brk = p->brk_mapped =
        image->high + bias + random_pages(&start, BRK_ROOM);
    note_segments(p, image, bias);
    entry = image->entry + bias;
    if (image->has_interp)
        entry = load_interp(t, name, image, &base);
    vdso_map(t);
    check_room(&start);
    push_all_strings(&start);
    push_aux(&start, image, bias, base);
    push_vectors(&start);
    free(start.pointers);
    p->start_sp = start.sp;
    cpu_put(t->cpu, p->sp, start.sp);
    t->cpu->pc = entry & ~(uint64_t)(p->isa->min_ilen - 1);
    t->cpu->mode = eval_mode(t->cpu);
}
