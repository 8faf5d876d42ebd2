/* faults.c - what a program gets that goes wrong: signal, code, address; each in a child.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "say.h"

static char alternate[65536];
static uintptr_t expected_addr;
static int show_addr;

static void handler(int signo, siginfo_t *info, void *context)
{
    (void)context;
    printf("  signal %d code %d", signo, info->si_code);
    if (show_addr)
        printf(" address %s",
               (uintptr_t)info->si_addr == expected_addr ? "right" : "WRONG");
    printf("\n");
    fflush(stdout);
    _exit(3);
}

static void in_child(const char *what, void (*body)(void), int handled)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE };
    stack_t stack = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
    struct sigaction action = { .sa_sigaction = handler,
                                .sa_flags = SA_SIGINFO | SA_ONSTACK };
    int status;
    pid_t child;

    printf("%s%s\n", what, handled ? "" : " (no handler)");
    fflush(stdout);
    child = fork();
    if (child == 0) {
        freopen("/dev/null", "w", stderr);
        sigaltstack(&stack, NULL);
        for (int i = 0; handled && i < 5; i++)
            sigaction(signals[i], &action, NULL);
        body();
        _exit(0);
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        printf("  killed by %d\n", WTERMSIG(status));
    else
        printf("  exit %d\n", WEXITSTATUS(status));
}

static void expect(uintptr_t addr)
{
    expected_addr = addr;
    show_addr = 1;
}

static void jump_to(uintptr_t addr)
{
    ((void (*)(void))addr)();
}

static void read_null(void)
{
    expect(8);
    (void)*(volatile int *)8;
}

static void write_null(void)
{
    expect(0);
    *(volatile int *)0 = 1;
}

static void read_far(void)
{
    expect(0x7fffffffffff0000);
    (void)*(volatile int *)0x7fffffffffff0000;
}

static void read_last(void)
{
    expect(UINTPTR_MAX);
    (void)*(volatile char *)UINTPTR_MAX;
}

static void write_last(void)
{
    expect(UINTPTR_MAX - 3);
    *(volatile long *)(UINTPTR_MAX - 3) = 1;
}

static void jump_last(void)
{
    expect(UINTPTR_MAX - 1);
    jump_to(UINTPTR_MAX - 1);
}

static void write_text(void)
{
    expect((uintptr_t)read_null & ~(uintptr_t)7);
    *(volatile long *)((uintptr_t)read_null & ~(uintptr_t)7) = 1;
}

static void jump_null(void)
{
    expect(0);
    jump_to(0);
}

static void jump_wild(void)
{
    expect(0x31234566);
    jump_to(0x31234566);
}

static void jump_far(void)
{
    expect(0x4000000000);
    jump_to(0x4000000000);
}

static void run_data(void)
{
    static uint32_t code[4] = { 0x00000013, 0x00008067 };

    expect((uintptr_t)code);
    jump_to((uintptr_t)code);
}

static void run_stack(void)
{
    volatile uint32_t code[4] = { 0x00000013, 0x00008067 };

    expect((uintptr_t)code);
    jump_to((uintptr_t)code);
}

static void run_off_the_page(void)
{
    uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint32_t nop = 0x13;

    munmap(page + 4096, 4096);
    memcpy(page + 4092, &nop, 4);
    __builtin___clear_cache((char *)page, (char *)page + 4096);
    expect((uintptr_t)page + 4096);
    jump_to((uintptr_t)page + 4092);
}

static void half_an_instruction(void)
{
    uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(page + 4096, 4096);
    memcpy(page + 4094, "\x13\x05", 2);
    __builtin___clear_cache((char *)page, (char *)page + 4096);
    expect((uintptr_t)page + 4096);
    jump_to((uintptr_t)page + 4094);
}

static void across_a_page(void)
{
    uint8_t *page =
        mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    munmap(page + 4096, 4096);
    show_addr = 0; /* hosts differ in which byte they name */
    (void)*(volatile uint64_t *)(page + 4092);
}

static void illegal(void)
{
    show_addr = 0;
    __asm__ volatile(".4byte 0xffffffff");
}

static void zeros(void)
{
    __asm__ volatile(".2byte 0");
}

static void breakpoint(void)
{
    __asm__ volatile("ebreak");
}

static void no_stack(void)
{
    __asm__ volatile("li sp, 0x1000\n sd a0, 0(sp)");
}

static void __attribute__((noinline)) recurse(volatile char *up)
{
    volatile char here[1000];

    here[0] = *up;
    recurse(here);
    here[1] = 0;
}

static void overflow(void)
{
    char start = 0;

    show_addr = 0;
    recurse(&start);
}

static void misaligned_atomic(void)
{
    static uint64_t words[2];

    show_addr = 0;
    __asm__ volatile("amoadd.w zero, zero, (%0)" ::"r"((char *)words + 2) : "memory");
}

static void misaligned_lr(void)
{
    static uint64_t words[2];

    show_addr = 0;
    __asm__ volatile("lr.w t0, (%0)" ::"r"((char *)words + 1) : "t0", "memory");
}

static void beyond_file(void)
{
    FILE *file = tmpfile();
    uint8_t *page;

    ftruncate(fileno(file), 100);
    page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    expect((uintptr_t)page + 4096);
    (void)*(volatile char *)(page + 4096);
}

static void bad_sigreturn(void)
{
    __asm__ volatile("li sp, 0x1000\n li a7, 139\n ecall");
}

static void handler_without_stack(void)
{
    stack_t none = { .ss_flags = SS_DISABLE };

    sigaltstack(&none, NULL);
    no_stack();
}

static void aborts(void)
{
    abort();
}

static void divide(void)
{
    volatile int zero = 0;

    say("1 / 0", 1 / zero); /* no trap on this machine */
}

int main(int argc, char **argv)
{
    static const struct {
        const char *what;
        void (*body)(void);
    } cases[] = {
        { "read null", read_null },
        { "write null", write_null },
        { "write text", write_text },
        { "jump to null", jump_null },
        { "wild jump", jump_wild },
        { "execute data", run_data },
        { "execute the stack", run_stack },
        { "run off the page", run_off_the_page },
        { "half an instruction", half_an_instruction },
        { "across a page", across_a_page },
        { "illegal instruction", illegal },
        { "zeros", zeros },
        { "ebreak", breakpoint },
        { "unmapped stack", no_stack },
        { "stack overflow", overflow },
        { "misaligned atomic", misaligned_atomic },
        { "misaligned lr", misaligned_lr },
        { "beyond the end of a file", beyond_file },
        { "sigreturn from nowhere", bad_sigreturn },
        { "handler without stack", handler_without_stack },
        { "abort", aborts },
        { "divide by zero", divide },
        { "read far away", read_far },
        { "jump far away", jump_far },
        { "read the last byte", read_last },
        { "write over the end", write_last },
        { "jump to the end", jump_last },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (argc > 1 && strcmp(argv[1], cases[i].what) != 0)
            continue;
        in_child(cases[i].what, cases[i].body, 1);
        in_child(cases[i].what, cases[i].body, 0);
    }
    return 0;
}
