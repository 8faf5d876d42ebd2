/* privileged.c - a bare program for the virt board, RV32 or RV64, that does what only
 * privileged code can and prints what came of it.  Left out is where QEMU 7.2 is not as
 * the manual: bit 0 of mepc, MPP = 2, which interrupt is first, misaligned AMOs, MPRV
 * after mret, page tables where nothing is. */
typedef unsigned long word; /* XLEN bits */
typedef unsigned char byte;

enum { IS_64 = sizeof(word) == 8, PAGE = 4096 };
enum { V = 1, R = 2, W = 4, X = 8, U = 16, A = 64, D = 128, ALL = V | R | W | X | A | D };
#define UART ((volatile byte *)0x10000000)
#define MSIP ((volatile unsigned *)0x2000000)
#define TEST ((volatile unsigned *)0x100000)
#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

#define read_csr(name)                                                                   \
    ({                                                                                   \
        word value_;                                                                     \
        __asm__ volatile("csrr %0, " TEXT(name) : "=r"(value_)::"memory");               \
        value_;                                                                          \
    })
#define write_csr(name, value)                                                           \
    __asm__ volatile("csrw " TEXT(name) ", %0" ::"r"((word)(value)) : "memory")
#define set_csr(name, bits)                                                              \
    __asm__ volatile("csrs " TEXT(name) ", %0" ::"r"((word)(bits)) : "memory")
#define clear_csr(name, bits)                                                            \
    __asm__ volatile("csrc " TEXT(name) ", %0" ::"r"((word)(bits)) : "memory")

/* ----------------------------------------------------------------- start and traps */

volatile word trap_count, trap_cause, trap_value, trap_pc, trap_status;
word trap_resume; /* where a fetch that failed came from */

/* The handler skips the instruction; a failed fetch goes on at trap_resume, ecall in
 * machine mode, and an interrupt switches its enable bit off. */
__asm__(".section .start, \"ax\"\n"
        ".globl _start\n"
        "_start: la sp, stack_end\n"
        "    j main\n"
        ".align 2\n"
        "trap_entry: addi sp, sp, -16\n"
#if __riscv_xlen == 64
#define ST "sd "
#define LDW "ld "
#define OFF "8"
#else
#define ST "sw "
#define LDW "lw "
#define OFF "4"
#endif
        ST "t0, 0(sp)\n" ST "t1, " OFF "(sp)\n"
        "    csrr t0, mcause\n la t1, trap_cause\n" ST "t0, (t1)\n"
        "    csrr t0, mtval\n la t1, trap_value\n" ST "t0, (t1)\n"
        "    csrr t0, mepc\n la t1, trap_pc\n" ST "t0, (t1)\n"
        "    csrr t0, mstatus\n la t1, trap_status\n" ST "t0, (t1)\n"
        "    la t1, trap_count\n" LDW "t0, (t1)\n addi t0, t0, 1\n" ST "t0, (t1)\n"
        "    csrr t0, mcause\n"
        "    bltz t0, 3f\n"
        "    li t1, 1\n beq t0, t1, 1f\n li t1, 12\n beq t0, t1, 1f\n"
        "    li t1, 8\n beq t0, t1, 2f\n li t1, 9\n beq t0, t1, 2f\n"
        "    csrr t1, mepc\n lhu t0, (t1)\n andi t0, t0, 3\n"
        "    addi t1, t1, 2\n xori t0, t0, 3\n bnez t0, 4f\n addi t1, t1, 2\n"
        "4:  csrw mepc, t1\n j 5f\n"
        "3:  csrr t0, mcause\n li t1, 1\n sll t1, t1, t0\n csrc mie, t1\n j 5f\n"
        "2:  csrr t1, mepc\n addi t1, t1, 4\n csrw mepc, t1\n j 6f\n"
        "1:  la t1, trap_resume\n" LDW "t1, (t1)\n csrw mepc, t1\n"
        "6:  li t1, 3 << 11\n csrs mstatus, t1\n"
        "5:" LDW "t0, 0(sp)\n" LDW "t1, " OFF "(sp)\n addi sp, sp, 16\n"
        "    mret\n"
        ".align 2\n"
        ".globl s_trap\n"
        "s_trap: j s_sync\n .align 2\n"
        "    .option push\n .option norvc\n"
        "    j s_other\n j s_other\n j s_other\n j s_other\n j s_timer\n j s_other\n"
        "    .option pop\n"
        "s_sync: li a0, 0\n j 1f\n"
        "s_other: li a0, 1\n j 1f\n"
        "s_timer: li a0, 5\n"
        "1:  la t1, s_seen\n" ST "a0, (t1)\n csrr t0, scause\n la t1, s_cause\n" ST
        "t0, (t1)\n"
        "    ecall\n" /* to M, behind this */
        "    la t1, trap_resume\n" LDW "t1, (t1)\n jr t1\n"
        ".bss\n .align 4\n .skip 16384\n stack_end:\n"
        ".text\n");
