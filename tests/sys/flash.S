# Erases the second bank's first block, programs a word there, reads it back in between,
# and ends with the number of the first thing that was not as it must be; 0: all was.
        .globl _start
_start: li s0, 0x22000000
        lw t0, (s0)             # in the TLB from here on
        li a0, 1
        li t1, 0x200020
        sw t1, (s0)
        li t1, 0xd000d0
        sw t1, (s0)
        lw t0, (s0)             # not memory any more: the status
        li t1, 0x800080
        bne t0, t1, end
        li a0, 2
        li t1, 0xff00ff
        sw t1, (s0)
        lw t0, (s0)
        li t1, -1
        bne t0, t1, end
        li a0, 3
        li t1, 0x400040
        sw t1, (s0)
        li t2, 0x64636261
        sw t2, (s0)
        lw t0, (s0)
        li t1, 0x800080
        bne t0, t1, end
        li a0, 4
        li t1, 0xff00ff
        sw t1, (s0)
        lw t0, (s0)
        bne t0, t2, end
        li a0, 0
end:    slli a0, a0, 16
        li t1, 0x3333
        or a0, a0, t1
        li t0, 0x100000
        sw a0, (t0)
1:      j 1b
