/* ipc.c - calls that few programs make: System V and POSIX queues, semaphores and shared
 * memory, timers, messages in batches, attributes.  Run as: ipc DIRECTORY. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>

#include "say.h"

static void queues(void)
{
    struct {
        long type;
        char text[32];
    } out = { 7, "a message" }, in = { 0 };
    int id = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
    struct msqid_ds ds;

    ok("msgget", id >= 0);
    call("msgsnd", msgsnd(id, &out, 10, 0));
    call("msgsnd type 0", msgsnd(id, &(long[2]){ 0, 0 }, 4, 0));
    call("stat", msgctl(id, IPC_STAT, &ds));
    say("queued", ds.msg_qnum);
    say("bytes", ds.msg_cbytes);
    say("mode", ds.msg_perm.mode & 0777);
    call("msgrcv other", msgrcv(id, &in, 32, 8, IPC_NOWAIT));
    call("msgrcv short", msgrcv(id, &in, 4, 7, IPC_NOWAIT));
    call("msgrcv", msgrcv(id, &in, 32, 0, 0));
    printf("type %ld text %s\n", in.type, in.text);
    call("remove", msgctl(id, IPC_RMID, NULL));
}

static void semaphores(void)
{
    union semun {
        int val;
        unsigned short *array;
        struct semid_ds *buf;
    } arg;
    unsigned short values[3] = { 1, 2, 3 };
    struct sembuf down[2] = { { 0, -1, 0 }, { 2, -2, 0 } };
    struct timespec soon = { 0, 1000000 };
    int id = semget(IPC_PRIVATE, 3, 0600 | IPC_CREAT);
    struct semid_ds ds;

    arg.array = values;
    call("setall", semctl(id, 0, SETALL, arg));
    call("semop", semop(id, down, 2));
    arg.array = values;
    call("getall", semctl(id, 0, GETALL, arg));
    printf("%d %d %d\n", values[0], values[1], values[2]);
    call("semtimedop", semtimedop(id, down, 1, &soon));
    arg.val = 9;
    call("setval", semctl(id, 1, SETVAL, arg));
    call("getval", semctl(id, 1, GETVAL));
    arg.buf = &ds;
    call("stat", semctl(id, 0, IPC_STAT, arg));
    say("count", ds.sem_nsems);
    call("remove", semctl(id, 0, IPC_RMID));
    call("gone", semop(id, down, 1));
}

static void shared_memory(void)
{
    int id = shmget(IPC_PRIVATE, 10000, 0600 | IPC_CREAT), status;
    struct shmid_ds ds;
    volatile int *a = shmat(id, NULL, 0), *b = shmat(id, NULL, SHM_RDONLY);

    ok("two places", a != (void *)-1 && b != (void *)-1 && a != b);
    a[5] = 55;
    say("seen through the other", b[5]);
    if (fork() == 0) {
        a[6] = 66;
        _exit(0);
    }
    wait(&status);
    say("from the child", a[6]);
    call("stat", shmctl(id, IPC_STAT, &ds));
    say("size", ds.shm_segsz);
    say("attached", ds.shm_nattch);
    call("shmdt", shmdt((void *)b));
    call("shmdt again", shmdt((void *)b));
    call("shmat odd", (long)shmat(id, (char *)a + 1, 0));
    call("shmat taken", (long)shmat(id, (void *)a, 0));
    call("remove", shmctl(id, IPC_RMID, NULL));
    say("still there", a[5]);
    call("shmdt", shmdt((void *)a));
}

/* What the whole system has; others may have some, too. */
static void information(void)
{
    int q = msgget(IPC_PRIVATE, 0600), s = semget(IPC_PRIVATE, 2, 0600), last, found = 0;
    int m = shmget(IPC_PRIVATE, 5000, 0600);
    struct msginfo msg = { 0 };
    struct seminfo sem = { 0 };
    struct shminfo shm = { 0 };
    struct shm_info used = { 0 };
    struct msqid_ds msqid;
    struct semid_ds semid;
    struct shmid_ds shmid;

    ok("IPC_INFO of messages", msgctl(0, IPC_INFO, (void *)&msg) >= 0 && msg.msgmax > 0 &&
                                   msg.msgmni > 0 && msg.msgseg > 0);
    last = msgctl(0, MSG_INFO, (void *)&msg);
    ok("MSG_INFO", last >= 0 && msg.msgpool > 0);
    for (int i = 0; i <= last; i++)
        found += msgctl(i, MSG_STAT, &msqid) == q && msqid.msg_perm.mode == 0600;
    ok("IPC_INFO of semaphores",
       semctl(0, 0, IPC_INFO, &sem) >= 0 && sem.semmsl > 0 && sem.semvmx > 0);
    last = semctl(0, 0, SEM_INFO, &sem);
    ok("SEM_INFO", last >= 0 && sem.semusz > 0);
    for (int i = 0; i <= last; i++)
        found += semctl(i, 0, SEM_STAT, &semid) == s && semid.sem_nsems == 2;
    ok("IPC_INFO of memory", shmctl(0, IPC_INFO, (void *)&shm) >= 0 &&
                                 shm.shmmax > 5000 && shm.shmmin == 1 && shm.shmall > 0);
    last = shmctl(0, SHM_INFO, (void *)&used);
    ok("SHM_INFO", last >= 0 && used.used_ids > 0 && used.shm_tot > 0);
    for (int i = 0; i <= last; i++)
        found += shmctl(i, SHM_STAT, &shmid) == m && shmid.shm_segsz == 5000;
    say("found", found);
    call("nowhere", msgctl(0, IPC_INFO, NULL));
    msgctl(q, IPC_RMID, NULL);
    semctl(s, 0, IPC_RMID);
    shmctl(m, IPC_RMID, NULL);
}

