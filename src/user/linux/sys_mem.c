/* sys_mem.c - system calls that change the address space. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/host.h"
#include "isa/engine.h"
#include "isa/isa.h"
#include "user/linux/calls_all.h"

/* The guest's side of mmap and friends. */
enum {
    G_SHARED = 1,
    G_PRIVATE = 2,
    G_SHARED_VALIDATE = 3,
    G_TYPE = 15,
    G_FIXED = 0x10,
    G_ANONYMOUS = 0x20,
    G_NORESERVE = 0x4000,
    G_NOREPLACE = 0x100000,
    G_PROTS = 7 | 8 | 0x3000000, /* with PROT_SEM, PROT_GROWSDOWN and UP: no effect */
    G_MAYMOVE = 1,
    G_REMAP_FIXED = 2,
    G_DONTUNMAP = 4,
    /* MAP_SHARED_VALIDATE: what a file system must not know. */
    G_ANY_FILE = G_TYPE | G_FIXED | G_ANONYMOUS | 0x800 | 0x1000 | 0x2000 | G_NORESERVE |
                 0x8000 | 0x10000 | 0x20000 | 0x40000 | G_NOREPLACE,
};

static uint64_t page_of(struct task *t)
{
    return space_page(t->proc->space);
}

/* RLIMIT_AS, as the guest set it: would `more` bytes be too many?  What is replaced is
 * mapped from `addr` on, `replaced` bytes. */
static bool is_over_limit(const struct task *t, uint64_t more, uint64_t addr,
                          uint64_t replaced)
{
    const struct proc *p = t->proc;
    struct space_area area;
    uint64_t sum = more;

    if (!p->limits[RLIMIT_AS].is_set ||
        p->limits[RLIMIT_AS].soft >= (p->abi->bits == 64 ? UINT64_MAX : UINT32_MAX))
        return false;
    for (uint64_t at = 0; space_next(p->space, at, &area); at = area.end) {
        uint64_t start = area.start > addr ? area.start : addr;
        uint64_t end = area.end < addr + replaced ? area.end : addr + replaced;

        sum += area.end - area.start - (start < end ? end - start : 0);
    }
    return sum < more || sum > p->limits[RLIMIT_AS].soft;
}

static int64_t change_brk(struct task *t, const uint64_t *a)
{
    struct proc *p = t->proc;
    uint64_t page = page_of(t), wanted;

    if (a[0] < p->brk_start || a[0] > space_limit(p->space))
        return (int64_t)p->brk;
    wanted = (a[0] + page - 1) & ~(page - 1);
    if (wanted > p->brk_mapped && is_over_limit(t, wanted - p->brk_mapped, 0, 0))
        return (int64_t)p->brk;
    if (wanted > p->brk_mapped &&
        space_map(p->space, p->brk_mapped, wanted - p->brk_mapped,
                  SPACE_READ | SPACE_WRITE, SPACE_NOREPLACE, false, -1, 0) < 0)
        return (int64_t)p->brk;
    if (wanted < p->brk_mapped)
        space_unmap(p->space, wanted, p->brk_mapped - wanted);
    p->brk_mapped = wanted;
    p->brk = a[0];
    return (int64_t)p->brk;
}

int64_t sys_brk(struct task *t, const uint64_t *a)
{
    int64_t result;

    host_lock_take(t->proc->lock);
    result = change_brk(t, a);
    host_lock_give(t->proc->lock);
    return result;
}

int64_t sys_mmap(struct task *t, const uint64_t *a)
{
    enum { MMAP2_UNIT = 4096 };
    uint64_t type = a[3] & G_TYPE;
    uint64_t offset = t->proc->abi->bits == 64 ? a[5] : a[5] * MMAP2_UNIT;
    int fd = a[3] & G_ANONYMOUS ? -1 : (int)a[4];
    unsigned how = 0;

    if ((type != G_SHARED && type != G_PRIVATE && type != G_SHARED_VALIDATE) ||
        a[2] & ~(uint64_t)G_PROTS || offset % page_of(t))
        return -EINVAL;
    if (!(a[3] & G_ANONYMOUS) && fd < 0)
        return -EBADF;
    if (type == G_SHARED_VALIDATE && a[3] & G_ANONYMOUS)
        return -EINVAL;
    if (type == G_SHARED_VALIDATE && a[3] & ~(uint64_t)G_ANY_FILE)
        return -EOPNOTSUPP; /* MAP_SYNC: persistent memory */
    if (a[3] & G_NOREPLACE)
        how |= SPACE_NOREPLACE;
    else if (a[3] & G_FIXED)
        how |= SPACE_FIXED;
    if (a[3] & G_NORESERVE)
        how |= SPACE_NORESERVE;
    if (is_over_limit(t, a[1], a[0], how & SPACE_FIXED ? a[1] : 0))
        return -ENOMEM;
    return space_map(t->proc->space, a[0], a[1], a[2] & 7, how, type != G_PRIVATE, fd,
                     offset);
}

int64_t sys_munmap(struct task *t, const uint64_t *a)
{
    return space_unmap(t->proc->space, a[0], a[1]);
}