extern byte trap_entry[], s_trap[];
volatile word s_seen = 99, s_cause;

void *memset(void *to, int value, word size)
{
    for (word i = 0; i < size; i++)
        ((volatile byte *)to)[i] = (byte)value;
    return to;
}

/* ----------------------------------------------------------------------- printing */

static void text(const char *s)
{
    while (*s) {
        while (!(UART[5] & 0x20))
            ;
        UART[0] = (byte)*s++;
    }
}

static void number(word value)
{
    char digits[20], *at = digits + sizeof digits;

    *--at = 0;
    do
        *--at = "0123456789abcdef"[value & 15];
    while (value >>= 4);
    text(at);
}

static void value(const char *name, word v)
{
    text(name);
    text(" = ");
    number(v);
    text("\n");
}

/* What happened since trap_count was cleared. */
static void outcome(const char *name, word result)
{
    text(name);
    if (trap_count) {
        text(": cause ");
        number(trap_cause & ~(word)0 >> 1);
        text(" value ");
        number(trap_value);
        text(" from ");
        number(trap_status >> 11 & 3);
    } else {
        text(": ");
        number(result);
    }
    text("\n");
    trap_count = 0;
}

/* --------------------------------------------------------------------- privileges */

/* Goes on in the mode `mpp`, with the same stack; leave() comes back. */
static void enter(word mpp)
{
    clear_csr(mstatus, 3 << 11);
    set_csr(mstatus, mpp << 11);
    __asm__ volatile("la t0, 1f\n csrw mepc, t0\n mret\n1:" ::: "t0", "memory");
}

static void leave(void)
{
    word count = trap_count, cause = trap_cause, v = trap_value, pc = trap_pc,
         status = trap_status;

    __asm__ volatile("ecall" ::: "memory");
    trap_count = count;
    trap_cause = cause;
    trap_value = v;
    trap_pc = pc;
    trap_status = status;
}

static word load(word addr)
{
    word result = 0x5a;

    __asm__ volatile("lw %0, (%1)" : "+r"(result) : "r"(addr) : "memory");
    return result & 0xffffffff;
}

static word store(word addr, word v)
{
    __asm__ volatile("sw %0, (%1)" ::"r"(v), "r"(addr) : "memory");
    return 0;
}

/* Calls code that returns; a fault of the fetch ends it, too. */
static word call(word addr)
{
    word result = 0x5b;

    __asm__ volatile("la t0, 1f\n la t1, trap_resume\n" ST "t0, (t1)\n"
                     "mv a0, %0\n jalr ra, %1\n1: mv %0, a0"
                     : "+r"(result)
                     : "r"(addr)
                     : "a0", "t0", "t1", "ra", "memory");
    return result;
}

/* -------------------------------------------------------------------- page tables */

static word tables[8][PAGE / sizeof(word)] __attribute__((aligned(4096)));
static byte data[8 * PAGE] __attribute__((aligned(65536)));

#define WINDOW ((word)0x40000000)
enum { LEVELS = IS_64 ? 3 : 2, BITS = IS_64 ? 9 : 10 };

static word pte(word physical, word flags)
{
    return physical >> 12 << 10 | flags;
}

/* The entry of a page of the window; everything else is mapped as it is. */
static volatile word *entry(word addr)
{
    return &tables[LEVELS - 1][addr >> 12 & ((1 << BITS) - 1)];
}

