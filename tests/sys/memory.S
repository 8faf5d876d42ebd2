# Counts its starts at 1 MiB of RAM and says how many; writes a number at 1.1 MiB, one more each
# time, until the host has written something at 1.2 MiB; says whether what it had left at
# 4 MiB is there (k), lost (z) or something else, and that memory there can be written (w).
        .globl _start
_start: li s0, 0x10000000
        li s1, 0x80100000
        li s2, 0x80400000
        li t0, 0x55
        sd t0, (s2)
        ld t0, (s1)
        addi t0, t0, 1
        sd t0, (s1)
        addi t0, t0, '0'
        sb t0, (s0)
        li t1, 0x80110000
        li t2, 0x80120000
1:      ld t0, (t1)
        addi t0, t0, 1
        sd t0, (t1)
        ld t0, (t2)
        beqz t0, 1b
        ld t0, (s2)
        li t1, 'z'
        beqz t0, 2f
        li t1, 'k'
        addi t0, t0, -0x55
        beqz t0, 2f
        li t1, '?'
2:      sb t1, (s0)
        sd s2, (s2)
        ld t0, (s2)
        bne t0, s2, 3f
        li t1, 'w'
        sb t1, (s0)
3:      li t0, 0x100000
        li t1, 0x73333
        sw t1, (t0)
4:      j 4b