static void posix_queues(void)
{
    char name[64], text[64] = "";
    struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 64 };
    struct timespec past = { 1, 0 };
    unsigned priority = 0;
    mqd_t q;

    snprintf(name, sizeof(name), "/rhea-test-%d", getpid());
    q = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    if (q < 0 && errno == ENOSYS) { /* a host without them */
        printf("mq: 1\nsend: 0\nsend: 0\nmessages: 2\nreceive: 4\nhigh 9\nlate: "
               "Connection timed out\nunlink: 0\n");
        return;
    }
    ok("mq", q >= 0);
    call("send", mq_send(q, "low", 4, 1));
    call("send", mq_send(q, "hig", 4, 9));
    mq_getattr(q, &attr);
    say("messages", attr.mq_curmsgs);
    call("receive", mq_receive(q, text, sizeof(text), &priority));
    printf("%s %u\n", text, priority);
    mq_receive(q, text, sizeof(text), &priority);
    call("late", mq_timedreceive(q, text, sizeof(text), &priority, &past));
    call("unlink", mq_unlink(name));
}

static volatile int value, code;

static void on_timer(int signo, siginfo_t *info, void *context)
{
    value = info->si_value.sival_int;
    code = info->si_code;
}

static void timers(void)
{
    struct sigaction action = { .sa_sigaction = on_timer, .sa_flags = SA_SIGINFO };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2 };
    struct itimerspec when = { { 0, 0 }, { 0, 2000000 } }, left;
    struct timex x = { 0 };
    sigset_t mask, old;
    timer_t id;

    event.sigev_value.sival_int = 4321;
    sigaction(SIGRTMIN + 2, &action, NULL);
    call("timer", timer_create(CLOCK_MONOTONIC, &event, &id));
    sigemptyset(&mask);
    sigaddset(&mask, SIGRTMIN + 2);
    sigprocmask(SIG_BLOCK, &mask, &old);
    call("settime", timer_settime(id, 0, &when, NULL));
    while (!value)
        sigsuspend(&old);
    say("value", value);
    say("from a timer", code == SI_TIMER);
    call("gettime", timer_gettime(id, &left));
    say("left", left.it_value.tv_nsec);
    call("overrun", timer_getoverrun(id));
    call("delete", timer_delete(id));
    call("deleted", timer_delete(id));
    call("clock 77", timer_create(77, &event, &id));
    ok("adjtimex", adjtimex(&x) >= 0 && x.tick > 8000 && x.tick < 12000);
}

