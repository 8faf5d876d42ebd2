/* sys_ipc.c - message queues (POSIX and System V), semaphores, shared memory.
 *
 * Not modelled: mq_notify. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/host.h"
#include "user/linux/calls_all.h"

enum { G_IPC_64 = 0x100, G_RMID = 0, G_SET = 1, G_STAT = 2 };
enum {
    G_SHM_RDONLY = 010000,
    G_SHM_RND = 020000,
    G_SHM_REMAP = 040000,
    G_SHM_EXEC = 0100000
};

/* --------------------------------------------------------------- POSIX queues */

static int read_attr(struct task *t, uint64_t addr, struct mq_attr *attr)
{
    uint64_t v[MQ_FIELDS];

    if (read_struct(t, addr, &t->proc->abi->layouts->mq_attr, MQ_FIELDS, v) < 0)
        return -EFAULT;
    memset(attr, 0, sizeof(*attr));
    attr->mq_flags = open_flags_to_host(v[MQ_FLAGS]);
    attr->mq_maxmsg = (long)v[MQ_MAXMSG];
    attr->mq_msgsize = (long)v[MQ_MSGSIZE];
    return 0;
}

int64_t sys_mq_open(struct task *t, const uint64_t *a)
{
    char name[256];
    struct mq_attr attr;
    int error = read_string(t, a[0], name, sizeof(name));

    if (!error && a[3])
        error = read_attr(t, a[3], &attr);
    return error ? error
                 : RESULT(syscall(SYS_mq_open, name, open_flags_to_host(a[1]),
                                  (mode_t)a[2], a[3] ? &attr : NULL));
}

int64_t sys_mq_unlink(struct task *t, const uint64_t *a)
{
    char name[256];
    int error = read_string(t, a[0], name, sizeof(name));

    return error ? error : RESULT(syscall(SYS_mq_unlink, name));
}

int64_t sys_mq_getsetattr(struct task *t, const uint64_t *a)
{
    struct mq_attr attr, old;

    if (a[1] && read_attr(t, a[1], &attr) < 0)
        return -EFAULT;
    if (syscall(SYS_mq_getsetattr, (int)a[0], a[1] ? &attr : NULL, &old) < 0)
        return -errno;
    if (a[2] == 0)
        return 0;
    return write_struct(t, a[2], &t->proc->abi->layouts->mq_attr, MQ_FIELDS,
                        (uint64_t[]){ open_flags_to_guest((int)old.mq_flags),
                                      (uint64_t)old.mq_maxmsg, (uint64_t)old.mq_msgsize,
                                      (uint64_t)old.mq_curmsgs });
}

int64_t sys_mq_timedsend(struct task *t, const uint64_t *a)
{
    struct timespec until;
    uint64_t size = a[2];
    void *from = buffer(t, a[1], &size, SPACE_READ);

    if (!from || size != a[2] || read_timespec(t, a[4], &until) < 0)
        return -EFAULT;
    return BLOCKING(t, RESTART, SYS_mq_timedsend, (int)a[0], (long)from, (long)size,
                    (long)a[3], a[4] ? (long)&until : 0);
}

int64_t sys_mq_timedreceive(struct task *t, const uint64_t *a)
{
    struct timespec until;
    uint64_t size = a[2];
    void *to = buffer(t, a[1], &size, SPACE_WRITE);
    unsigned priority = 0;
    int64_t got;

    if (!to || size != a[2] || read_timespec(t, a[4], &until) < 0)
        return -EFAULT;
    got = BLOCKING(t, RESTART, SYS_mq_timedreceive, (int)a[0], (long)to, (long)size,
                   (long)&priority, a[4] ? (long)&until : 0);
    return got >= 0 && a[3] && write_number(t, a[3], 4, priority) < 0 ? -EFAULT : got;
}

/* -------------------------------------------------- what System V's have in common */