int64_t sys_mprotect(struct task *t, const uint64_t *a)
{
    if (a[2] & ~(uint64_t)G_PROTS)
        return -EINVAL;
    return space_protect(t->proc->space, a[0], a[1], a[2] & 7);
}

/* Moves pages and leaves zeros where they were.  Private anonymous memory has no other
 * use of this; shared memory would stay the same at both places: not modelled. */
static int64_t move_and_keep(struct task *t, const uint64_t *a)
{
    struct space *space = t->proc->space;
    struct space_area area;
    uint64_t end = a[0] + a[1];
    int64_t at;

    if (a[1] != a[2] || a[1] == 0 || a[0] % page_of(t) || end < a[0])
        return -EINVAL;
    if (!space_next(space, a[0], &area) || area.start > a[0] || area.end < end)
        return -EFAULT;
    if (area.shared)
        return -EINVAL;
    at = a[3] & G_REMAP_FIXED
             ? (int64_t)a[4]
             : space_map(space, a[4], a[1], 0, SPACE_NORESERVE, false, -1, 0);
    if (at >= 0)
        at = space_remap(space, a[0], a[1], a[1], SPACE_MAYMOVE | SPACE_FIXED,
                         (uint64_t)at);
    if (at >= 0)
        space_map(space, a[0], a[1], area.prot, SPACE_FIXED | SPACE_NORESERVE, false, -1,
                  0);
    return at;
}

int64_t sys_mremap(struct task *t, const uint64_t *a)
{
    unsigned how = a[3] & G_MAYMOVE ? SPACE_MAYMOVE : 0;

    if (a[3] & ~(uint64_t)(G_MAYMOVE | G_REMAP_FIXED | G_DONTUNMAP) ||
        (a[3] & (G_REMAP_FIXED | G_DONTUNMAP) && !(a[3] & G_MAYMOVE)))
        return -EINVAL;
    if (a[3] & G_DONTUNMAP)
        return move_and_keep(t, a);
    if (a[3] & G_REMAP_FIXED)
        how |= SPACE_FIXED;
    if (a[2] > a[1] && is_over_limit(t, a[2] - a[1], 0, 0))
        return -ENOMEM;
    return space_remap(t->proc->space, a[0], a[1], a[2], how, a[4]);
}

/* Calls `each` on the host pieces of a page range; -ENOMEM, in the end, where nothing is
 * mapped. */
static int64_t on_pieces(struct task *t, uint64_t addr, uint64_t size,
                         int (*each)(void *host, size_t size, int how), int how)
{
    uint64_t page = page_of(t), end;
    int64_t result = 0;

    size = (size + page - 1) & ~(page - 1);
    end = addr + size;
    if (addr % page || end < addr)
        return -EINVAL;
    while (addr < end) {
        uint8_t *host;
        size_t piece = space_span(t->proc->space, addr, (size_t)(end - addr), 0, &host);
        struct space_area area;

        if (piece == 0) {
            result = -ENOMEM;
            if (!space_next(t->proc->space, addr, &area))
                break;
            addr = area.start;
            continue;
        }
        if (each && each(host, piece, how) < 0)
            return -errno;
        addr += piece;
    }
    return result;
}

/* Advice that changes what is there, or what a child gets, is the host's as well. */
int64_t sys_madvise(struct task *t, const uint64_t *a)
{
    static const struct {
        uint8_t guest;
        bool contents; /* they change */
        int host;
    } rows[] = {
        { 4, true, MADV_DONTNEED },
        { 8, true, MADV_FREE },
        { 9, true, MADV_REMOVE },
        { 10, false, MADV_DONTFORK },
        { 11, false, MADV_DOFORK },
        { 18, false, MADV_WIPEONFORK },
        { 19, false, MADV_KEEPONFORK },
        { 20, false, 20 /* MADV_COLD */ },
        { 21, false, 21 /* PAGEOUT */ },
        { 22, false, 22 /* POPULATE_READ */ },
        { 23, false, 23 /* POPULATE_WRITE */ },
    };
    enum { LAST = 25 };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].guest == a[2]) {
            if (rows[i].contents && space_prot(t->proc->space, a[0]) & SPACE_EXEC)
                t->engine->invalidate(t->cpu, a[0], a[1]);
            return on_pieces(t, a[0], a[1], madvise, rows[i].host);
        }
    if (a[2] > LAST || (a[2] > 4 && a[2] < 8))
        return -EINVAL;
    return on_pieces(t, a[0], a[1], NULL, 0); /* only advice */
}

int64_t sys_msync(struct task *t, const uint64_t *a)
{
    return on_pieces(t, a[0], a[1], msync, (int)a[2]);
}

/* Pages may be locked for the host: they are where they are. */
static int lock_piece(void *host, size_t size, int on)
{
    return on ? mlock(host, size) : munlock(host, size);
}

static int64_t lock_range(struct task *t, const uint64_t *a,
                          int (*each)(void *host, size_t size, int on), int on)
{
    uint64_t within = a[0] % page_of(t);

    return on_pieces(t, a[0] - within, a[1] + within, each, on);
}

