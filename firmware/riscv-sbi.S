// riscv-sbi.S - rhea's own firmware for RISC-V machines: SBI 2.0 and no more than that.
//
// It is what runs in M-mode when there is no other firmware.  The build passes it through
// the C preprocessor (XLEN: 64 or 32) and assembles it from rhea's own spec, at address 0:
// labels are offsets, and all code and data are reached from where the first instruction
// lies (tp).  src/sys/boot_riscv.c puts it at the start of RAM, with the words at
// `platform` filled in, and tells the guest that 64 KiB are taken; pmpaddr0 says so, too.
// The first 8 KiB are code; behind them is what each hart has of its own.
//
// Extensions: Base, TIME, IPI, RFENCE, HSM, SRST, DBCN, and of the legacy ones set_timer,
// the console and shutdown.  All traps but calls from S-mode are delegated.
// Not there: misaligned accesses, other harts' performance counters, hypervisor fences.
//
// Spec: RISC-V Supervisor Binary Interface 2.0.

#if XLEN == 64
#define LR ld
#define SR sd
#else
#define LR lw
#define SR sw
#endif

// Errors of the SBI.
#define NOT_SUPPORTED     -2
#define INVALID_PARAM     -3
#define ALREADY_AVAILABLE -6

// What a hart has of its own, 512 bytes from AREAS on, found by mscratch and, in here, by
// sp: the interrupted registers, x1 at 8 and so on, and these.
#define AREAS     2           /* pages behind the start */
#define BASE      0(sp)       /* the start, for tp */
#define A0        80
#define A1        88
#define STATE     256         /* as HSM numbers it */
#define GO        260         /* not 0: START and ARGUMENT are there */
#define START     264
#define ARGUMENT  272
#define KINDS     280         /* what it is asked for: bits; 1, 2: fence.i, sfence.vma */
#define ASKED     284         /* how often it was asked for something */
#define DONE      288         /* ... up to which of those it has done */
#define HARTID    296
#define FENCE_I    1
#define SFENCE_VMA 2
#define SOFTWARE   4          /* an interrupt of S-mode */

#define STARTED       0
#define STOPPED       1
#define START_PENDING 2
#define SUSPENDED     4

start:  auipc tp, 0
        j begin

// ---- filled in by the loader; no uart or test: 0

platform:
uart:   .8byte 0              // a 16550
clint:  .8byte 0              // software interrupts, and the timer where there is no Sstc
test:   .8byte 0              // SiFive's test finisher
harts:  .8byte 0
entry:  .8byte 0              // what hart 0 begins with in S-mode
tree:   .8byte 0              // ... and its a1
guard:  .8byte 0              // pmpaddr0: this firmware, NAPOT

ready:  .4byte 0              // the harts' areas are
sstc:   .4byte 0              // stimecmp is there

// ---- extensions, and where they begin

table:  .4byte 0x10, base
        .4byte 0x54494d45, time
        .4byte 0x00735049, ipi
        .4byte 0x52464e43, rfence
        .4byte 0x0048534d, hsm
        .4byte 0x53525354, srst
        .4byte 0x4442434e, dbcn
        .4byte 0, set_timer
        .4byte 1, old_putchar
        .4byte 2, get_byte
        .4byte 8, old_shutdown
        .4byte 0, 0

banner: .asciz "rhea SBI 2.0\r\n"
        .balign 4

// ---- start: every hart, tp = start

begin:  jal t0, set_handler   // t0: what follows

// ---- traps

trap:   csrrw sp, mscratch, sp
        SR x1, 8(sp)
        SR x3, 24(sp)
        SR x4, 32(sp)
        SR x5, 40(sp)
        SR x6, 48(sp)
        SR x7, 56(sp)
        SR x8, 64(sp)
        SR x9, 72(sp)
        SR x10, 80(sp)
        SR x11, 88(sp)
        SR x12, 96(sp)
        SR x13, 104(sp)
        SR x14, 112(sp)
        SR x15, 120(sp)
        SR x16, 128(sp)
        SR x17, 136(sp)
        SR x18, 144(sp)
        SR x19, 152(sp)
        SR x20, 160(sp)
        SR x21, 168(sp)
        SR x22, 176(sp)
        SR x23, 184(sp)
        SR x24, 192(sp)
        SR x25, 200(sp)
        SR x26, 208(sp)
        SR x27, 216(sp)
        SR x28, 224(sp)
        SR x29, 232(sp)
        SR x30, 240(sp)
        SR x31, 248(sp)
        csrr t0, mscratch
        SR t0, 16(sp)
        csrw mscratch, sp
        LR tp, BASE
        csrr t0, mcause
        bltz t0, interrupt
        li t1, 9              // a call from S-mode
        bne t0, t1, stray
        csrr t0, mepc
        addi t0, t0, 4
        csrw mepc, t0
        addi t0, tp, table