static void make_tables(void)
{
    unsigned top = 12 + (LEVELS - 1) * BITS;

    for (word i = 0; i < 1u << BITS; i++)
        if (!IS_64 || i < 4)
            tables[0][i] = pte(i << top, ALL);
    tables[0][WINDOW >> top & ((1 << BITS) - 1)] = pte((word)tables[1], V);
    if (IS_64)
        tables[1][0] = pte((word)tables[2], V);
    write_csr(satp, (IS_64 ? (word)8 << 60 : (word)1 << 31) | (word)tables[0] >> 12);
    __asm__ volatile("sfence.vma" ::: "memory");
}

static void set(word addr, word e)
{
    *entry(addr) = e;
    __asm__ volatile("sfence.vma" ::: "memory");
}

static void all_permissions(void)
{
    for (word flags = 0; flags < 32; flags++)
        for (unsigned i = 0; i < 12; i++) {
            unsigned access = i % 3, bits = i / 3;
            word result = 0;

            set(WINDOW, pte((word)data, flags));
            clear_csr(sstatus, 3 << 18);
            set_csr(sstatus, (word)bits << 18);
            enter(1);
            result = access == 0   ? load(WINDOW)
                     : access == 1 ? store(WINDOW, 0x00008067) /* ret */
                                   : call(WINDOW);
            leave();
            number(flags);
            text(bits & 1 ? " sum" : "");
            text(bits & 2 ? " mxr" : "");
            outcome(access == 0 ? " load" : access == 1 ? " store" : " fetch", result);
            value("  entry", *entry(WINDOW) & 0xff);
        }
    clear_csr(sstatus, 3 << 18);
}

static void walks(void)
{
    static const unsigned reserved[] = { 54, 57, 60, 61, 62, 63 };
    word good = pte((word)data, ALL);

    for (unsigned i = 0; IS_64 && i < 6; i++) {
        set(WINDOW, good | (word)1 << (reserved[i] & (8 * sizeof(word) - 1)));
        enter(1);
        word result = load(WINDOW);
        leave();
        outcome("reserved bit", result & 0);
    }
    set(WINDOW, good);
    for (unsigned i = 0; i < 4; i++) {
        static const word places[] = { 0x40000000, 0x10000000, 0x80000000, 0 };

        set(WINDOW + 2 * PAGE, pte(places[i], V));
        enter(1);
        word result = load(WINDOW + 2 * PAGE);
        leave();
        outcome("a table where a page is", result);
    }
    if (IS_64) {
        enter(1);
        word result = load((word)1 << (IS_64 ? 38 : 0));
        leave();
        outcome("not canonical", result);
        tables[1][1] = pte((word)data & ~(word)0x1fffff, ALL) | 1 << 10;
        enter(1);
        result = load(WINDOW + 0x200000);
        leave();
        outcome("misaligned large page", result);
    }
    /* 2 bytes of a load, or an instruction, on a page that is missing */
    set(WINDOW + PAGE, 0);
    enter(1);
    word result = load(WINDOW + PAGE - 2);
    leave();
    outcome("load across", result);
    enter(1);
    result = store(WINDOW + PAGE - 2, 0x11223344);
    leave();
    outcome("store across", result);
    *(volatile unsigned short *)(data + PAGE - 2) = 0x8067; /* half of `ret` */
    __asm__ volatile("fence.i" ::: "memory");
    enter(1);
    result = call(WINDOW + PAGE - 2);
    leave();
    outcome("fetch across", result);
    value("  at", trap_pc);
    *(volatile unsigned short *)(data + PAGE - 2) = 0x8082; /* all of `c.ret` */
    __asm__ volatile("fence.i" ::: "memory");
    enter(1);
    result = call(WINDOW + PAGE - 2);
    leave();
    outcome("fetch at the end", result);
    /* through MPRV */
    *(volatile word *)data = 0x1234;
    clear_csr(mstatus, 3 << 11);
    set_csr(mstatus, 1 << 17 | 1 << 11);
    result = load(WINDOW);
    clear_csr(mstatus, 1 << 17);
    outcome("as S from M", result);
}

