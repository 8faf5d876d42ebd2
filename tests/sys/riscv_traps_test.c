/* riscv_traps_test.c - traps, interrupts, their delegation, timers and waits. */
#include "riscv_rig.h"
#include "run_cases.h"

static const char *const isas[] = { "riscv64", "riscv32" };
static const char *const models[] = { "rv64max", "rv32max" };

/* Once for each width. */
static void start(unsigned i)
{
    start_with(isas[i], models[i], &interp_engine);
    put("mtvec", RAM + 0xf00);
    put("stvec", RAM + 0xe00);
    put("mcause", 0);
}

static uint64_t interrupt_bit(void)
{
    return UINT64_C(1) << (rig.is_64 ? 63 : 31);
}

static void start_s(unsigned i)
{
    start(i);
    use_tables(SV39);
    put("prv", LEVEL_S);
}

static void enter_at(uint64_t pc, unsigned level, uint32_t insn)
{
    if (peek(CODE, 4) != insn)
        poke(CODE, insn, 4);
    put("prv", level);
    rig.cpu->pc = pc;
}

/* ---------------------------------------------------------------------- traps */

START_TEST(a_trap_goes_to_machine_mode_or_where_it_is_delegated)
{
    start_s(_i);
    for (unsigned i = 0; i < 2; i++) {
        put("medeleg", i << 9);
        put("mstatus", 0xa | 0 << 8);
        enter_at(CODE, LEVEL_S, ECALL);
        step();
        ck_assert_uint_eq(rig.cpu->pc, RAM + (i ? 0xe00 : 0xf00));
        ck_assert_uint_eq(get("prv"), i ? LEVEL_S : LEVEL_M);
        ck_assert_uint_eq(get(i ? "scause" : "mcause"), 9);
        ck_assert_uint_eq(get(i ? "sepc" : "mepc"), CODE);
        ck_assert_uint_eq(get(i ? "stval" : "mtval"), 0);
        /* SIE to SPIE and S to SPP, or MIE to MPIE and S to MPP */
        ck_assert_uint_eq(get("mstatus"), i ? 0x8 | 0x20 | 0x100 : 0x2 | 0x80 | 0x800);
    }
    put("medeleg", 0xffff); /* from M it stays in M */
    enter_at(CODE, LEVEL_M, EBREAK);
    step();
    ck_assert_uint_eq(rig.cpu->pc, RAM + 0xf00);
    ck_assert_uint_eq(get("mcause"), 3);
    finish();
}
END_TEST

START_TEST(ecall_says_who_calls)
{
    start_s(_i);
    for (unsigned level = 0; level < 4; level++)
        if (level != 2) {
            map(CODE, CODE, V | R | W | X | A | D | (level ? 0 : U), 0);
            write_csr(CSR_SATP, get("satp"));
            enter_at(CODE, level, ECALL);
            step();
            ck_assert_uint_eq(get("mcause"), 8 + level);
            ck_assert_uint_eq(get("mstatus") >> 11 & 3, level);
            put("mstatus", 0);
            map(CODE, CODE, V | R | W | X | A | D, 0);
        }
    finish();
}
END_TEST

START_TEST(an_illegal_instruction_is_its_own_value)
{
    start_s(_i);
    ck_assert_uint_eq(execute(MRET, 0), ILLEGAL);
    ck_assert_uint_eq(get("mtval"), MRET);
    ck_assert_uint_eq(execute(csr_insn(0x300, CSRRS, 0, A1), 0), ILLEGAL);
    ck_assert_uint_eq(get("mtval"), csr_insn(0x300, CSRRS, 0, A1));
    poke(CODE, 0, 4);
    enter_at(CODE, LEVEL_S, 0);
    step();
    ck_assert_uint_eq(get("mcause"), ILLEGAL);
    ck_assert_uint_eq(get("mtval"), 0);
    /* longer than any */
    ck_assert_uint_eq(execute(0xffffffff, DATA), ILLEGAL);
    ck_assert_uint_eq(get("mtval"), 0xffffffff);
    /* flw while FS is off */
    ck_assert_uint_eq(execute(0x00052507, DATA), ILLEGAL);
    ck_assert_uint_eq(get("mtval"), 0x00052507);
    finish();
}
END_TEST

START_TEST(a_breakpoint_is_where_it_is)
{
    start(_i);
    enter_at(CODE, LEVEL_M, EBREAK);
    step();
    ck_assert_uint_eq(get("mcause"), 3);
    ck_assert_uint_eq(get("mepc"), CODE);
    finish();
}
END_TEST