static void pack_perm(uint64_t *v, const struct ipc_perm *perm)
{
    v[IPC_KEY] = (uint64_t)perm->__key;
    v[IPC_UID] = perm->uid;
    v[IPC_GID] = perm->gid;
    v[IPC_CUID] = perm->cuid;
    v[IPC_CGID] = perm->cgid;
    v[IPC_MODE] = perm->mode;
    v[IPC_SEQ] = perm->__seq;
}

/* What the whole system has or allows: numbers, ints or (`are_longs`) longs, one after
 * the other.  `result` is the call's: negated errno, or what it returns. */
static int64_t write_info(struct task *t, uint64_t addr, const void *info, bool are_longs,
                          unsigned count, int64_t result)
{
    unsigned size = are_longs ? t->proc->abi->bits / 8 : 4;

    for (unsigned i = 0; result >= 0 && i < count; i++)
        if (write_number(t, addr + i * size, size,
                         are_longs ? ((const unsigned long *)info)[i]
                                   : ((const unsigned *)info)[i]) < 0)
            return -EFAULT;
    return result;
}

static void unpack_perm(const uint64_t *v, struct ipc_perm *perm)
{
    perm->uid = (uid_t)v[IPC_UID];
    perm->gid = (gid_t)v[IPC_GID];
    perm->mode = (unsigned short)v[IPC_MODE];
}

/* ----------------------------------------------------------------------- messages */

/* A message: its type, a long, then `size` bytes.  To be freed; NULL: no memory. */
static long *new_message(uint64_t size)
{
    return size > 1 << 20 ? NULL : malloc(sizeof(long) + (size_t)size);
}

int64_t sys_msgsnd(struct task *t, const uint64_t *a)
{
    unsigned word = t->proc->abi->layouts->word;
    long *message;
    uint64_t type;
    int64_t result = -EFAULT;

    if (a[2] > INT32_MAX)
        return -EINVAL;
    message = new_message(a[2]);
    if (!message)
        return -EINVAL; /* longer than any queue takes */
    if (read_number(t, a[1], word, &type) == 0 &&
        space_read(t->proc->space, a[1] + word, message + 1, (size_t)a[2], NULL) == 0) {
        message[0] = (long)sign_extend(type, word);
        result = BLOCKING(t, NO_RESTART, SYS_msgsnd, (int)a[0], (long)message, (long)a[2],
                          (int)a[3]);
    }
    free(message);
    return result;
}

int64_t sys_msgrcv(struct task *t, const uint64_t *a)
{
    unsigned word = t->proc->abi->layouts->word;
    uint64_t size = a[2] > 1 << 20 ? 1 << 20 : a[2];
    long *message;
    int64_t got;

    if (sign_extend(a[2], word) < 0)
        return -EINVAL;
    message = new_message(size);
    if (!message)
        return -ENOMEM;
    got = BLOCKING(t, NO_RESTART, SYS_msgrcv, (int)a[0], (long)message, (long)size,
                   (long)sign_extend(a[3], word), (int)a[4]);
    if (got >= 0 &&
        (write_number(t, a[1], word, (uint64_t)message[0]) < 0 ||
         space_write(t->proc->space, a[1] + word, message + 1, (size_t)got, NULL) < 0))
        got = -EFAULT;
    free(message);
    return got;
}

static int64_t message_info(struct task *t, const uint64_t *a, int command)
{
    struct msginfo info;
    int64_t result = RESULT(msgctl((int)a[0], command, (struct msqid_ds *)(void *)&info));

    result = write_info(t, a[2], &info, false, 7, result);
    return result >= 0 && write_number(t, a[2] + 28, 2, info.msgseg) < 0 ? -EFAULT
                                                                         : result;
}

int64_t sys_msgctl(struct task *t, const uint64_t *a)
{
    const struct layout *layout = &t->proc->abi->layouts->msqid;
    uint64_t v[MSQ_FIELDS];
    struct msqid_ds ds;
    int command = (int)(a[1] & ~(uint64_t)G_IPC_64), error;
    int64_t id;

    switch (command) {
    case IPC_INFO:
    case MSG_INFO: return message_info(t, a, command);
    case G_RMID: return RESULT(msgctl((int)a[0], IPC_RMID, NULL));
    case G_SET:
        if (read_struct(t, a[2], layout, MSQ_FIELDS, v) < 0)
            return -EFAULT;
        unpack_perm(v, &ds.msg_perm);
        ds.msg_qbytes = (msglen_t)v[MSQ_QBYTES];
        return RESULT(msgctl((int)a[0], IPC_SET, &ds));
    case MSG_STAT: /* of a place in the system's list: returns its id */
    case MSG_STAT_ANY:
    case G_STAT:
        id = msgctl((int)a[0], command, &ds);
        if (id < 0)
            return -errno;
        pack_perm(v, &ds.msg_perm);
        v[MSQ_STIME] = (uint64_t)ds.msg_stime;
        v[MSQ_RTIME] = (uint64_t)ds.msg_rtime;
        v[MSQ_CTIME] = (uint64_t)ds.msg_ctime;
        v[MSQ_CBYTES] = ds.__msg_cbytes;
        v[MSQ_QNUM] = ds.msg_qnum;
        v[MSQ_QBYTES] = ds.msg_qbytes;
        v[MSQ_LSPID] = (uint64_t)ds.msg_lspid;
        v[MSQ_LRPID] = (uint64_t)ds.msg_lrpid;
        error = write_struct(t, a[2], layout, MSQ_FIELDS, v);
        return error ? error : id;
    }
    return -EINVAL;
}

/* --------------------------------------------------------------------- semaphores */

enum { MAX_OPS = 500, SEMBUF = 6, MAX_SEMS = 32000 };

static int64_t operate(struct task *t, const uint64_t *a, struct timespec *timeout)
{
    struct sembuf ops[MAX_OPS];
    uint8_t bytes[SEMBUF];

    if (a[2] > MAX_OPS)
        return -E2BIG;
    for (uint64_t i = 0; i < a[2]; i++) {
        if (space_read(t->proc->space, a[1] + i * SEMBUF, bytes, SEMBUF, NULL) < 0)
            return -EFAULT;
        ops[i].sem_num = (unsigned short)get_guest(t->proc->abi, bytes, 2);
        ops[i].sem_op = (short)get_guest(t->proc->abi, bytes + 2, 2);
        ops[i].sem_flg = (short)get_guest(t->proc->abi, bytes + 4, 2);
    }
    if (timeout)
        wait_until(t, CLOCK_MONOTONIC, timeout);
#ifdef SYS_semtimedop
    return BLOCKING(t, STOP_ENDS, SYS_semtimedop, (int)a[0], (long)ops, (long)a[2],
                    (long)timeout);
#else /* 32-bit hosts; a signal just before it is not seen */
    if (semtimedop((int)a[0], ops, (size_t)a[2], timeout) < 0)
        return errno == EINTR ? -NO_RESTART : -errno;
    return 0;
#endif
}

int64_t sys_semtimedop(struct task *t, const uint64_t *a)
{
    struct timespec timeout;

    if (read_timespec(t, a[3], &timeout) < 0)
        return -EFAULT;
    return operate(t, a, a[3] ? &timeout : NULL);
}

int64_t sys_semop(struct task *t, const uint64_t *a)
{
    return operate(t, a, NULL);
}

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

/* GETALL and SETALL: an array of all values. */
static int64_t all_values(struct task *t, const uint64_t *a, int command)
{
    unsigned short values[MAX_SEMS];
    struct semid_ds ds;
    union semun arg = { .buf = &ds };
    uint64_t value;
    int64_t result;

    if (semctl((int)a[0], 0, IPC_STAT, arg) < 0)
        return -errno;
    for (uint64_t i = 0; command == SETALL && i < ds.sem_nsems && i < MAX_SEMS; i++) {
        if (read_number(t, a[3] + 2 * i, 2, &value) < 0)
            return -EFAULT;
        values[i] = (unsigned short)value;
    }
    arg.array = values;
    result = RESULT(semctl((int)a[0], 0, command, arg));
    for (uint64_t i = 0; result == 0 && command == GETALL && i < ds.sem_nsems; i++)
        if (write_number(t, a[3] + 2 * i, 2, values[i]) < 0)
            return -EFAULT;
    return result;
}

