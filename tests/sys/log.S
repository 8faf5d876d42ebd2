# For log.test: twenty accesses of a width that the serial line does not take, two traps, a
# flush; ends.
        .option norvc
        .globl _start
_start: lla t0, trap
        csrw mtvec, t0
        li t0, 0x10000000
        li t1, 20
1:      sh zero, (t0)
        addi t1, t1, -1
        bnez t1, 1b
        li t1, 0x83
        sb t1, 3(t0)            # LCR
        lbu t1, 3(t0)
        ecall
        li t0, 0x18000000
        ld t0, (t0)             # nothing is there
        sfence.vma
        li t0, 0x100000
        li t1, 0x5555
        sw t1, (t0)
2:      j 2b
        .balign 4
trap:   csrr t2, mepc
        addi t2, t2, 4
        csrw mepc, t2
        mret
