/* procs.c - fork, vfork, exec, wait; calls itself with arguments. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "say.h"

extern char **environ;

static void show_status(const char *what, int status)
{
    if (WIFEXITED(status))
        printf("%s: exit %d\n", what, WEXITSTATUS(status));
    else if (WIFSIGNALED(status))
        printf("%s: signal %d\n", what, WTERMSIG(status));
    else if (WIFSTOPPED(status))
        printf("%s: stopped %d\n", what, WSTOPSIG(status));
    else if (WIFCONTINUED(status))
        printf("%s: continued\n", what);
    fflush(stdout);
}

static void forks(void)
{
    int status, value = 1, wait_for[2];
    char byte = 0;
    pid_t child = fork();

    if (child == 0) {
        value = 2;
        _exit(value + 40);
    }
    ok("waitpid", waitpid(child, &status, 0) == child);
    show_status("fork", status);
    say("value", value);
    child = fork();
    if (child == 0) {
        raise(SIGTERM);
        _exit(0);
    }
    waitpid(child, &status, 0);
    show_status("SIGTERM", status);
    if (pipe(wait_for))
        return;
    child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        if (read(wait_for[0], &byte, 1) == 1) /* until it was seen as continued */
            _exit(5);
        _exit(6);
    }
    waitpid(child, &status, WUNTRACED);
    show_status("stop", status);
    kill(child, SIGCONT);
    waitpid(child, &status, WCONTINUED);
    show_status("cont", status);
    if (write(wait_for[1], &byte, 1) != 1)
        return;
    waitpid(child, &status, 0);
    show_status("end", status);
    close(wait_for[0]);
    close(wait_for[1]);
    call("no child", waitpid(-1, &status, 0));
    ok("getppid", getppid() > 0);
}

static void waitids(void)
{
    siginfo_t info = { 0 };
    struct rusage usage;
    int status;
    pid_t child = fork();

    if (child == 0)
        _exit(9);
    call("waitid", waitid(P_PID, child, &info, WEXITED | WNOWAIT));
    printf("pid %d status %d code %d\n", info.si_pid == child, info.si_status,
           info.si_code);
    ok("wait4", wait4(child, &status, 0, &usage) == child);
    ok("maxrss", usage.ru_maxrss > 0);
}

static void vforks(const char *self)
{
    int status;
    pid_t child = vfork();

    if (child == 0) {
        execl(self, "procs", "child", "vfork", (char *)NULL);
        _exit(1);
    }
    waitpid(child, &status, 0);
    show_status("vfork", status);
    {
        char *argv[] = { "procs", "child", "spawn", NULL };
        int got = posix_spawn(&child, self, NULL, NULL, argv, environ);

        waitpid(child, &status, 0); /* the child has spoken then */
        say("posix_spawn", got);
    }
    show_status("spawn", status);
    {
        char *argv[] = { "none", NULL };
        posix_spawn_file_actions_t actions;

        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addclosefrom_np(&actions, 3);
        say("posix_spawn of nothing, all closed",
            posix_spawn(&child, "/no/such/file", &actions, NULL, argv, environ));
        posix_spawn_file_actions_destroy(&actions);
    }
    show_status("system", system("exit 6"));
}

static void execs(const char *self)
{
    char *argv[] = { "name of its own", "child", "a b", "", NULL };
    char *envp[] = { "X=1", "EMPTY=", NULL };
    int status;
    pid_t child;

    call("exec missing", execv("/no/such/file", argv));
    call("exec directory", execv("/", argv));
    call("exec no x", execv("/etc/passwd", argv));
    child = fork();
    if (child == 0) {
        execve(self, argv, envp);
        _exit(1);
    }
    waitpid(child, &status, 0);
    show_status("exec", status);
    child = fork();
    if (child == 0) {
        execve("/proc/self/exe", argv, envp);
        _exit(1);
    }
    waitpid(child, &status, 0);
    show_status("exec self", status);
    child = fork();
    if (child == 0) {
        fexecve(open(self, O_RDONLY | O_CLOEXEC), argv, envp);
        _exit(1);
    }
    waitpid(child, &status, 0);
    show_status("exec of a descriptor", status);
    child = fork();
    if (child == 0) {
        signal(SIGUSR1, SIG_IGN);
        execl(self, "procs", "ignored", (char *)NULL);
        _exit(1);
    }
    waitpid(child, &status, 0);
    show_status("ignored", status);
    child = fork();
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL); /* of the host */
        _exit(1);
    }
    waitpid(child, &status, 0);
    show_status("host's program", status);
}

static void system_facts(void)
{
    struct utsname name;
    struct rlimit limit = { 32, 64 }, got;
    cpu_set_t cpus;
    char text[17] = "";

    uname(&name);
    printf("%s %s\n", name.sysname, name.machine);
    say("page", sysconf(_SC_PAGESIZE));
    ok("hwcap", (getauxval(AT_HWCAP) & 0x112d) == 0x112d);
    ok("random", getauxval(AT_RANDOM) != 0);
    ok("secure", getauxval(AT_SECURE) == 0);
    call("setrlimit", setrlimit(RLIMIT_NOFILE, &limit));
    getrlimit(RLIMIT_NOFILE, &got);
    printf("limit %d %d\n", (int)got.rlim_cur, (int)got.rlim_max);
    ok("affinity",
       sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) > 0);
    prctl(PR_SET_NAME, "procs-test");
    prctl(PR_GET_NAME, text);
    puts(text);
    ok("times", clock() >= 0);
    ok("pgid", getpgid(0) == getpgrp());
    ok("sid", getsid(0) >= 0); /* 0: of another process namespace */
    call("clone half a thread",
         clone((int (*)(void *))0x1000, text, 0x10100, NULL) < 0 ? 0 : 1);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "child") == 0) {
        printf("%s:", argv[0]);
        for (int i = 1; i < argc; i++)
            printf(" [%s]", argv[i]);
        printf(" X=%s EMPTY=%s HOME=%d\n", getenv("X") ? getenv("X") : "?",
               getenv("EMPTY") ? "set" : "no", getenv("HOME") != NULL);
        return 11;
    }
    if (argc > 1 && strcmp(argv[1], "ignored") == 0) {
        raise(SIGUSR1);
        puts("survived");
        return 12;
    }
    forks();
    waitids();
    vforks(argv[0]);
    execs(argv[0]);
    system_facts();
    return 0;
}