search: lw t1, 4(t0)
        beqz t1, unknown
        lw t2, 0(t0)
        addi t0, t0, 8
        bne t2, a7, search
        add t1, tp, t1
        jalr t1               // the extension: a0 to a6 are the caller's
        j return
unknown:
        li a0, NOT_SUPPORTED
        li a1, 0
return: SR a0, A0(sp)
        SR a1, A1(sp)
restore:
        LR x1, 8(sp)
        LR x3, 24(sp)
        LR x4, 32(sp)
        LR x5, 40(sp)
        LR x6, 48(sp)
        LR x7, 56(sp)
        LR x8, 64(sp)
        LR x9, 72(sp)
        LR x10, 80(sp)
        LR x11, 88(sp)
        LR x12, 96(sp)
        LR x13, 104(sp)
        LR x14, 112(sp)
        LR x15, 120(sp)
        LR x16, 128(sp)
        LR x17, 136(sp)
        LR x18, 144(sp)
        LR x19, 152(sp)
        LR x20, 160(sp)
        LR x21, 168(sp)
        LR x22, 176(sp)
        LR x23, 184(sp)
        LR x24, 192(sp)
        LR x25, 200(sp)
        LR x26, 208(sp)
        LR x27, 216(sp)
        LR x28, 224(sp)
        LR x29, 232(sp)
        LR x30, 240(sp)
        LR x31, 248(sp)
        LR x2, 16(sp)
        mret

interrupt:
        andi t0, t0, 63
        li t1, 3              // software
        bne t0, t1, timer
        jal obey
        j restore
timer:  li t1, 7
        bne t0, t1, stray
        li t0, 128            // until the next set_timer
        csrc mie, t0
        li t0, 32
        csrs mip, t0
        j restore

// What must not happen: the machine ends with a failure.
stray:  li a0, 0
        li a1, 1
        jal srst_reset
stuck:  wfi
        j stuck

// ---- the rest of the start

set_handler:
        csrw mtvec, t0
        csrr s0, mhartid
        LR t0, harts(tp)
        bgeu s0, t0, stuck
        slli sp, s0, 9
        lui t0, AREAS
        add sp, sp, t0
        add sp, sp, tp
        bnez s0, not_first
        jal set_areas
        jal say_hello
        li t0, 1
        fence rw, rw
        sw t0, ready(tp)
not_first:
        lw t0, ready(tp)
        beqz t0, not_first
        fence rw, rw
        csrw mscratch, sp
        jal set_registers
        j stopped

// All areas: stopped, but for hart 0, which is to go on with `entry`.
set_areas:
        LR t0, harts(tp)
        mv t1, sp
        li t2, 0
each_area:
        SR tp, 0(t1)
        SR t2, HARTID(t1)
        li t3, STOPPED
        sw t3, STATE(t1)
        sw zero, GO(t1)
        sw zero, KINDS(t1)
        sw zero, ASKED(t1)
        sw zero, DONE(t1)
        addi t1, t1, 512
        addi t2, t2, 1
        bltu t2, t0, each_area
        LR t0, entry(tp)
        SR t0, START(sp)
        LR t0, tree(tp)
        SR t0, ARGUMENT(sp)
        li t0, START_PENDING
        sw t0, STATE(sp)
        li t0, 1
        sw t0, GO(sp)
        ret

say_hello:
        mv s1, ra
        addi s2, tp, banner
each_letter:
        lbu a0, 0(s2)
        beqz a0, said
        jal put_byte
        addi s2, s2, 1
        j each_letter
said:   jr s1

// What S-mode may see and do.  Registers that a hart does not have are passed over: the
// handler is the instruction behind them meanwhile.
set_registers:
        mv s1, ra
        csrr s2, mtvec
        LR t0, guard(tp)
        jal t1, skip_pmp
        j no_pmp
skip_pmp:
        csrw mtvec, t1
        csrw pmpaddr0, t0
        li t0, -1
        csrw pmpaddr1, t0
        lui t0, 2             // 1: all of it, 0: nothing; both NAPOT
        addi t0, t0, -232     // 0x1f18
        csrw pmpcfg0, t0
