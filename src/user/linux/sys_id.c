/* sys_id.c - users, groups, limits, scheduling, and what the system is called. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "user/linux/calls_all.h"
#include "user/run.h"

#ifdef SYS_setuid32 /* the older ones take 16 bits */
#define ID_CALL(name) SYS_##name##32
#else
#define ID_CALL(name) SYS_##name
#endif

/* clang-format off */
#define PLAIN(name, call) \
    int64_t sys_##name(struct task *t, const uint64_t *a) \
    { \
        (void)t; \
        (void)a; \
        return RESULT(call); \
    }

PLAIN(getuid, getuid())
PLAIN(geteuid, geteuid())
PLAIN(getgid, getgid())
PLAIN(getegid, getegid())
/* Of the thread: the guest's library asks all threads, as the host's would. */
PLAIN(setuid, syscall(ID_CALL(setuid), (uid_t)a[0]))
PLAIN(setgid, syscall(ID_CALL(setgid), (gid_t)a[0]))
PLAIN(setreuid, syscall(ID_CALL(setreuid), (uid_t)a[0], (uid_t)a[1]))
PLAIN(setregid, syscall(ID_CALL(setregid), (gid_t)a[0], (gid_t)a[1]))
PLAIN(setresuid, syscall(ID_CALL(setresuid), (uid_t)a[0], (uid_t)a[1], (uid_t)a[2]))
PLAIN(setresgid, syscall(ID_CALL(setresgid), (gid_t)a[0], (gid_t)a[1], (gid_t)a[2]))
PLAIN(setfsuid, setfsuid((uid_t)a[0]))
PLAIN(setfsgid, setfsgid((gid_t)a[0]))
PLAIN(sched_yield, sched_yield())
PLAIN(sched_get_priority_max, sched_get_priority_max((int)a[0]))
PLAIN(sched_get_priority_min, sched_get_priority_min((int)a[0]))
PLAIN(sched_getscheduler, sched_getscheduler((pid_t)a[0]))
PLAIN(setpriority, setpriority((int)a[0], (id_t)a[1], (int)a[2]))
/* clang-format on */

int64_t sys_getpriority(struct task *t, const uint64_t *a)
{
    (void)t;
    return RESULT(syscall(SYS_getpriority, (int)a[0], (int)a[1])); /* 20 - nice */
}

static int64_t put_three(struct task *t, const uint64_t *a, uint64_t x, uint64_t y,
                         uint64_t z)
{
    if (write_number(t, a[0], 4, x) < 0 || write_number(t, a[1], 4, y) < 0)
        return -EFAULT;
    return write_number(t, a[2], 4, z);
}

int64_t sys_getresuid(struct task *t, const uint64_t *a)
{
    uid_t r, e, s;

    return getresuid(&r, &e, &s) < 0 ? -errno : put_three(t, a, r, e, s);
}

int64_t sys_getresgid(struct task *t, const uint64_t *a)
{
    gid_t r, e, s;

    return getresgid(&r, &e, &s) < 0 ? -errno : put_three(t, a, r, e, s);
}

enum { MAX_GROUPS = 1024 };

int64_t sys_getgroups(struct task *t, const uint64_t *a)
{
    gid_t groups[MAX_GROUPS];
    int size = (int)a[0], n;

    if (size < 0)
        return -EINVAL;
    n = getgroups(size > MAX_GROUPS ? MAX_GROUPS : size, groups);
    for (int i = 0; i < n && size; i++)
        if (write_number(t, a[1] + 4 * (uint64_t)i, 4, groups[i]) < 0)
            return -EFAULT;
    return n < 0 ? -errno : n;
}

int64_t sys_setgroups(struct task *t, const uint64_t *a)
{
    gid_t groups[MAX_GROUPS];

    if (a[0] > MAX_GROUPS)
        return -EINVAL;
    for (uint64_t i = 0; i < a[0]; i++) {
        uint64_t group;

        if (read_number(t, a[1] + 4 * i, 4, &group) < 0)
            return -EFAULT;
        groups[i] = (gid_t)group;
    }
    return RESULT(syscall(ID_CALL(setgroups), (size_t)a[0], groups));
}

/* ------------------------------------------------------------------------ limits */

/* Limits of memory are noted for the guest only: rhea's own memory would count too. */
static bool is_memory_limit(uint64_t which)
{
    return which == RLIMIT_AS || which == RLIMIT_DATA || which == RLIMIT_STACK;
}