static int64_t stat_semaphores(struct task *t, const uint64_t *a, int command)
{
    struct semid_ds ds;
    union semun arg = { .buf = &ds };
    uint64_t v[SEM_FIELDS];
    int id = semctl((int)a[0], 0, command, arg), error;

    if (id < 0)
        return -errno;
    pack_perm(v, &ds.sem_perm);
    v[SEM_OTIME] = (uint64_t)ds.sem_otime;
    v[SEM_CTIME] = (uint64_t)ds.sem_ctime;
    v[SEM_NSEMS] = ds.sem_nsems;
    error = write_struct(t, a[3], &t->proc->abi->layouts->semid, SEM_FIELDS, v);
    return error ? error : id;
}

static int64_t semaphore_info(struct task *t, const uint64_t *a, int command)
{
    struct seminfo info;
    union semun arg = { .info = &info };

    return write_info(t, a[3], &info, false, sizeof(info) / sizeof(int),
                      RESULT(semctl((int)a[0], 0, command, arg)));
}

int64_t sys_semctl(struct task *t, const uint64_t *a)
{
    uint64_t v[SEM_FIELDS];
    struct semid_ds ds;
    union semun arg = { .val = (int)a[3] };
    int command = (int)(a[2] & ~(uint64_t)G_IPC_64);

    switch (command) {
    case IPC_RMID:
    case GETPID:
    case GETVAL:
    case GETNCNT:
    case GETZCNT:
    case SETVAL: return RESULT(semctl((int)a[0], (int)a[1], command, arg));
    case GETALL:
    case SETALL: return all_values(t, a, command);
    case IPC_INFO:
    case SEM_INFO: return semaphore_info(t, a, command);
    case SEM_STAT: /* of a place in the system's list: returns its id */
    case SEM_STAT_ANY:
    case IPC_STAT: return stat_semaphores(t, a, command);
    case IPC_SET:
        if (read_struct(t, a[3], &t->proc->abi->layouts->semid, SEM_FIELDS, v) < 0)
            return -EFAULT;
        unpack_perm(v, &ds.sem_perm);
        arg.buf = &ds;
        return RESULT(semctl((int)a[0], 0, IPC_SET, arg));
    }
    return -EINVAL;
}

/* ------------------------------------------------------------------ shared memory */

/* Where segments were attached: shmdt says no size.  A guest has few.  Under the
 * process's lock; size 0: a free row. */
enum { MAX_ATTACHED = 256 };
static struct attached {
    uint64_t addr, size;
} attached[MAX_ATTACHED];

/* The row with `size` 0, or the one of a segment at addr; NULL: none. */
static struct attached *find_attached(uint64_t addr, bool is_free)
{
    for (unsigned i = 0; i < MAX_ATTACHED; i++)
        if (is_free ? !attached[i].size : attached[i].size && attached[i].addr == addr)
            return &attached[i];
    return NULL;
}

static int64_t segment_info(struct task *t, const uint64_t *a, int command)
{
    union {
        struct shminfo limits;
        struct shm_info used;
        struct shmid_ds any;
    } info;
    int64_t result = RESULT(shmctl((int)a[0], command, &info.any));

    if (command == IPC_INFO)
        return write_info(t, a[2], &info, true, 9, result);
    result = write_info(t, a[2], &info, false, 1, result);
    return write_info(t, a[2] + t->proc->abi->bits / 8, &info.used.shm_tot, true, 5,
                      result);
}

