# Says hello; then, if something was typed, that up to a dot; ends with status 7.
        .globl _start
_start: li s0, 0x10000000
        la s1, text
1:      lbu t0, (s1)
        beqz t0, 2f
        sb t0, (s0)
        addi s1, s1, 1
        j 1b
2:      li s2, 3000000          # long enough for a byte that is on its way
3:      lbu t0, 5(s0)
        andi t0, t0, 1
        bnez t0, 4f
        addi s2, s2, -1
        bnez s2, 3b
        j 6f
4:      lbu t0, (s0)
        li t1, '.'
        beq t0, t1, 5f
        sb t0, (s0)
        j 2b
5:      li t0, ' '
        sb t0, (s0)
6:      li t0, 0x100000
        li t1, 0x73333
        sw t1, (t0)
7:      j 7b
text:   .asciz "hello "