static uint64_t limit_to_guest(rlim_t limit)
{
    return limit == RLIM_INFINITY ? UINT64_MAX : (uint64_t)limit;
}

static rlim_t limit_to_host(uint64_t limit)
{
    return limit >= RLIM_INFINITY ? RLIM_INFINITY : (rlim_t)limit;
}

static int64_t change_limit(struct task *t, pid_t pid, uint64_t which, uint64_t from,
                            uint64_t to)
{
    const struct layout *layout = &t->proc->abi->layouts->rlimit;
    struct rlimit wanted, old;
    uint64_t v[PAIR_FIELDS];

    if (from) {
        if (read_struct(t, from, layout, PAIR_FIELDS, v) < 0)
            return -EFAULT;
        if (v[PAIR_A] > v[PAIR_B])
            return -EINVAL;
        wanted.rlim_cur = limit_to_host(v[PAIR_A]);
        wanted.rlim_max = limit_to_host(v[PAIR_B]);
    }
    if (prlimit(pid, (int)which, from && !is_memory_limit(which) ? &wanted : NULL, &old) <
        0)
        return -errno;
    if (from && which == RLIMIT_CORE)
        signals_catch_dumps(t);
    if (is_memory_limit(which) && t->proc->limits[which].is_set) {
        old.rlim_cur = limit_to_host(t->proc->limits[which].soft);
        old.rlim_max = limit_to_host(t->proc->limits[which].hard);
    }
    if (from && is_memory_limit(which)) {
        t->proc->limits[which].is_set = true;
        t->proc->limits[which].soft = v[PAIR_A];
        t->proc->limits[which].hard = v[PAIR_B];
    }
    if (to == 0)
        return 0;
    v[PAIR_A] = limit_to_guest(old.rlim_cur);
    v[PAIR_B] = limit_to_guest(old.rlim_max);
    return write_struct(t, to, layout, PAIR_FIELDS, v);
}

int64_t sys_prlimit64(struct task *t, const uint64_t *a)
{
    return a[1] >= GUEST_LIMITS ? -EINVAL
                                : change_limit(t, (pid_t)a[0], a[1], a[2], a[3]);
}

int64_t sys_getrlimit(struct task *t, const uint64_t *a)
{
    return a[0] >= GUEST_LIMITS ? -EINVAL : change_limit(t, 0, a[0], 0, a[1]);
}

int64_t sys_setrlimit(struct task *t, const uint64_t *a)
{
    return a[0] >= GUEST_LIMITS ? -EINVAL : change_limit(t, 0, a[0], a[1], 0);
}

/* -------------------------------------------------------------------- scheduling */

int64_t sys_sched_getparam(struct task *t, const uint64_t *a)
{
    struct sched_param param;

    if (sched_getparam((pid_t)a[0], &param) < 0)
        return -errno;
    return write_number(t, a[1], 4, (uint64_t)param.sched_priority);
}

int64_t sys_sched_setparam(struct task *t, const uint64_t *a)
{
    struct sched_param param = { 0 };
    uint64_t priority;

    if (read_number(t, a[1], 4, &priority) < 0)
        return -EFAULT;
    param.sched_priority = (int)priority;
    return RESULT(sched_setparam((pid_t)a[0], &param));
}

int64_t sys_sched_setscheduler(struct task *t, const uint64_t *a)
{
    struct sched_param param = { 0 };
    uint64_t priority;

    if (read_number(t, a[2], 4, &priority) < 0)
        return -EFAULT;
    param.sched_priority = (int)priority;
    return RESULT(sched_setscheduler((pid_t)a[0], (int)a[1], &param));
}

/* struct sched_attr is the same for every guest; {offset, size} of its fields. */
static const uint8_t sched_fields[][2] = { { 0, 4 },  { 4, 4 },  { 8, 8 },  { 16, 4 },
                                           { 20, 4 }, { 24, 8 }, { 32, 8 }, { 40, 8 },
                                           { 48, 4 }, { 52, 4 } };
enum { SCHED_ATTR = 56, SCHED_FIELDS = sizeof(sched_fields) / sizeof(sched_fields[0]) };

static void put_host(uint8_t *bytes, unsigned size, uint64_t value)
{
    uint32_t word = (uint32_t)value;

    memcpy(bytes, size == 4 ? (void *)&word : (void *)&value, size);
}

