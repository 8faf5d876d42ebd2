/* vfork.c - runs itself again through vfork and exec. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noipa)) int after(int x)
{
    return x + 1;
}

int main(int argc, char **argv)
{
    int status;
    pid_t pid;

    if (argc > 1)
        return after(4);
    pid = vfork();
    if (pid == 0) {
        execl(argv[0], argv[0], "again", NULL);
        _exit(9);
    }
    waitpid(pid, &status, 0);
    printf("child %d here %d\n", WEXITSTATUS(status), after(1));
    return 0;
}
