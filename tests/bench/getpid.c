/* getpid.c - the cheapest system call, N times. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    long n = argc > 1 ? atol(argv[1]) : 1000000, same = 0;
    pid_t pid = getpid();

    for (long i = 0; i < n; i++)
        same += syscall(SYS_getpid) == pid;
    printf("%ld\n", same);
    return 0;
}