START_TEST(returns_restore_what_was)
{
    start_s(_i);
    put("prv", LEVEL_M);
    put("mepc", CODE + 0x100);
    put("mstatus", 1 << 17 | LEVEL_S << 11 | 0x80);
    enter_at(CODE, LEVEL_M, MRET);
    step();
    ck_assert_uint_eq(rig.cpu->pc, CODE + 0x100);
    ck_assert_uint_eq(get("prv"), LEVEL_S);
    ck_assert_uint_eq(get("mstatus"), 0x88); /* MPRV is gone, MPP is U */
    put("sepc", CODE + 0x200);
    put("mstatus", 0x100);
    enter_at(CODE, LEVEL_S, SRET);
    step();
    ck_assert_uint_eq(rig.cpu->pc, CODE + 0x200);
    ck_assert_uint_eq(get("prv"), LEVEL_S);
    ck_assert_uint_eq(get("mstatus"), 0x20);
    finish();
}
END_TEST

START_TEST(machine_mode_can_forbid_what_s_does)
{
    static const struct {
        unsigned bit;
        uint32_t insn;
    } forbidden[] = {
        { 20, SFENCE },
        { 20, 0x16000073 },
        { 21, WFI },
        { 22, SRET },
    };

    start_s(_i);
    put("sepc", CODE + 4);
    for (unsigned i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        put("mstatus", 0x100);
        ck_assert_uint_eq(execute(forbidden[i].insn, 0), 0);
        rig.m.waits = false;
        put("mstatus", 0x100 | 1 << forbidden[i].bit);
        ck_assert_uint_eq(execute(forbidden[i].insn, 0), ILLEGAL);
        ck_assert_uint_eq(get("mtval"), forbidden[i].insn);
    }
    finish();
}
END_TEST

/* ----------------------------------------------------------------- interrupts */

static void raise_line(const char *name)
{
    rig.m.lines |= UINT64_C(1) << rig.m.machine->line(name);
}

/* Takes one from code at CODE of that level; its number, or -1. */
static int interrupt(unsigned level, bool *is_s)
{
    put("prv", level);
    rig.cpu->pc = CODE;
    rig.m.machine->interrupt(rig.cpu);
    if (rig.cpu->pc == CODE)
        return -1;
    *is_s = get("prv") == LEVEL_S;
    ck_assert_uint_eq(get(*is_s ? "sepc" : "mepc"), CODE);
    ck_assert_uint_eq(get(*is_s ? "scause" : "mcause") & interrupt_bit(),
                      interrupt_bit());
    return (int)(get(*is_s ? "scause" : "mcause") & 63);
}

START_TEST(the_most_important_interrupt_is_first)
{
    static const int order[] = { 11, 3, 7, 9, 1, 5 };
    bool is_s;

    start(_i);
    rig.m.lines = 0xaaa;
    put("mie", 0xaaa);
    for (unsigned i = 0; i < 6; i++) {
        put("mstatus", 8);
        ck_assert_int_eq(interrupt(LEVEL_M, &is_s), order[i]);
        ck_assert(!is_s);
        rig.m.lines &= ~(UINT64_C(1) << order[i]);
    }
    ck_assert_int_eq(interrupt(LEVEL_M, &is_s), -1);
    finish();
}
END_TEST

START_TEST(machine_mode_is_before_what_is_delegated)
{
    bool is_s;

    start(_i);
    rig.m.lines = 0x222;
    put("mie", 0x222);
    put("mideleg", 0x202);
    put("mstatus", 2);
    ck_assert_int_eq(interrupt(LEVEL_S, &is_s), 5); /* not delegated: M's */
    ck_assert(!is_s);
    rig.m.lines = 0x202;
    put("mstatus", 2);
    ck_assert_int_eq(interrupt(LEVEL_S, &is_s), 9);
    ck_assert(is_s);
    finish();
}
END_TEST

START_TEST(levels_and_enables_say_who_is_interrupted)
{
    bool is_s;

    start(_i);
    put("mideleg", 0x222);
    put("mie", 0xaaa);
    for (unsigned level = 0; level < 4; level += 1 + (level == 1))
        for (unsigned enables = 0; enables < 4; enables++)
            for (unsigned machine = 0; machine < 2; machine++) {
                bool mie = enables & 1, sie = enables & 2;
                bool taken = machine ? level < LEVEL_M || mie
                                     : level == LEVEL_U || (level == LEVEL_S && sie);

                rig.m.lines = machine ? 0x800 : 0x200;
                put("mstatus", (mie ? 8 : 0) | (sie ? 2 : 0));
                ck_assert_int_eq(interrupt(level, &is_s), !taken ? -1 : machine ? 11 : 9);
            }
    put("mie", 0);
    ck_assert_int_eq(interrupt(LEVEL_U, &is_s), -1);
    finish();
}
END_TEST