no_pmp: jal t1, skip_environment
        j no_environment
skip_environment:
        csrw mtvec, t1
        li t0, 240            // cache block operations
        csrs menvcfg, t0
        li t0, 3              // STCE, PBMTE
#if XLEN == 64
        slli t0, t0, 62
        csrs menvcfg, t0
        csrr t0, menvcfg
#else
        slli t0, t0, 30
        csrs menvcfgh, t0
        csrr t0, menvcfgh
#endif
        bgez t0, no_environment
        li t0, 1
        sw t0, sstc(tp)
no_environment:
        csrw mtvec, s2
        lui t0, 11
        addi t0, t0, 511      // 0xb1ff: all exceptions but calls from S and M
        csrw medeleg, t0
        lui t0, 2
        addi t0, t0, 546      // 0x2222: counters, SEIP, STIP, SSIP
        csrw mideleg, t0
        li t0, -1
        csrw mcounteren, t0
        li t0, 7
        csrw scounteren, t0
        jr s1

// ---- harts that stop and start

// Does not return.  tp, sp: the hart's.
stopped:
        csrw mie, 8           // MSIE
park:   jal obey
        lw t0, GO(sp)
        bnez t0, leave
        wfi
        j park
leave:  sw zero, GO(sp)
        fence rw, rw
        csrw mie, 8
        li t0, 32
        csrc mip, t0
        lw t0, sstc(tp)
        beqz t0, to_supervisor
        li t0, -1
#if XLEN == 32
        csrw stimecmph, t0
#endif
        csrw stimecmp, t0

// To START, in S-mode, with interrupts off and addresses as they are.
to_supervisor:
        csrw satp, zero
        sfence.vma
        fence.i
        li t0, STARTED
        sw t0, STATE(sp)
        lui t0, 3
        addi t0, t0, -2048    // mstatus: MPP = S, FS = initial
        csrw mstatus, t0
        LR t0, START(sp)
        csrw mepc, t0
        LR a0, HARTID(sp)
        LR a1, ARGUMENT(sp)
        mret

// Base, RFENCE and the others: a6 is the function.

hsm:    li t0, 1
        beqz a6, hsm_start
        beq a6, t0, hsm_stop
        li t0, 2
        beq a6, t0, hsm_status
        li t0, 3
        beq a6, t0, hsm_suspend
        j unsupported

hsm_start:                    // hart, address, argument
        mv s0, ra
        jal find_hart
        li t2, STOPPED
        li t3, START_PENDING
        mv t6, t0
        addi t1, t6, STATE
claim:  lr.w.aq t4, (t1)
        bne t4, t2, not_stopped
        sc.w.rl t5, t3, (t1)
        bnez t5, claim
        SR a1, START(t6)
        SR a2, ARGUMENT(t6)
        fence rw, rw
        li t0, 1
        sw t0, GO(t6)
        jal ring
        mv ra, s0
        j fine
not_stopped:
        li a0, ALREADY_AVAILABLE
        li a1, 0
        jr s0

hsm_stop:
        li t0, STOPPED
        fence rw, rw
        sw t0, STATE(sp)
        j stopped

hsm_status:                   // hart
        mv s0, ra
        jal find_hart
        lw a1, STATE(t0)
        li a0, 0
        jr s0

hsm_suspend:                  // type, address, argument
#if XLEN == 64
        slli a0, a0, 32
        srai a0, a0, 32
#endif
        lui t0, 0x80000
        beq a0, t0, forgetting
        bnez a0, invalid
        li t0, SUSPENDED
        sw t0, STATE(sp)
        wfi
        sw zero, STATE(sp)
        j fine
forgetting:
        SR a1, START(sp)
        SR a2, ARGUMENT(sp)
        li t0, SUSPENDED
        sw t0, STATE(sp)
        wfi
        j to_supervisor

// Hart a0: its area in t0.  There is none: back to who called this extension (s0: ra).
find_hart:
        LR t0, harts(tp)
        bgeu a0, t0, no_hart
// The same where it is known that there is one.  t0, t1.
area_of:
        slli t0, a0, 9
        lui t1, AREAS
        add t0, t0, t1
        add t0, t0, tp
        ret
no_hart:
        mv ra, s0
        j invalid

// ---- harts that ask others

