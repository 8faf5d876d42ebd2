# Says hello (`>`), then echoes what comes on the serial line; `q` ends it with status 7,
# `f` writes 10,000 bytes as fast as the line takes them, and then `F`.  It sleeps while
# nothing comes.
        .globl _start
_start: csrr t0, mhartid
        bnez t0, park
        li s0, 0x10000000
        li t0, 1
        sb t0, 1(s0)            # IER: a line when something is there
        li s2, 0xc000000        # PLIC
        sw t0, 40(s2)           # priority of 10
        li t1, 0x2000
        add t1, t1, s2
        li t2, 1 << 10
        sw t2, (t1)             # enabled for hart 0, M
        li s3, 0x200000
        add s3, s3, s2
        sw zero, (s3)           # threshold
        li t0, 0x800
        csrw mie, t0            # MEIE; mstatus.MIE stays clear: wfi goes on
        li a0, '>'
        call put
1:      lbu t0, 5(s0)
        andi t0, t0, 1
        bnez t0, 3f
        wfi
        lw t0, 4(s3)            # claim, complete
        sw t0, 4(s3)
        j 1b
3:      lbu a0, (s0)
        li t0, 'q'
        beq a0, t0, quit
        li t0, 'f'
        beq a0, t0, flood
        call put
        j 1b
flood:  li s1, 10000
2:      li a0, '.'
        call put
        addi s1, s1, -1
        bnez s1, 2b
        li a0, 'F'
        call put
        j 1b
put:    lbu t0, 5(s0)
        andi t0, t0, 0x20
        beqz t0, put
        sb a0, (s0)
        ret
quit:   li t0, 0x100000
        li t1, 0x73333
        sw t1, (t0)
park:   wfi
        j park
