# semihosting_user.S - calls its host from U-mode to end with 7; where that is a breakpoint
# after all, M-mode ends with its cause.
        .option norvc
        .globl _start
_start: bnez a0, _start
        la t0, trap
        csrw mtvec, t0
        li t0, -1
        csrw pmpaddr0, t0       # U-mode may use all memory
        li t0, 0x1f
        csrw pmpcfg0, t0
        la t0, user
        csrw mepc, t0
        mret
user:   li a2, 7
        la a1, block
        sw a2, 8(a1)            # words of RV64
        li a0, 0x20
        .balign 16
        slli x0, x0, 0x1f
        ebreak
        srai x0, x0, 7
1:      j 1b
        .balign 4
trap:   csrr a2, mcause
        la a1, block
        sw a2, 8(a1)
        li a0, 0x20
        .balign 16
        slli x0, x0, 0x1f
        ebreak
        srai x0, x0, 7
1:      j 1b
        .balign 8
block:  .dword 0x20026, 0
