/* basics.c - what gdb.test looks at.  The argument chooses what happens after the loop.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int counter;
char hot[64];
volatile double half = 0.5;

__attribute__((noipa)) int leaf(int n)
{
    counter += n;
    return n * 2;
}

__attribute__((noipa)) int middle(int n)
{
    int r = leaf(n) + 1;

    return r;
}

__attribute__((noipa)) double scaled(double x)
{
    return x * half;
}

static void on_usr1(int signo)
{
    counter += 1000 + signo;
}

static void forks(void)
{
    int status;
    pid_t pid = fork();

    if (pid == 0)
        _exit(middle(100) - 198);
    waitpid(pid, &status, 0);
    printf("child %d\n", WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int sum = 0;

    signal(SIGUSR1, on_usr1);
    for (int i = 0; i < 10; i++) {
        sum += middle(i);
        hot[2] = (char)i;
        hot[3] = (char)(i / 4);
        hot[4] = (char)i;
    }
    sum += (int)scaled(9.0);
    if (!strcmp(what, "signal"))
        raise(SIGUSR1);
    if (!strcmp(what, "fork"))
        forks();
    if (!strcmp(what, "crash"))
        *(volatile int *)8 = 1;
    if (!strcmp(what, "exec"))
        execl(argv[0], argv[0], "again", NULL);
    if (!strcmp(what, "wait"))
        for (;;)
            pause();
    while (!strcmp(what, "loop"))
        counter++;
    printf("sum %d counter %d\n", sum, counter);
    return 7;
}