static void atomics(void)
{
    word result = 0;

    set(WINDOW, pte((word)data, V | R | A));
    enter(1);
    __asm__ volatile("amoadd.w %0, zero, (%1)" : "=r"(result) : "r"(WINDOW) : "memory");
    leave();
    outcome("amo on a read-only page", 0);
    enter(1);
    __asm__ volatile("lr.w %0, (%1)" : "=r"(result) : "r"(WINDOW + PAGE) : "memory");
    leave();
    outcome("lr on a missing page", 0);
}

/* -------------------------------------------------------------------- protection */

enum { TOR = 8, NA4 = 16, NAPOT = 24 };

static void protection(void)
{
    word at = (word)data;
    static const byte rights[] = { 0, 1, 3, 4, 5, 7 };

    write_csr(satp, 0);
    for (unsigned i = 0; i < sizeof rights; i++)
        for (unsigned access = 0; access < 3; access++) {
            /* entry 0 is what follows, entry 1 allows all */
            write_csr(pmpaddr0, at >> 2 | 0x1ff);
            write_csr(pmpaddr1, ~(word)0);
            write_csr(pmpcfg0, (0x1f << 8) | NAPOT | rights[i]);
            __asm__ volatile("sfence.vma\n fence.i" ::: "memory");
            *(volatile unsigned *)data = 0x00008067;
            enter(1);
            word result = access == 0   ? load(at)
                          : access == 1 ? store(at, 0x00008067)
                                        : call(at);
            leave();
            number(rights[i]);
            outcome(access == 0   ? " protected load"
                    : access == 1 ? " protected store"
                                  : " protected fetch",
                    result);
        }
    write_csr(pmpaddr0, (at + 0x100) >> 2);
    write_csr(pmpaddr1, (at + 0x200) >> 2);
    write_csr(pmpaddr2, ~(word)0);
    write_csr(pmpcfg0, (0x1f << 16) | (TOR | 1) << 8);
    __asm__ volatile("sfence.vma" ::: "memory");
    for (word offset = 0xfc; offset <= 0x200; offset += offset == 0xfc ? 4 : 0xfc + 2) {
        enter(1);
        word result = load(at + offset);
        leave();
        outcome("load in parts", result & 0);
        enter(1);
        result = store(at + offset, 0);
        leave();
        outcome("store in parts", result);
    }
    write_csr(pmpcfg0, (0x1f << 16));
    write_csr(pmpaddr0, at >> 2 | 0x1ff);
    write_csr(pmpaddr3, at >> 2 | 0x1ff);
    write_csr(pmpcfg0, 0x1f << 16);
    outcome("before locking", store(at, 1));
    write_csr(pmpcfg0, (0x1f << 16) | (NAPOT | 1 | 0x80));
    __asm__ volatile("sfence.vma" ::: "memory");
    outcome("store where M may not", store(at, 1));
    outcome("load where M may", load(at));
    write_csr(pmpcfg0, 0x1f << 16);
    write_csr(pmpaddr0, 0);
    value("locked", read_csr(pmpcfg0) & 0xff);
    value("locked address", read_csr(pmpaddr0) == (at >> 2 | 0x1ff));
}

/* -------------------------------------------------------------- traps, interrupts */

static void forbidden(void)
{
    set_csr(mstatus, 1 << 20 | 1 << 21 | 1 << 22);
    enter(1);
    __asm__ volatile("sfence.vma" ::: "memory");
    leave();
    outcome("sfence.vma with TVM", 0);
    enter(1);
    (void)read_csr(satp);
    leave();
    outcome("satp with TVM", 0);
    enter(1);
    __asm__ volatile("sret" ::: "memory");
    leave();
    outcome("sret with TSR", 0);
    clear_csr(mstatus, 1 << 20 | 1 << 21 | 1 << 22);
    enter(1);
    (void)read_csr(mscratch);
    leave();
    outcome("mscratch from S", 0);
    write_csr(mcounteren, 0);
    enter(1);
    (void)read_csr(time);
    leave();
    outcome("time without TM", 0);
    write_csr(mcounteren, 7);
    enter(1);
    (void)read_csr(time);
    leave();
    outcome("time with TM", 0);
    (void)read_csr(0x7c0);
    outcome("no register", 0);
    __asm__ volatile(".word 0xffffffff");
    outcome("no instruction", 0);
}