static uint64_t get_host(const uint8_t *bytes, unsigned size)
{
    uint64_t value = 0;
    uint32_t word = 0;

    memcpy(size == 4 ? (void *)&word : (void *)&value, bytes, size);
    return size == 4 ? word : value;
}

int64_t sys_sched_setattr(struct task *t, const uint64_t *a)
{
    uint8_t guest[SCHED_ATTR] = { 0 }, host[SCHED_ATTR];
    uint64_t size;

    if (read_number(t, a[1], 4, &size) < 0)
        return -EFAULT;
    if (size < 48)
        return -E2BIG;
    if (space_read(t->proc->space, a[1], guest, size < SCHED_ATTR ? size : SCHED_ATTR,
                   NULL) < 0)
        return -EFAULT;
    for (unsigned i = 0; i < SCHED_FIELDS; i++)
        put_host(host + sched_fields[i][0], sched_fields[i][1],
                 get_guest(t->proc->abi, guest + sched_fields[i][0], sched_fields[i][1]));
    put_host(host, 4, SCHED_ATTR);
    return RESULT(syscall(SYS_sched_setattr, (pid_t)a[0], host, (unsigned)a[2]));
}

int64_t sys_sched_getattr(struct task *t, const uint64_t *a)
{
    uint8_t guest[SCHED_ATTR] = { 0 }, host[SCHED_ATTR] = { 0 };
    size_t size = a[2] < SCHED_ATTR ? (size_t)a[2] : SCHED_ATTR;

    if (a[2] < 48)
        return -EINVAL;
    if (syscall(SYS_sched_getattr, (pid_t)a[0], host, SCHED_ATTR, (unsigned)a[3]) < 0)
        return -errno;
    put_host(host, 4, size);
    for (unsigned i = 0; i < SCHED_FIELDS; i++)
        put_guest(t->proc->abi, guest + sched_fields[i][0], sched_fields[i][1],
                  get_host(host + sched_fields[i][0], sched_fields[i][1]));
    return space_write(t->proc->space, a[1], guest, size, NULL) < 0 ? -EFAULT : 0;
}

/* Capabilities: a header { version, pid } and one or two times { effective, permitted,
 * inheritable }, words of 32 bits for every guest. */
static int cap_words(struct task *t, uint64_t addr, uint32_t *words, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t value;

        if (read_number(t, addr + 4 * i, 4, &value) < 0)
            return -EFAULT;
        words[i] = (uint32_t)value;
    }
    return 0;
}

enum { CAP_VERSION_1 = 0x19980330, CAP_WORDS = 6 };

int64_t sys_capget(struct task *t, const uint64_t *a)
{
    uint32_t header[2], data[CAP_WORDS] = { 0 }, version;
    int64_t got;

    if (cap_words(t, a[0], header, 2) < 0)
        return -EFAULT;
    version = header[0];
    got = RESULT(syscall(SYS_capget, header, a[1] ? data : NULL));
    if (header[0] != version) /* that one is unknown: here is which is known */
        write_number(t, a[0], 4, header[0]);
    if (got < 0)
        return got;
    for (unsigned i = 0; a[1] && i < (header[0] == CAP_VERSION_1 ? 3 : CAP_WORDS); i++)
        if (write_number(t, a[1] + 4 * i, 4, data[i]) < 0)
            return -EFAULT;
    return 0;
}

int64_t sys_capset(struct task *t, const uint64_t *a)
{
    uint32_t header[2], data[CAP_WORDS] = { 0 };

    if (cap_words(t, a[0], header, 2) < 0 ||
        cap_words(t, a[1], data, header[0] == CAP_VERSION_1 ? 3 : CAP_WORDS) < 0)
        return -EFAULT;
    return RESULT(syscall(SYS_capset, header, data));
}

enum { MASK_BYTES = 128 }; /* 1024 processors */

int64_t sys_sched_getaffinity(struct task *t, const uint64_t *a)
{
    const struct abi *abi = t->proc->abi;
    unsigned word = abi->layouts->word;
    unsigned long host[MASK_BYTES / sizeof(long)] = { 0 };
    uint8_t bytes[MASK_BYTES] = { 0 };
    long size = syscall(SYS_sched_getaffinity, (pid_t)a[0], sizeof(host), host);

    if (size < 0)
        return -errno;
    size = (size + word - 1) / word * word;
    if (a[1] % word || a[1] < (uint64_t)size)
        return -EINVAL;
    for (unsigned cpu = 0; cpu < (unsigned)size * 8; cpu++)
        if (host[cpu / (8 * sizeof(long))] >> cpu % (8 * sizeof(long)) & 1) {
            uint8_t *at = bytes + cpu / (8 * word) * word;
            uint64_t bits = get_guest(abi, at, word) | (uint64_t)1 << cpu % (8 * word);

            put_guest(abi, at, word, bits);
        }
    return space_write(t->proc->space, a[2], bytes, (size_t)size, NULL) < 0 ? -EFAULT
                                                                            : size;
}

