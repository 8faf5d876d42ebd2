/* pmp.S - a bare program: code that ran often enough to be compiled, and then may be
 * executed no more, for its upper part: physical memory protection divides its page.
 *
 * Ends with status 0 when the fault is where protection begins; 1: it is elsewhere, or
 * something else; 2: there is none. */
#define TEST 0x100000 /* sifive-test */
#define TURNS 5000

    .globl _start
_start:
    la t0, trap
    csrw mtvec, t0
    li s0, TURNS
1:  call work
    addi s0, s0, -1
    bnez s0, 1b

    la t0, border /* [border, end): reads, for M, too */
    srli t0, t0, 2
    csrw pmpaddr0, t0
    la t0, end
    srli t0, t0, 2
    csrw pmpaddr1, t0
    li t0, 0x8900 /* locked, top of range, R */
    csrw pmpcfg0, t0
    sfence.vma
    call work
    li a0, 2
    j finish

trap:
    li a0, 1
    csrr t0, mcause
    bne t0, a0, finish /* instruction access fault */
    csrr t0, mepc
    la t1, border
    bne t0, t1, finish
    csrr t0, mtval
    bne t0, t1, finish
    li a0, 0

finish:
    slli a0, a0, 16
    li t0, 0x5555
    beqz a0, 1f
    li t0, 0x3333
    or t0, t0, a0
1:  li t1, TEST
    sw t0, 0(t1)
2:  j 2b

    .balign 4096
work: /* a loop that leaves the part that stays, and comes back */
    li t0, 4
1:  addi t0, t0, -1
    j behind
2:  bnez t0, 1b
    ret
    .balign 64
    .option norvc
behind:
    nop
border:
    nop
    j 2b
    .balign 4096
end:
