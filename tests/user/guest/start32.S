# start32.S - start code of riscv32 programs without a libc: main(sp), then exit.
    .globl _start
_start:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    mv a0, sp
    andi sp, sp, -16
    call main
    li a7, 94
    ecall

# long syscall6(number, a, b, c, d, e, f)
    .globl syscall6
syscall6:
    mv t0, a0
    mv a0, a1
    mv a1, a2
    mv a2, a3
    mv a3, a4
    mv a4, a5
    mv a5, a6
    mv a7, t0
    ecall
    ret
