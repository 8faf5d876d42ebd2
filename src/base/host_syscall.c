/* host_syscall.c - system calls that signals interrupt without a gap.
 *
 * A signal that comes after *kick was tested and before the kernel is entered would be
 * noticed only when the call returns, perhaps never.  So the test and the call are a
 * known range of instructions, and a handler that finds the pc there moves it to the way
 * out. */
#include "base/host.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#if defined(__x86_64__) && !defined(__ILP32__)
#define HAS_RANGE 1
#define CONTEXT_PC(context) (context)->uc_mcontext.gregs[REG_RIP]
__asm__(".text\n"
        ".type rhea_syscall, @function\n"
        "rhea_syscall:\n" /* kick, number, args */
        "    .cfi_startproc\n"
        "    movq %rdi, %r11\n"
        "    movq %rsi, %rax\n"
        "    movq %rdx, %rcx\n"
        "    movq 0(%rcx), %rdi\n"
        "    movq 8(%rcx), %rsi\n"
        "    movq 16(%rcx), %rdx\n"
        "    movq 24(%rcx), %r10\n"
        "    movq 32(%rcx), %r8\n"
        "    movq 40(%rcx), %r9\n"
        "rhea_syscall_begin:\n"
        "    cmpl $0, (%r11)\n"
        "    jne rhea_syscall_out\n"
        "    syscall\n"
        "rhea_syscall_end:\n"
        "    ret\n"
        "rhea_syscall_out:\n"
        "    movq $-512, %rax\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size rhea_syscall, . - rhea_syscall\n");
#elif defined(__aarch64__)
#define HAS_RANGE 1
#define CONTEXT_PC(context) (context)->uc_mcontext.pc
__asm__(".text\n"
        ".type rhea_syscall, %function\n"
        "rhea_syscall:\n"
        "    .cfi_startproc\n"
        "    mov x9, x0\n"
        "    mov x8, x1\n"
        "    mov x10, x2\n"
        "    ldp x0, x1, [x10]\n"
        "    ldp x2, x3, [x10, 16]\n"
        "    ldp x4, x5, [x10, 32]\n"
        "rhea_syscall_begin:\n"
        "    ldr w11, [x9]\n"
        "    cbnz w11, rhea_syscall_out\n"
        "    svc 0\n"
        "rhea_syscall_end:\n"
        "    ret\n"
        "rhea_syscall_out:\n"
        "    mov x0, -512\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size rhea_syscall, . - rhea_syscall\n");
#elif defined(__riscv) && __riscv_xlen == 64
#define HAS_RANGE 1
#define CONTEXT_PC(context) (context)->uc_mcontext.__gregs[REG_PC]
__asm__(".text\n"
        ".type rhea_syscall, @function\n"
        "rhea_syscall:\n"
        "    .cfi_startproc\n"
        "    mv t0, a0\n"
        "    mv a7, a1\n"
        "    mv t1, a2\n"
        "    ld a0, 0(t1)\n"
        "    ld a1, 8(t1)\n"
        "    ld a2, 16(t1)\n"
        "    ld a3, 24(t1)\n"
        "    ld a4, 32(t1)\n"
        "    ld a5, 40(t1)\n"
        "rhea_syscall_begin:\n"
        "    lw t1, 0(t0)\n"
        "    bnez t1, rhea_syscall_out\n"
        "    ecall\n"
        "rhea_syscall_end:\n"
        "    ret\n"
        "rhea_syscall_out:\n"
        "    li a0, -512\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size rhea_syscall, . - rhea_syscall\n");
#endif

#ifdef HAS_RANGE
long rhea_syscall(const volatile uint32_t *kick, long number, const long args[6]);
extern const char rhea_syscall_begin[], rhea_syscall_end[], rhea_syscall_out[];

long host_syscall(const volatile uint32_t *kick, long number, const long args[6])
{
    return rhea_syscall(kick, number, args);
}

void host_interrupted(void *context)
{
    ucontext_t *uc = context;
    uintptr_t pc = (uintptr_t)CONTEXT_PC(uc);

    if (pc >= (uintptr_t)rhea_syscall_begin && pc < (uintptr_t)rhea_syscall_end)
        CONTEXT_PC(uc) = (uintptr_t)rhea_syscall_out;
}
#else
long host_syscall(const volatile uint32_t *kick, long number, const long args[6])
{
    long result;

    if (*kick)
        return -HOST_RESTART;
    result = syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
    return result == -1 ? -errno : result;
}

void host_interrupted(void *context)
{
    (void)context;
}
#endif

void host_block_signals_after(void *context)
{
    enum { KERNEL_SIGSET = 8 }; /* bytes; what follows belongs to others */
    ucontext_t *uc = context;
    sigset_t all;

    memset(&all, 0xff, sizeof(all)); /* sigfillset leaves some out */
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    memcpy(&uc->uc_sigmask, &all, KERNEL_SIGSET);
}