START_TEST(interrupts_have_places_of_their_own_and_exceptions_one)
{
    bool is_s;

    start(_i);
    put("mtvec", (RAM + 0xf00) | 1);
    raise_line("mtip");
    put("mie", 0x80);
    ck_assert_int_eq(interrupt(LEVEL_U, &is_s), 7);
    ck_assert_uint_eq(rig.cpu->pc, RAM + 0xf00 + 4 * 7);
    put("mie", 0);
    enter_at(CODE, LEVEL_M, EBREAK);
    step();
    ck_assert_uint_eq(rig.cpu->pc, RAM + 0xf00);
    finish();
}
END_TEST

START_TEST(a_write_of_mip_leaves_lines_alone)
{
    start(_i);
    raise_line("seip");
    ck_assert_uint_eq(read_csr(CSR_MIP), 0x200);
    ck_assert_uint_eq(execute(csr_insn(CSR_MIP, CSRRS, A0, A1), 0x20), 0);
    ck_assert_uint_eq(get("a1"), 0x200);
    rig.m.lines = 0;
    ck_assert_uint_eq(read_csr(CSR_MIP), 0x20); /* not SEIP */
    write_csr(CSR_MIP, UINT64_MAX);
    ck_assert_uint_eq(read_csr(CSR_MIP), 0x222);
    rig.m.lines = 0x888;
    write_csr(CSR_MIP, 0);
    ck_assert_uint_eq(read_csr(CSR_MIP), 0x888);
    finish();
}
END_TEST

START_TEST(a_wait_ends_with_what_is_enabled_whoever_takes_it)
{
    start_s(_i);
    put("mie", 0x80);
    ck_assert_uint_eq(execute(WFI, 0), 0);
    ck_assert(rig.m.waits);
    ck_assert(!rig.m.machine->may_wake(rig.cpu));
    raise_line("seip");
    ck_assert(!rig.m.machine->may_wake(rig.cpu));
    raise_line("mtip");
    put("mstatus", 0);
    put("prv", LEVEL_M); /* MIE is off: it goes on behind the wait */
    ck_assert(rig.m.machine->may_wake(rig.cpu));
    rig.m.machine->interrupt(rig.cpu);
    ck_assert_uint_eq(rig.cpu->pc, CODE + 4);
    finish();
}
END_TEST

/* --------------------------------------------------------------- the timer of S */

static void set_timer(uint64_t ticks)
{
    if (!rig.is_64)
        write_csr(CSR_STIMECMPH, ticks >> 32);
    write_csr(CSR_STIMECMP, rig.is_64 ? ticks : (uint32_t)ticks);
}

static void enable_timer(void)
{
    if (rig.is_64)
        write_csr(CSR_MENVCFG, UINT64_C(1) << 63);
    else
        write_csr(CSR_MENVCFG + 0x10, UINT64_C(1) << 31);
}

START_TEST(the_timer_interrupts_at_its_time)
{
    const uint64_t at = UINT64_C(0x500000010);
    bool is_s;

    start(_i);
    rig.now = at - 10;
    enable_timer();
    put("mie", 0x20);
    put("mideleg", 0x20);
    set_timer(at);
    ck_assert_uint_eq(rig.alarm, at);
    put("mstatus", 2);
    ck_assert_int_eq(interrupt(LEVEL_S, &is_s), -1);
    ck_assert_uint_eq(read_csr(CSR_MIP), 0);
    ck_assert(!rig.m.machine->may_wake(rig.cpu));
    rig.now = at;
    ck_assert(rig.m.machine->may_wake(rig.cpu));
    ck_assert_uint_eq(read_csr(CSR_MIP), 0x20);
    write_csr(CSR_MIP, 0); /* STIP is only to be read */
    ck_assert_uint_eq(read_csr(CSR_SIP), 0x20);
    put("mstatus", 2);
    ck_assert_int_eq(interrupt(LEVEL_S, &is_s), 5);
    ck_assert(is_s);
    set_timer(at + 1);
    ck_assert_uint_eq(read_csr(CSR_MIP), 0);
    ck_assert_uint_eq(rig.alarm, at + 1);
    set_timer(0); /* at once */
    put("mstatus", 2);
    ck_assert_int_eq(interrupt(LEVEL_S, &is_s), 5);
    finish();
}
END_TEST