// Raises the software interrupt of the hart whose area t6 is.  t0, t1.
ring:   LR t0, clint(tp)
        LR t1, HARTID(t6)
        slli t1, t1, 2
        add t0, t0, t1
        li t1, 1
        fence rw, rw
        sw t1, 0(t0)
        ret

// Does what this hart was asked for, and lowers its software interrupt.  t0 to t3.
obey:   LR t0, clint(tp)
        LR t1, HARTID(sp)
        slli t1, t1, 2
        add t0, t0, t1
        sw zero, 0(t0)
        fence
        lw t0, ASKED(sp)
        addi t1, sp, KINDS
        amoswap.w.aqrl t2, zero, (t1)
        andi t3, t2, FENCE_I
        beqz t3, obey_sfence
        fence.i
obey_sfence:
        andi t3, t2, SFENCE_VMA
        beqz t3, obey_software
        sfence.vma
obey_software:
        srli t3, t2, 1        // SOFTWARE: SSIP
        andi t3, t3, 2
        csrs mip, t3
        fence rw, rw
        sw t0, DONE(sp)
        ret

ipi:    bnez a6, unsupported
        li s2, SOFTWARE
        j ask

// What fences are of is not looked at: all is.
rfence: li t0, 2
        li s2, FENCE_I
        beqz a6, ask
        li s2, SFENCE_VMA
        bleu a6, t0, ask
        j unsupported

// Asks the harts of the mask a0, whose bit 0 is hart a1 (-1: all there are), for s2, and,
// but for SOFTWARE, waits until they have done it.
// s0: ra; s1: mask; s3: harts; s4: the first; s5: all; s6: the hart; t6: its area.
ask:    mv s0, ra
        mv s1, a0
        mv s4, a1
        LR s3, harts(tp)
        li t0, -1
        sub s5, s4, t0
        seqz s5, s5
        bnez s5, ask_begin
        beqz s1, ask_done
        bgeu s4, s3, ask_wrong
        sub t0, s3, s4        // bits that there are
        li t1, XLEN
        bgeu t0, t1, ask_begin
        srl t1, s1, t0
        bnez t1, ask_wrong
ask_begin:
        li s6, 0
ask_next:
        jal is_asked
        beqz t0, ask_skip
        lw t0, STATE(t6)
        andi t0, t0, 3        // neither stopped nor about to start
        bnez t0, ask_skip
        addi t1, t6, KINDS
        amoor.w.aqrl zero, s2, (t1)
        addi t1, t6, ASKED
        li t2, 1
        amoadd.w.aqrl zero, t2, (t1)
        jal ring
ask_skip:
        addi s6, s6, 1
        bltu s6, s3, ask_next
        li t0, SOFTWARE
        beq s2, t0, ask_done
        li s6, 0
wait_next:
        jal is_asked
        beqz t0, wait_skip
        lw s7, ASKED(t6)
wait:   lw t0, DONE(t6)
        sub t0, t0, s7
        bgez t0, wait_skip
        lw t0, ASKED(sp)      // this hart is asked meanwhile: by one that waits, too
        lw t1, DONE(sp)
        beq t0, t1, wait
        jal obey
        j wait
wait_skip:
        addi s6, s6, 1
        bltu s6, s3, wait_next
        fence rw, rw
ask_done:
        mv ra, s0
        j fine
ask_wrong:
        mv ra, s0
        j invalid

// Whether hart s6 is meant: t0; its area: t6.
is_asked:
        mv s8, ra
        mv a0, s6
        jal area_of
        mv t6, t0
        li t0, 1
        bnez s5, is_meant
        sub t1, s6, s4
        li t2, XLEN
        li t0, 0
        bgeu t1, t2, is_meant
        srl t0, s1, t1
        andi t0, t0, 1
is_meant:
        jr s8

// ---- what all extensions end with

unsupported:
        li a0, NOT_SUPPORTED
        li a1, 0
        ret
invalid:
        li a0, INVALID_PARAM
        li a1, 0
        ret
fine:   li a0, 0
        li a1, 0
        ret

// ---- base

base:   li t0, 7
        bgeu a6, t0, unsupported
        li t0, 3
        mv t1, a0
        li a0, 0
        beq a6, t0, probe
        lui a1, 0x2000        // specification 2.0
        beqz a6, based
        li t0, 1
        lui a1, 0x72686
        addi a1, a1, 0x561    // "rhea"
        beq a6, t0, based
        li t0, 2
        li a1, 1
        beq a6, t0, based
        li t0, 4
        csrr a1, mvendorid
        beq a6, t0, based
        li t0, 5
        csrr a1, marchid
        beq a6, t0, based
        csrr a1, mimpid
