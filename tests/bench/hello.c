/* hello.c - nearly nothing: what starting costs. */
#include <stdio.h>

int main(void)
{
    puts("hello");
    return 0;
}
