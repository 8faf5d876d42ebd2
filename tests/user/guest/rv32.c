/* rv32.c - Linux on riscv32 without a libc: the stack, calls with 64-bit arguments,
 * time64, signals, fork, memory up to the end of the address space. */
typedef unsigned int u32;
typedef unsigned long long u64;

long syscall6(long number, ...);

/* clang-format off */
enum { LLSEEK = 62, WRITE = 64, PREAD = 67, FSTAT = 80, EXIT = 93, WAITID = 95, SIGACTION = 134,
       KILL = 129, GETPID = 172, BRK = 214, MUNMAP = 215, CLONE = 220, MMAP = 222, MEMFD = 279,
       FTRUNCATE = 46, GETTIME = 403, OPENAT = 56, MPROTECT = 226, STATX = 291 };
/* clang-format on */

static void text(const char *s)
{
    u32 n = 0;

    while (s[n])
        n++;
    syscall6(WRITE, 1, s, n, 0, 0, 0);
}

static void number(const char *what, long value)
{
    char digits[16], *at = digits + 15;
    unsigned long v = value < 0 ? -(unsigned long)value : (unsigned long)value;

    text(what);
    text(value < 0 ? ": -" : ": ");
    *at = 0;
    do
        *--at = '0' + v % 10;
    while (v /= 10);
    text(at);
    text("\n");
}

static volatile int seen;
static volatile u32 fault_addr, fault_code;

struct siginfo {
    int signo, error, code;
    u32 addr;
};

static void handler(int signo, struct siginfo *info, void *context)
{
    seen = signo;
    fault_code = info->code;
    fault_addr = info->addr;
    if (signo == 11)
        ((u32 *)context)[160 / 4] += 4; /* the pc, over the access */
}

static void set_handler(int signo)
{
    u32 action[4] = { (u32)handler, 4, 0, 0 };

    number("sigaction", syscall6(SIGACTION, signo, action, 0, 8, 0, 0));
}

static void signals(void)
{
    set_handler(10);
    syscall6(KILL, syscall6(GETPID), 10);
    number("signal", seen);
    set_handler(11);
    __asm__ volatile(".option push\n.option norvc\nsw zero, 12(zero)\n.option pop" ::
                         : "memory");
    number("signal", seen);
    number("code", fault_code);
    number("address", fault_addr);
}

static void files(void)
{
    char byte[4] = "";
    u64 at = 0;
    u32 stat[32];
    int fd = syscall6(MEMFD, "x", 0);

    number("ftruncate",
           syscall6(FTRUNCATE, fd, 0x1000, 1, 0, 0, 0)); /* 4 GB and a page */
    number("llseek", syscall6(LLSEEK, fd, 1, 0x10, &at, 0, 0));
    number("high", (long)(at >> 32));
    number("write", syscall6(WRITE, fd, "big", 3, 0, 0, 0));
    number("pread", syscall6(PREAD, fd, byte, 3, 0x10, 1, 0));
    text(byte);
    text("\n");
    number("fstat", syscall6(FSTAT, fd, stat, 0, 0, 0, 0));
    number("size high", stat[13]);
}

static void memory(void)
{
    char *at = (char *)syscall6(MMAP, 0, 8192, 3, 0x22, -1, 0);
    u32 place =
        (u32)&at > 0xfffee000 ? 0xfffe0000 : 0xffff0000; /* not where main's frame is */
    char *high = (char *)syscall6(MMAP, place, 4096, 3, 0x32, -1, 0);
    long heap = syscall6(BRK, 0);

    at[8191] = 1;
    number("high", high == (char *)place);
    high[4095] = 7;
    number("high value", high[4095]);
    number("brk", syscall6(BRK, heap + 100000) - heap);
    *(char *)(heap + 99999) = 1;
    number("munmap", syscall6(MUNMAP, at, 8192));
    number("end", syscall6(MMAP, 0xfffff000, 8192, 3, 0x32, -1, 0));
}

static void children(void)
{
    static u32 info[32];
    int pid = syscall6(CLONE, 17, 0, 0, 0, 0, 0);

    if (pid == 0)
        syscall6(EXIT, 9);
    number("waitid", syscall6(WAITID, 1, pid, info, 4, 0, 0));
    number("status", info[5]);
}

static u32 word;

static void atomics(void)
{
    u32 old, failed;
    u64 product;
    u32 a = 0x12345678, b = 0x9abcdef0;

    __asm__ volatile("amoadd.w %0, %1, (%2)" : "=r"(old) : "r"(5), "r"(&word) : "memory");
    __asm__ volatile("1: lr.w %0, (%2)\naddi %0, %0, 1\nsc.w %1, %0, (%2)\nbnez %1, 1b"
                     : "=&r"(old), "=&r"(failed)
                     : "r"(&word)
                     : "memory");
    number("atomic", word);
    product = (u64)a * b;
    number("mulhu", (long)(product >> 32));
    number("div", -1000 / (int)(word + 1));
    number("rem", -1000 % (int)(word + 1));
}

int main(u32 *stack)
{
    u64 time[2];
    u32 argc = stack[0], *aux = stack + 1 + argc + 1;

    number("argc", argc);
    number("first letter", *(char *)stack[argc]);
    while (*aux++)
        ;
    for (; aux[0]; aux += 2)
        if (aux[0] == 6)
            number("page", aux[1]);
    number("clock", syscall6(GETTIME, 1, time));
    number("old clock", syscall6(113, 1, time));
    signals();
    files();
    memory();
    children();
    atomics();
    return 42;
}
