/* random.c - system calls with random numbers and arguments: a child may fail or die, but
 * not of a fault of the emulator (status 70).  Calls that could harm others are left out.
 * By hand: random FOLDER SEED ROUNDS. */
#include <grp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "say.h"

static uint64_t state = 1;
static char *page; /* two pages: the second is not there */

static uint64_t number(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
}

static uint64_t argument(void)
{
    static const uint64_t odd[] = { 0,          1,          2,        8,
                                    4095,       4096,       1024,     0x7fffffff,
                                    0x80000000, UINT64_MAX, 1 << 20,  1ull << 38,
                                    1ull << 63, 0x10000,    ~0xfffull };

    switch (number() % 4) {
    case 0: return odd[number() % (sizeof(odd) / sizeof(odd[0]))];
    case 1: return (uintptr_t)page + 4096 - number() % 200; /* reaches over the end */
    case 2: return (uintptr_t)page + number() % 4096;
    }
    return number() % 200 + 3;
}

static int is_harmful(long call)
{
    static const short calls[] = {
        SYS_kill,
        SYS_tkill,
        SYS_tgkill,
        SYS_rt_sigqueueinfo,
        SYS_sethostname,
        SYS_setdomainname,
        SYS_clock_settime,
        SYS_clock_adjtime,
        SYS_settimeofday,
        SYS_adjtimex,
        SYS_vhangup,
        SYS_mount,
        SYS_umount2,
        SYS_pivot_root,
        SYS_clone,
        SYS_execve,
        SYS_execveat,
        SYS_exit,
        SYS_exit_group,
        SYS_setpriority,
        SYS_prlimit64,
        SYS_sched_setparam,
        SYS_sched_setscheduler,
        SYS_sched_setaffinity,
        SYS_unlinkat,
        SYS_renameat2,
        38 /* renameat */,
        SYS_mkdirat,
        SYS_mknodat,
        SYS_symlinkat,
        SYS_linkat,
        SYS_truncate,
        SYS_openat,
        SYS_chdir,
        SYS_chroot,
        SYS_fchmodat,
        SYS_fchownat,
        SYS_utimensat,
        SYS_sync,
        SYS_mlock,
        SYS_brk,
        SYS_mmap,
        SYS_setpgid,
        SYS_rt_sigreturn,
        SYS_setitimer,
        SYS_rt_sigprocmask,
        SYS_rt_sigaction,
        SYS_munmap,
        SYS_mprotect,
        SYS_mremap,
        SYS_rt_sigtimedwait,
        SYS_rt_sigsuspend,
        SYS_fchmod,
        SYS_fchown,
        SYS_ftruncate,
        SYS_fallocate,
        SYS_shmat, /* may take the place of the program */
        SYS_setrlimit,
        SYS_msgget, /* what these make would stay */
        SYS_semget,
        SYS_shmget,
        SYS_mq_open,
    };

    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (calls[i] == call)
            return 1;
    return 0;
}

static void nothing(int signo)
{
    (void)signo;
}

/* What root may do to the whole machine is not for this.  The root of a user namespace
 * that has no other users goes on, and may do little. */
static void give_up_privileges(void)
{
    if (getuid() != 0)
        return;
    setgroups(0, NULL);
    setresgid(65534, 65534, 65534);
    setresuid(65534, 65534, 65534);
    prctl(PR_SET_DUMPABLE, 1);
}

static void many_calls(long first)
{
    struct sigaction action = { .sa_handler = nothing };

    give_up_privileges();
    freopen("/dev/null", "w", stdout);
    freopen("/dev/null", "r", stdin);
    freopen("/dev/null", "w", stderr);
    syscall(SYS_close_range, 3, 1000, 0);
    sigaction(SIGALRM, &action, NULL);
    for (long call = first; call < first + 50; call++) {
        if (is_harmful(call))
            continue;
        for (int i = 0; i < 40; i++) {
            ualarm(3000, 3000); /* some of them wait */
            syscall(call, argument(), argument(), argument(), argument(), argument(),
                    argument());
        }
    }
    _exit(0);
}

/* A child that blocked its timer's signal may wait for ever. */
static int status_of(pid_t child)
{
    struct timespec limit = { 10, 0 };
    sigset_t set;
    int status;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    while (waitpid(child, &status, WNOHANG) == 0)
        if (sigtimedwait(&set, NULL, &limit) < 0)
            kill(child, SIGKILL);
    return status;
}

int main(int argc, char **argv)
{
    sigset_t children;
    int bugs = 0, ends = 0, status, rounds = argc > 3 ? atoi(argv[3]) : 60;

    if (argc > 2)
        state = strtoull(argv[2], NULL, 0) * 2 + 1;

    page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    for (int round = 0; round < rounds; round++) {
        pid_t child;

        number();
        state += (uint64_t)round * 77;
        fflush(stdout);
        child = fork();
        if (child == 0)
            many_calls(round % 20 * 50);
        status = status_of(child);
        ends += WIFEXITED(status) && WEXITSTATUS(status) == 0;
        if (WIFEXITED(status)
                ? WEXITSTATUS(status) == 70
                : WTERMSIG(status) != SIGALRM && WTERMSIG(status) != SIGKILL) {
            printf("calls from %d: status %x\n", round % 20 * 50, status);
            bugs++;
        }
    }
    ok("most went on to the end", ends > rounds * 2 / 3);
    say("bugs", bugs);
    return 0;
}