START_TEST(a_timer_that_is_not_enabled_does_nothing)
{
    start(_i);
    rig.now = 100;
    set_timer(50);
    ck_assert_uint_eq(rig.alarm, UINT64_MAX);
    ck_assert_uint_eq(read_csr(CSR_MIP), 0);
    write_csr(CSR_MIP, 0x20);
    ck_assert_uint_eq(read_csr(CSR_MIP), 0x20);
    enable_timer();
    set_timer(200);
    ck_assert_uint_eq(read_csr(CSR_MIP), 0);
    rig.now = 300;
    ck_assert_uint_eq(read_csr(CSR_MIP), 0x20);
    write_csr(rig.is_64 ? CSR_MENVCFG : CSR_MENVCFG + 0x10, 0);
    ck_assert_uint_eq(read_csr(CSR_MIP), 0);
    finish();
}
END_TEST

/* ------------------------------------------------------------------ counters */

START_TEST(counters_can_be_written_and_stopped)
{
    enum { MCOUNTINHIBIT = 0x320, MCYCLE = 0xb00, MINSTRET = 0xb02 };

    start(_i);
    rig.now = 1000;
    ck_assert_uint_eq(read_csr(MCYCLE), 1000);
    write_csr(MCYCLE, 50);
    rig.now += 7;
    ck_assert_uint_eq(read_csr(MCYCLE), 57);
    ck_assert_uint_eq(read_csr(MINSTRET), 1007);
    write_csr(MCOUNTINHIBIT, UINT64_MAX);
    ck_assert_uint_eq(read_csr(MCOUNTINHIBIT), 5);
    rig.now += 7;
    ck_assert_uint_eq(read_csr(MCYCLE), 57);
    write_csr(MCYCLE, 3);
    ck_assert_uint_eq(read_csr(MCYCLE), 3);
    ck_assert_uint_eq(read_csr(MINSTRET), 1007);
    write_csr(MCOUNTINHIBIT, 4);
    rig.now += 7;
    ck_assert_uint_eq(read_csr(MCYCLE), 10);
    ck_assert_uint_eq(read_csr(MINSTRET), 1007);
    finish();
}
END_TEST

START_TEST(instructions_that_are_counted_are_what_the_counters_say)
{
    enum { MCYCLE = 0xb00, MINSTRET = 0xb02 };

    start(_i);
    rig.m.is_counting = true;
    rig.cpu->insns = 500;
    ck_assert_uint_eq(read_csr(MCYCLE), 500);
    rig.cpu->insns = 600;
    ck_assert_uint_eq(read_csr(MINSTRET), 600);
    finish();
}
END_TEST

START_TEST(after_reset_little_is_on)
{
    start(_i);
    ck_assert_uint_eq(get("prv"), LEVEL_M);
    ck_assert_uint_eq(read_csr(0x306), 0); /* mcounteren */
    ck_assert_uint_eq(get("menvcfg"), UINT64_C(1) << 61);
    ck_assert_uint_eq(read_csr(CSR_SATP), 0);
    ck_assert_uint_eq(read_csr(CSR_PMPCFG0), 0);
    finish();
}
END_TEST

int main(void)
{
    struct cases cases = cases_new("riscv_traps", USUAL_LIMIT);

    tcase_add_loop_test(cases.all, a_trap_goes_to_machine_mode_or_where_it_is_delegated,
                        0, 2);
    tcase_add_loop_test(cases.all, ecall_says_who_calls, 0, 2);
    tcase_add_loop_test(cases.all, an_illegal_instruction_is_its_own_value, 0, 2);
    tcase_add_loop_test(cases.all, a_breakpoint_is_where_it_is, 0, 2);
    tcase_add_loop_test(cases.all, returns_restore_what_was, 0, 2);
    tcase_add_loop_test(cases.all, machine_mode_can_forbid_what_s_does, 0, 2);
    tcase_add_loop_test(cases.all, the_most_important_interrupt_is_first, 0, 2);
    tcase_add_loop_test(cases.all, machine_mode_is_before_what_is_delegated, 0, 2);
    tcase_add_loop_test(cases.all, levels_and_enables_say_who_is_interrupted, 0, 2);
    tcase_add_loop_test(cases.all, interrupts_have_places_of_their_own_and_exceptions_one,
                        0, 2);
    tcase_add_loop_test(cases.all, a_write_of_mip_leaves_lines_alone, 0, 2);
    tcase_add_loop_test(cases.all, a_wait_ends_with_what_is_enabled_whoever_takes_it, 0,
                        2);
    tcase_add_loop_test(cases.all, the_timer_interrupts_at_its_time, 0, 2);
    tcase_add_loop_test(cases.all, a_timer_that_is_not_enabled_does_nothing, 0, 2);
    tcase_add_loop_test(cases.all, counters_can_be_written_and_stopped, 0, 2);
    tcase_add_loop_test(cases.all,
                        instructions_that_are_counted_are_what_the_counters_say, 0, 2);
    tcase_add_loop_test(cases.all, after_reset_little_is_on, 0, 2);
    return cases_run(cases);
}
