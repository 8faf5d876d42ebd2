/* sbi.c - a bare program in S-mode that asks the firmware for everything an SBI has, and
 * prints what came of it; RV32 or RV64, two CPUs.  The first time it ends with a reset,
 * the second time with a power-off. */
typedef unsigned long word; /* XLEN bits */

enum { BASE = 0x10, TIME = 0x54494d45, IPI = 0x735049, RFENCE = 0x52464e43 };
enum { HSM = 0x48534d, SRST = 0x53525354, DBCN = 0x4442434e };

__asm__(
    ".section .start, \"ax\"\n"
    ".globl _start\n"
    "_start: la sp, stack_end\n"
    "    j main\n"
    "second: la sp, second_stack_end\n"
    "    j other\n"
    ".align 2\n"
    "trap: csrr a0, scause\n"
    "    la a1, seen\n"
#if __riscv_xlen == 64
    "    sd a0, (a1)\n"
#else
    "    sw a0, (a1)\n"
#endif
    "    csrw sie, zero\n"
    "    csrw sip, zero\n"
    "    la a0, go_on\n"
    "    csrw sepc, a0\n"
    "    li a0, 0x100\n"
    "    csrs sstatus, a0\n"
    "    sret\n"
    ".bss\n.align 4\n.space 4096\nstack_end:\n.space 4096\nsecond_stack_end:\n.text\n");

struct result {
    word error, value;
};

static struct result call(word extension, word function, word x, word y, word z)
{
    register word a0 __asm__("a0") = x;
    register word a1 __asm__("a1") = y;
    register word a2 __asm__("a2") = z;
    register word a6 __asm__("a6") = function;
    register word a7 __asm__("a7") = extension;

    __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
    return (struct result){ a0, a1 };
}

static void put(const char *text)
{
    word size = 0;

    while (text[size])
        size++;
    call(DBCN, 0, size, (word)text, 0);
}

static void number(word value)
{
    static const char digits[] = "0123456789abcdef";

    for (int shift = sizeof(word) * 8 - 4, begun = 0; shift >= 0; shift -= 4) {
        unsigned digit = value >> shift & 15;

        if (digit || begun || !shift)
            call(DBCN, 2, digits[digit], 0, 0);
        begun |= digit;
    }
}

static void print(const char *what, struct result result)
{
    put(what);
    put(": ");
    if ((long)result.error < 0) {
        put("-");
        result.error = -result.error;
    }
    number(result.error);
    put(" ");
    number(result.value);
    put("\n");
}

static void error_of(const char *what, struct result result)
{
    print(what, (struct result){ result.error, 0 });
}

volatile word seen, other_seen, other_stops;
volatile unsigned boots = 0x12345678; /* in .data: loaded anew at each start */
extern char second[], trap[], go_on[];

void other(word hart, word argument)
{
    other_seen = argument + hart;
    while (!other_stops)
        ;
    call(HSM, 1, 0, 0, 0);
}

/* Waits with interrupts of this kind on until one comes: its scause. */
static word interrupted(word bit)
{
    seen = 0;
    __asm__ volatile("csrw stvec, %0\n csrw sie, %1\n csrsi sstatus, 2\n"
                     "1: wfi\n j 1b\n"
                     ".globl go_on\n go_on: csrci sstatus, 2" ::"r"(trap),
                     "r"(bit)
                     : "a0", "a1", "memory");
    return seen << 1 >> 1;
}

static word now(void)
{
    word value;

    __asm__ volatile("rdtime %0" : "=r"(value));
    return value;
}

static void harts(void)
{
    error_of("start a hart that there is not", call(HSM, 0, 2, (word)second, 0));
    error_of("start this one", call(HSM, 0, 0, (word)second, 0));
    print("status of the other", call(HSM, 2, 1, 0, 0));
    error_of("start the other", call(HSM, 0, 1, (word)second, 0x41));
    while (!other_seen)
        ;
    print("its arguments", (struct result){ 0, other_seen });
    print("status of the other", call(HSM, 2, 1, 0, 0));
    error_of("fence.i everywhere", call(RFENCE, 0, 0, -1, 0));
    error_of("sfence.vma of both", call(RFENCE, 1, 3, 0, 0));
    error_of("sfence.vma of the other", call(RFENCE, 2, 1, 1, 0));
    error_of("sfence.vma of one too many", call(RFENCE, 1, 4, 0, 0));
    error_of("a hypervisor's fence", call(RFENCE, 3, 1, 0, 0));
    other_stops = 1;
    while (call(HSM, 2, 1, 0, 0).value != 1)
        ;
    put("the other has stopped\n");
    error_of("start it again", call(HSM, 0, 1, (word)second, 0x51));
    call(IPI, 0, 1, 0, 0);
    __asm__ volatile("csrwi sie, 2");
    error_of("wait for an interrupt that is there", call(HSM, 3, 0, 0, 0));
    __asm__ volatile("csrwi sie, 0");
}

void main(word hart)
{
    static char text[] = "read into";

    print("hart", (struct result){ 0, hart });
    print("version", call(BASE, 0, 0, 0, 0));
    print("implementation", call(BASE, 1, 0, 0, 0));
    print("base 7", call(BASE, 7, 0, 0, 0));
    print("has HSM", call(BASE, 3, HSM, 0, 0));
    print("has something else", call(BASE, 3, 0x1234, 0, 0));
    error_of("something else", call(0x1234, 0, 0, 0, 0));
    harts();
    call(IPI, 0, 1, 0, 0);
    print("an interrupt between harts", (struct result){ 0, interrupted(2) });
    call(TIME, 0, now() + 1000, sizeof(word) == 4 ? 0 : 7, 0);
    print("the timer", (struct result){ 0, interrupted(32) });
    print("write the firmware's memory", call(DBCN, 0, 16, 0x80000000, 0));
    print("write no memory", call(DBCN, 0, 16, 0x18000000, 0));
    print("write all memory", call(DBCN, 0, -1, (word)text, 0));
    print("read nothing", call(DBCN, 1, sizeof(text), (word)text, 0));
    print("getchar", (struct result){ call(2, 0, 0, 0, 0).error, 0 });
    call(1, 0, '!', 0, 0);
    put("\n");
    print("an odd reset", call(SRST, 0, 3, 0, 0));
    /* What RAM keeps: not loaded, so it is there the second time. */
    if (*(volatile unsigned *)0x80300000 != boots) {
        *(volatile unsigned *)0x80300000 = boots;
        call(SRST, 0, 1, 0, 0);
    }
    call(SRST, 0, 0, 0, 0);
}
