# Hot code that is what it was, something else, and what it was again; after each a number
# that all of it has made.  Right at any address.  K: what makes another program.
#ifndef K
#define K 1
#endif
        .option norvc
        .globl _start
_start: csrr t0, mhartid
0:      bnez t0, 0b
        li s0, 3
        li s4, K
        la s5, buffer
phase:  li s1, 300
1:      mv a0, s4
        jal mix
        mv s4, a0
        addi s1, s1, -1
        bnez s1, 1b
        li s2, 60
2:      srl t0, s4, s2          # as hexadecimal digits
        andi t0, t0, 15
        addi t0, t0, '0'
        li t1, '9'
        ble t0, t1, 3f
        addi t0, t0, 'a' - '9' - 1
3:      li t1, 0x10000000
        sb t0, (t1)
        addi s2, s2, -4
        bgez s2, 2b
        li t0, '\n'
        sb t0, (t1)
        la t0, step             # the two instructions change places
        lw t1, (t0)
        la t2, other
        lw t3, (t2)
        sw t3, (t0)
        sw t1, (t2)
        fence.i
        addi s0, s0, -1
        bnez s0, phase
        li t0, 0x100000
        li t1, 0x5555
        sw t1, (t0)
4:      j 4b

mix:    li t0, 50
1:      slli t1, a0, 7
        xor a0, a0, t1
        sd a0, (s5)
        srli t1, a0, 9
        lw t2, 4(s5)
        xor a0, a0, t1
        add a0, a0, t2
step:   addi a0, a0, K
        addi t0, t0, -1
        bnez t0, 1b
        ret
other:  addi a0, a0, K + 2
        .skip 4096              # what is stored is not in a page with code
        .balign 8
buffer: .8byte 0