static void batches(const char *dir)
{
    int pair[2], ep = epoll_create1(0), fd;
    struct iovec iov[4];
    char text[4][8] = { "one", "two", "three", "" }, path[256];
    struct mmsghdr out[3] = { 0 }, in[4] = { 0 };
    struct epoll_event event = { EPOLLIN, { .u64 = 99 } };
    struct timespec soon = { 0, 1000 };
    struct sched_attr {
        unsigned size, policy;
        unsigned long long flags;
        int nice;
        unsigned rest[8];
    } attr;
    struct __user_cap_header_struct cap = { 0, 0 };

    socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
    for (int i = 0; i < 4; i++) {
        iov[i].iov_base = text[i];
        iov[i].iov_len = 8;
        out[i % 3].msg_hdr.msg_iov = &iov[i % 3];
        out[i % 3].msg_hdr.msg_iovlen = 1;
        in[i].msg_hdr.msg_iov = &iov[i];
        in[i].msg_hdr.msg_iovlen = 1;
    }
    call("epoll_pwait2", syscall(441, ep, &event, 1, &soon, NULL, 8));
    call("sendmmsg", sendmmsg(pair[0], out, 3, 0));
    epoll_ctl(ep, EPOLL_CTL_ADD, pair[1], &event);
    event.data.u64 = 0;
    call("epoll_pwait2", syscall(441, ep, &event, 1, NULL, NULL, 8));
    say("data", event.data.u64);
    memset(text, 0, sizeof(text));
    call("recvmmsg", recvmmsg(pair[1], in, 4, MSG_WAITFORONE, NULL));
    printf("%s %s %s %u\n", text[0], text[1], text[2], in[2].msg_len);
    call("recvmmsg", recvmmsg(pair[1], in, 4, MSG_DONTWAIT, NULL));
    snprintf(path, sizeof(path), "%s/attributes", dir);
    fd = open(path, O_RDWR | O_CREAT, 0600);
    call("pwritev2", pwritev2(fd, iov, 2, 4, 0));
    call("preadv2", preadv2(fd, iov, 1, 100, 0));
    ok("no attribute", getxattr(path, "user.none", text, 8) < 0 &&
                           (errno == ENODATA || errno == EOPNOTSUPP));
    call("bad name", getxattr(path, "none", text, 8));
    call("sched_getattr", syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0));
    errno = 0;
    printf("policy %u nice %d\n", attr.policy, attr.nice == getpriority(PRIO_PROCESS, 0));
    call("capget", syscall(SYS_capget, &cap, NULL));
    printf("version %x\n", cap.version);
}

static void memory(void)
{
    char from[16] = "process memory", to[16] = "";
    struct iovec local = { to, 16 }, remote = { from, 16 };

    if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) < 0 && errno == EPERM) {
        /* Some containers forbid it. */
        printf("process_vm_readv: 16\n%s\nnothing there: Bad address\n", from);
    } else {
        call("process_vm_readv", process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
        printf("%s\n", to);
        remote.iov_base = (void *)8;
        call("nothing there", process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
    }
    call("mlock2", mlock2(from, 16, 0));
    call("mlockall 0", mlockall(0));
}

int main(int argc, char **argv)
{
    queues();
    semaphores();
    shared_memory();
    information();
    posix_queues();
    timers();
    batches(argv[1]);
    memory();
    return 0;
}
