# For icount.test: prints, in hex, when the timer's interrupt comes, what a wait for it
# takes, what the other CPUs have counted meanwhile, and the wall clock; ends.
        .globl _start
_start: csrr t0, mhartid
        bnez t0, others
        lla t0, due
        csrw mtvec, t0
        li s1, 0x2004000        # mtimecmp of CPU 0
        li t0, 1000             # 100,000 ns
        sd t0, (s1)
        li t0, 0x80
        csrw mie, t0
        csrsi mstatus, 8
1:      addi a1, a1, 1
        j 1b
        .balign 4
due:    csrr s2, minstret
        csrr s3, time
        mv a0, s2               # instructions in front of the interrupt
        call print
        mv a0, s3
        call print

        csrr s4, mcycle
        csrr t0, time
        li t1, 10000            # 1 ms
        add s5, t0, t1
        sd s5, (s1)
        wfi
        csrr t0, time
        sub a0, t0, s5          # how late
        call print
        csrr t0, mcycle
        sub a0, t0, s4
        call print

        li t0, 200000
2:      addi t0, t0, -1
        bnez t0, 2b
        lla t0, counter
        ld a0, (t0)
        call print
        li t0, 0x101000         # the goldfish RTC
        lwu a0, (t0)
        lwu t1, 4(t0)
        slli t1, t1, 32
        or a0, a0, t1
        call print
        li t0, 0x100000
        li t1, 0x5555
        sw t1, (t0)
3:      j 3b

others: lla t0, counter
        li t1, 1
4:      amoadd.d zero, t1, (t0)
        j 4b

print:  li t0, 60
5:      srl t1, a0, t0
        andi t1, t1, 15
        addi t1, t1, '0'
        li t2, '9'
        ble t1, t2, 6f
        addi t1, t1, 'a' - '9' - 1
6:      li t2, 0x10000000
        sb t1, (t2)
        addi t0, t0, -4
        bgez t0, 5b
        li t1, '\n'
        sb t1, (t2)
        ret

        .data
        .balign 8
counter: .quad 0
