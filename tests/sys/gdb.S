# For gdb.test: CPU 0 counts, then goes to supervisor mode and high addresses, where it
# spins until `flag` is set, and ends with status 7; CPU 1 waits for an interrupt that
# never comes, and would then count.
        .globl _start, work, high, spin, second, awake, count, flag, mark, stored, loaded, other
_start: csrr s0, mhartid
        bnez s0, second
        lla s1, count
        li t0, 0x6000
        csrs mstatus, t0
        li a0, 5
        fcvt.d.l fa0, a0
1:      call work
        sd a0, (s1)
stored: li t0, 8
        bltu a0, t0, 1b

        li t0, -1               # all memory is S's, too
        csrw pmpaddr0, t0
        li t0, 0x1f
        csrw pmpcfg0, t0
        lla t0, table            # 0xffffffc000000000 is 0x80000000, and 0 is devices
        li t1, 0x200000cf
        li t2, 2048
        add t2, t0, t2
        sd t1, (t2)
        li t1, 0xcf
        sd t1, (t0)
        srli t0, t0, 12
        li t1, 8 << 60
        or t0, t0, t1
        csrw satp, t0
        sfence.vma
        li t0, 0x1800
        csrc mstatus, t0
        li t0, 0x0800
        csrs mstatus, t0
        lla t0, high
        li t1, 0xffffffc000000000 - 0x80000000
        add t0, t0, t1
        csrw mepc, t0
        mret

work:   addi a0, a0, 1
        ret

high:   lla s1, flag
        li a1, 0
spin:   addi a1, a1, 1
        ld t0, (s1)
loaded: beqz t0, spin
        li t0, 0x100000
        li t1, 0x73333
        sw t1, (t0)
2:      j 2b

second: wfi
awake:  addi a2, a2, 1
        j awake
other:  sd a2, 4(a3)            # only where gdb sends it
        amoadd.d a2, a2, (a3)
        j other

        .data
        .balign 4096
table:  .zero 4096
count:  .quad 0
flag:   .quad 0
mark:   .quad 0, 0