int64_t sys_sched_setaffinity(struct task *t, const uint64_t *a)
{
    const struct abi *abi = t->proc->abi;
    unsigned word = abi->layouts->word;
    unsigned long host[MASK_BYTES / sizeof(long)] = { 0 };
    uint8_t bytes[MASK_BYTES] = { 0 };
    size_t size = a[1] < MASK_BYTES ? (size_t)a[1] : MASK_BYTES;

    if (space_read(t->proc->space, a[2], bytes, size, NULL) < 0)
        return -EFAULT;
    for (unsigned cpu = 0; cpu < MASK_BYTES * 8; cpu++)
        if (get_guest(abi, bytes + cpu / (8 * word) * word, word) >> cpu % (8 * word) & 1)
            host[cpu / (8 * sizeof(long))] |= 1ul << cpu % (8 * sizeof(long));
    return RESULT(syscall(SYS_sched_setaffinity, (pid_t)a[0], sizeof(host), host));
}

int64_t sys_getcpu(struct task *t, const uint64_t *a)
{
    unsigned cpu = 0, node = 0;

    if (syscall(SYS_getcpu, &cpu, &node, NULL) < 0)
        return -errno;
    if (a[0] && write_number(t, a[0], 4, cpu) < 0)
        return -EFAULT;
    return a[1] ? write_number(t, a[1], 4, node) : 0;
}

/* ------------------------------------------------------------------- the system */

int64_t sys_uname(struct task *t, const uint64_t *a)
{
    enum { FIELD = 65 };
    const struct proc *p = t->proc;
    char bytes[6][FIELD] = { 0 };
    struct utsname host;

    uname(&host);
    snprintf(bytes[0], FIELD, "%.64s", host.sysname);
    snprintf(bytes[1], FIELD, "%.64s", host.nodename);
    snprintf(bytes[2], FIELD, "%.64s",
             p->options->release ? p->options->release : host.release);
    snprintf(bytes[3], FIELD, "%.64s", host.version);
    snprintf(bytes[4], FIELD, "%.64s", p->abi->machine);
    snprintf(bytes[5], FIELD, "%.64s", host.domainname);
    return space_write(p->space, a[0], bytes, sizeof(bytes), NULL) < 0 ? -EFAULT : 0;
}

int64_t sys_sethostname(struct task *t, const uint64_t *a)
{
    uint64_t size = a[1];
    void *name = buffer(t, a[0], &size, SPACE_READ);

    return name ? RESULT(sethostname(name, (size_t)size)) : -EFAULT;
}

int64_t sys_sysinfo(struct task *t, const uint64_t *a)
{
    struct sysinfo s;

    if (sysinfo(&s) < 0)
        return -errno;
    {
        /* A 32-bit guest gets memory in units that fit. */
        bool small = t->proc->abi->bits == 32 && s.totalram >> 31;
        unsigned shift = small ? 12 : 0;
        const uint64_t values[SYSINFO_FIELDS] = {
            (uint64_t)s.uptime,
            s.loads[0],
            s.loads[1],
            s.loads[2],
            s.totalram >> shift,
            s.freeram >> shift,
            s.sharedram >> shift,
            s.bufferram >> shift,
            s.totalswap >> shift,
            s.freeswap >> shift,
            s.procs,
            s.totalhigh >> shift,
            s.freehigh >> shift,
            (uint64_t)s.mem_unit << shift,
        };

        return write_struct(t, a[0], &t->proc->abi->layouts->sysinfo, SYSINFO_FIELDS,
                            values);
    }
}

int64_t sys_getrandom(struct task *t, const uint64_t *a)
{
    uint64_t size = a[1];
    void *to = buffer(t, a[0], &size, SPACE_WRITE);

    return to ? BLOCKING(t, RESTART, SYS_getrandom, (long)to, (long)size, (long)a[2])
              : -EFAULT;
}