static void interrupts(void)
{
    clear_csr(mstatus, 0x88);
    MSIP[0] = 1;
    while (!(read_csr(mip) & 8))
        ;
    set_csr(mip, 0x2);
    set_csr(mie, 0xa);
    outcome("enabled nowhere", 0);
    set_csr(mstatus, 8);
    __asm__ volatile("nop\n nop");
    clear_csr(mstatus, 8);
    value("interrupts", trap_count);
    trap_count = 0;
    MSIP[0] = 0;
    while (read_csr(mip) & 8)
        ;
    value("mie is now", read_csr(mie) & 0xa);
    clear_csr(mip, 2);

    /* S's timer, to S, vectored */
    if (IS_64)
        write_csr(0x30a, (word)1 << (IS_64 ? 63 : 0));
    else
        write_csr(0x31a, (word)1 << 31);
    if (!IS_64)
        write_csr(0x15d, ~(word)0);
    write_csr(0x14d, ~(word)0);
    value("no timer", read_csr(mip) & 0x20);
    write_csr(0x14d, 0);
    if (!IS_64)
        write_csr(0x15d, 0);
    value("timer", read_csr(mip) & 0x20);
    clear_csr(mip, 0x20);
    value("timer", read_csr(mip) & 0x20);
    write_csr(mideleg, 0x222);
    set_csr(mie, 0x20);
    value("sip", read_csr(sip) & 0x222);
    value("sie", read_csr(sie) & 0x222);
    write_csr(stvec, (word)s_trap | 1);
    set_csr(mstatus, 2);
    __asm__ volatile("la t0, 1f\n la t1, trap_resume\n" ST "t0, (t1)\n"
                     "li t0, 3 << 11\n csrc mstatus, t0\n li t0, 1 << 11\n"
                     "csrs mstatus, t0\n la t0, 2f\n csrw mepc, t0\n mret\n"
                     "2: j 2b\n1:" ::
                         : "t0", "t1", "a0", "memory");
    value("the vector of", s_seen);
    value("cause", s_cause & 63);
    trap_count = 0;
    clear_csr(mie, 0x20);

    /* a wait that S's timer ends, in M, which it does not interrupt */
    set_csr(mie, 0x20);
    __asm__ volatile("wfi" ::: "memory");
    outcome("wfi", 0);
    clear_csr(mie, 0x20);

    write_csr(medeleg, 1 << 8 | 1 << 3 | 1 << 13);
    value("medeleg", read_csr(medeleg));
}

static void registers(void)
{
    write_csr(mideleg, 0);
    write_csr(mie, 0xfff);
    value("mie", read_csr(mie) & 0xaaa);
    value("sie", read_csr(sie) & 0xaaa);
    write_csr(mideleg, 0x222);
    value("sie", read_csr(sie) & 0xaaa);
    write_csr(sie, 0);
    value("mie", read_csr(mie) & 0xaaa);
    write_csr(mie, 0);
    write_csr(mideleg, 0);
    write_csr(mcounteren, 7);
    value("mcounteren", read_csr(mcounteren) & 7);
    write_csr(mscratch, ~(word)0 / 3);
    value("mscratch", read_csr(mscratch));
    value("mhartid", read_csr(mhartid));
    value("extensions", read_csr(misa) >> 0 & (1 << 0 | 1 << 2 | 1 << 3 | 1 << 5 |
                                               1 << 8 | 1 << 12 | 1 << 18 | 1 << 20));
    value("width", read_csr(misa) >> (8 * sizeof(word) - 2));
    set_csr(mstatus, 3 << 13);
    value("FS and SD", read_csr(mstatus) >> 13 & 3);
    value("SD", read_csr(mstatus) >> (8 * sizeof(word) - 1));
    clear_csr(mstatus, 3 << 13);
    value("SD", read_csr(mstatus) >> (8 * sizeof(word) - 1));
}

int main(void)
{
    write_csr(mtvec, trap_entry);
    write_csr(mie, 0);
    registers();
    write_csr(pmpaddr0, ~(word)0);
    write_csr(pmpcfg0, 0x1f);
    make_tables();
    all_permissions();
    walks();
    atomics();
    forbidden();
    protection();
    write_csr(satp, 0);
    interrupts();
    text("end\n");
    *TEST = 0x5555;
    for (;;)
        ;
}