int64_t sys_mlock(struct task *t, const uint64_t *a)
{
    return lock_range(t, a, lock_piece, 1);
}

int64_t sys_munlock(struct task *t, const uint64_t *a)
{
    return lock_range(t, a, lock_piece, 0);
}

int64_t sys_mlock2(struct task *t, const uint64_t *a)
{
    enum { ONFAULT = 1 };

    if (a[2] & ~(uint64_t)ONFAULT)
        return -EINVAL;
    return a[2] & ONFAULT ? lock_range(t, a, NULL, 0) : sys_mlock(t, a);
}

/* All of it would be rhea's memory, too: a promise that is not kept. */
int64_t sys_mlockall(struct task *t, const uint64_t *a)
{
    enum { CURRENT = 1, FUTURE = 2, ONFAULT = 4 };

    (void)t;
    return a[0] & ~(uint64_t)(CURRENT | FUTURE | ONFAULT) || a[0] == 0 || a[0] == ONFAULT
               ? -EINVAL
               : 0;
}

int64_t sys_munlockall(struct task *t, const uint64_t *a)
{
    (void)t;
    (void)a;
    return 0;
}

/* process_vm_readv and _writev: of the guest itself.  Another process shows the memory of
 * its rhea, so it is not permitted. */
static int64_t copy_process(struct task *t, const uint64_t *a, unsigned local,
                            unsigned remote)
{
    struct iovec mine[MAX_IOV], theirs[MAX_IOV];
    int n, m;

    if (a[5])
        return -EINVAL;
    if ((pid_t)a[0] != getpid())
        return kill((pid_t)a[0], 0) < 0 ? -errno : -EPERM;
    n = read_iovec(t, a[1], a[2], local, mine);
    m = n < 0 ? n : read_iovec(t, a[3], a[4], remote, theirs);
    if (m <= 0)
        return m;
    return local == SPACE_WRITE ? RESULT(process_vm_readv(getpid(), mine, (unsigned)n,
                                                          theirs, (unsigned)m, 0))
                                : RESULT(process_vm_writev(getpid(), mine, (unsigned)n,
                                                           theirs, (unsigned)m, 0));
}

int64_t sys_process_vm_readv(struct task *t, const uint64_t *a)
{
    return copy_process(t, a, SPACE_WRITE, SPACE_READ);
}

int64_t sys_process_vm_writev(struct task *t, const uint64_t *a)
{
    return copy_process(t, a, SPACE_READ, SPACE_WRITE);
}

/* The host's pages are the guest's. */
int64_t sys_mincore(struct task *t, const uint64_t *a)
{
    uint64_t page = page_of(t), end = a[0] + a[1];

    if (a[0] % page || end < a[0])
        return a[0] % page ? -EINVAL : -ENOMEM;
    for (uint64_t at = a[0], out = a[2]; at < end;) {
        unsigned char resident[256];
        uint64_t size = end - at < 256 * page ? end - at : 256 * page;
        uint8_t *host;
        size_t piece = space_span(t->proc->space, at, (size_t)size, 0, &host);
        size_t pages = (piece + page - 1) / page;

        if (piece == 0)
            return -ENOMEM;
        if (mincore(host, piece, resident) < 0)
            return -errno;
        if (space_write(t->proc->space, out, resident, pages, NULL) < 0)
            return -EFAULT;
        at += pages * page;
        out += pages;
    }
    return 0;
}

int64_t sys_riscv_flush_icache(struct task *t, const uint64_t *a)
{
    if (a[1] > a[0])
        t->engine->invalidate(t->cpu, a[0], a[1] - a[0]);
    return 0;
}

/* What a key of probing calls says; false: nobody knows the key. */
static bool probe(const struct task *t, uint64_t key, uint64_t *value)
{
    const struct isa *isa = t->proc->isa;
    const struct abi_probe *row = t->proc->abi->probes;
    bool known = false;

    for (*value = 0; row && row->feature; row++) {
        bool on = !row->feature[0];

        if (row->key != key)
            continue;
        known = true;
        for (unsigned i = 0; !on && i < isa->nfeatures; i++)
            on = strcasecmp(isa_string(isa, isa->features[i]), row->feature) == 0 &&
                 t->cpu->features.bits[i / 64] >> i % 64 & 1;
        *value |= on ? row->bits : 0;
    }
    return known;
}

/* Pairs of key and value; all processors are the same.  Not modelled: asking which
 * processors have given values. */
int64_t sys_riscv_hwprobe(struct task *t, const uint64_t *a)
{
    if (a[4] || (a[2] && !a[3]))
        return -EINVAL;
    for (uint64_t i = 0; i < a[1]; i++) {
        uint64_t pair = a[0] + 16 * i, key, value;

        if (read_number(t, pair, 8, &key) < 0)
            return -EFAULT;
        if (!probe(t, key, &value))
            key = UINT64_MAX;
        if (write_number(t, pair, 8, key) < 0 || write_number(t, pair + 8, 8, value) < 0)
            return -EFAULT;
    }
    return 0;
}