int64_t sys_shmctl(struct task *t, const uint64_t *a)
{
    const struct layout *layout = &t->proc->abi->layouts->shmid;
    uint64_t v[SHM_FIELDS];
    struct shmid_ds ds;
    int command = (int)(a[1] & ~(uint64_t)G_IPC_64), error;
    int64_t id;

    switch (command) {
    case IPC_INFO:
    case SHM_INFO: return segment_info(t, a, command);
    case SHM_LOCK:
    case SHM_UNLOCK:
    case G_RMID: return RESULT(shmctl((int)a[0], (int)a[1] & ~G_IPC_64, NULL));
    case G_SET:
        if (read_struct(t, a[2], layout, SHM_FIELDS, v) < 0)
            return -EFAULT;
        unpack_perm(v, &ds.shm_perm);
        return RESULT(shmctl((int)a[0], IPC_SET, &ds));
    case SHM_STAT: /* of a place in the system's list: returns its id */
    case SHM_STAT_ANY:
    case G_STAT:
        id = shmctl((int)a[0], command, &ds);
        if (id < 0)
            return -errno;
        pack_perm(v, &ds.shm_perm);
        v[SHM_SEGSZ] = ds.shm_segsz;
        v[SHM_ATIME] = (uint64_t)ds.shm_atime;
        v[SHM_DTIME] = (uint64_t)ds.shm_dtime;
        v[SHM_CTIME] = (uint64_t)ds.shm_ctime;
        v[SHM_CPID] = (uint64_t)ds.shm_cpid;
        v[SHM_LPID] = (uint64_t)ds.shm_lpid;
        v[SHM_NATTCH] = ds.shm_nattch;
        error = write_struct(t, a[2], layout, SHM_FIELDS, v);
        return error ? error : id;
    }
    return -EINVAL;
}

/* A mapping of the segment's size is made first, the segment then takes its place.
 * Requires: the process's lock. */
static int64_t attach(struct task *t, const uint64_t *a, uint64_t addr, unsigned how,
                      uint64_t size)
{
    unsigned prot = SPACE_READ | (a[2] & G_SHM_RDONLY ? 0 : SPACE_WRITE) |
                    (a[2] & G_SHM_EXEC ? SPACE_EXEC : 0);
    struct attached *row = find_attached(0, true), *old;
    int64_t at;
    void *host;

    if (!row)
        return -ENOMEM;
    at = space_map(t->proc->space, addr, size, prot, how | SPACE_NORESERVE, true, -1, 0);
    if (at < 0)
        return at == -EEXIST ? -EINVAL : at;
    host = space_host(t->proc->space, (uint64_t)at, (size_t)size, SPACE_READ);
    if (!host ||
        shmat((int)a[0], host, SHM_REMAP | ((int)a[2] & SHM_RDONLY)) == (void *)-1) {
        int error = host ? errno : ENOMEM;

        space_unmap(t->proc->space, (uint64_t)at, size);
        return -error;
    }
    old = find_attached((uint64_t)at, false); /* replaced, or unmapped otherwise */
    if (old)
        row = old;
    *row = (struct attached){ (uint64_t)at, size };
    return at;
}

int64_t sys_shmat(struct task *t, const uint64_t *a)
{
    uint64_t page = space_page(t->proc->space), addr = a[1];
    unsigned how = addr == 0            ? SPACE_HINT
                   : a[2] & G_SHM_REMAP ? SPACE_FIXED
                                        : SPACE_NOREPLACE;
    struct shmid_ds ds;
    int64_t at;

    if (shmctl((int)a[0], IPC_STAT, &ds) < 0)
        return -errno;
    if (addr % page && a[2] & G_SHM_RND)
        addr -= addr % page;
    if (addr % page || (addr == 0 && a[2] & G_SHM_REMAP))
        return -EINVAL;
    host_lock_take(t->proc->lock);
    at = attach(t, a, addr, how, (ds.shm_segsz + page - 1) & ~(page - 1));
    host_lock_give(t->proc->lock);
    return at;
}

int64_t sys_shmdt(struct task *t, const uint64_t *a)
{
    struct attached *row;

    host_lock_take(t->proc->lock);
    row = find_attached(a[0], false);
    if (row) {
        space_unmap(t->proc->space, row->addr, row->size);
        row->size = 0;
    }
    host_lock_give(t->proc->lock);
    return row ? 0 : -EINVAL;
}