based:  ret

probe:  addi t0, tp, table
        li a1, 0
probe_next:
        lw t2, 4(t0)
        beqz t2, based
        lw t2, 0(t0)
        addi t0, t0, 8
        bne t2, t1, probe_next
        li a1, 1
        ret

// ---- time

time:   bnez a6, unsupported
set_timer:                    // a1 is only changed where it was part of the time
        li t0, 32
        lw t1, sstc(tp)
        beqz t1, with_clint
#if XLEN == 64
        csrw stimecmp, a0
#else
        li t1, -1
        csrw stimecmp, t1
        csrw stimecmph, a1
        csrw stimecmp, a0
#endif
        li a0, 0
        ret
with_clint:
        LR t1, clint(tp)
        LR t2, HARTID(sp)
        slli t2, t2, 3
        add t1, t1, t2
        lui t2, 4
        add t1, t1, t2        // mtimecmp
#if XLEN == 64
        sd a0, 0(t1)
#else
        li t2, -1
        sw t2, 0(t1)
        sw a1, 4(t1)
        sw a0, 0(t1)
#endif
        csrc mip, t0          // STIP
        li t0, 128            // MTIE
        csrs mie, t0
        li a0, 0
        ret

// ---- reset

old_shutdown:
        li a0, 0
        li a1, 0
        j srst_reset
srst:   bnez a6, unsupported
srst_reset:                   // type, reason
        li t0, 2
        bgtu a0, t0, invalid
        li t0, 1
        bgtu a1, t0, invalid
        LR t1, test(tp)
        beqz t1, unsupported
        lui t2, 7
        addi t2, t2, 0x777
        bnez a0, finish       // reboot
        lui t2, 5
        addi t2, t2, 0x555
        beqz a1, finish
        lui t2, 3
        addi t2, t2, 0x333    // a failure: status 1
        lui t0, 0x10
        or t2, t2, t0
finish: fence
        sw t2, 0(t1)
        j stuck

// ---- console

// Sends a0, as soon as there is room.  t0, t1.
put_byte:
        LR t0, uart(tp)
        beqz t0, no_console
full:   lbu t1, 5(t0)
        andi t1, t1, 32
        beqz t1, full
        sb a0, 0(t0)
no_console:
        ret

// a0: what was typed, or -1.  t0, t1.
get_byte:
        LR t0, uart(tp)
        li a0, -1
        beqz t0, no_console
        lbu t1, 5(t0)
        andi t1, t1, 1
        beqz t1, no_console
        lbu a0, 0(t0)
        ret

old_putchar:
        mv s0, ra
        jal put_byte
        li a0, 0
        jr s0

dbcn:   li t0, 1
        beqz a6, dbcn_bytes
        beq a6, t0, dbcn_bytes
        li t0, 2
        bne a6, t0, unsupported
        mv s0, ra
        jal put_byte
        mv ra, s0
        j fine

// Writes (a6 = 0) or reads a0 bytes at a1, a2 above it.  Where there is no memory, the
// handler is `dbcn_stray` meanwhile.  s0: ra; s1: where; s2: its end; s3 to s5: what is
// put back.
dbcn_bytes:
        bnez a2, invalid
        add t1, a1, a0
        bltu t1, a1, invalid
        lui t0, 16            // this firmware is not the caller's
        add t0, t0, tp
        bgeu a1, t0, dbcn_allowed
        bgtu t1, tp, invalid
dbcn_allowed:
        mv s0, ra
        mv s1, a1
        mv s2, t1
        csrr s3, mtvec
        csrr s4, mepc
        csrr s5, mstatus
        jal t0, dbcn_begin
dbcn_stray:
        csrw mtvec, s3
        csrw mepc, s4
        csrw mstatus, s5
        mv ra, s0
        j invalid
dbcn_begin:
        csrw mtvec, t0
        bnez a6, dbcn_read
dbcn_write:
        bgeu s1, s2, dbcn_end
        lbu a0, 0(s1)
        jal put_byte
        addi s1, s1, 1
        j dbcn_write
dbcn_read:
        bgeu s1, s2, dbcn_end
        jal get_byte
        bltz a0, dbcn_end
        sb a0, 0(s1)
        addi s1, s1, 1
        j dbcn_read
dbcn_end:
        csrw mtvec, s3
        sub a1, s1, a1
        li a0, 0
        jr s0
