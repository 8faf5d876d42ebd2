/* abi_riscv.c - Linux on RISC-V, 64 and 32 bit.
 *
 * Spec: Linux arch/riscv (uapi headers, kernel/signal.c, kernel/traps.c); RISC-V ELF
 * psABI. Not modelled: the vector state in signal frames. */
#include <signal.h>
#include <string.h>
#include <strings.h>

#include "isa/isa.h"
#include "user/linux/abi_riscv.h"

enum { EM_RISCV = 243 };

static const struct abi_trap traps[] = {
    { "ecall*", ON_SYSCALL, 0, 0 },
    { "breakpoint", ON_SIGNAL, SIGTRAP, TRAP_BRKPT },
    { "ebreak", ON_SIGNAL, SIGTRAP, TRAP_BRKPT },
    { "illegal*", ON_SIGNAL, SIGILL, ILL_ILLOPC },
    { "misaligned*", ON_SIGNAL, SIGBUS, BUS_ADRALN },
    { NULL, 0, 0, 0 },
};

static const struct abi_hwcap hwcap[] = {
    { "i", 'i' - 'a' }, { "m", 'm' - 'a' }, { "a", 'a' - 'a' }, { "f", 'f' - 'a' },
    { "d", 'd' - 'a' }, { "c", 'c' - 'a' }, { "v", 'v' - 'a' }, { NULL, 0 },
};

/* Keys of riscv_hwprobe. */
enum {
    VENDOR,
    ARCH,
    IMPLEMENTATION,
    BASE,
    EXTENSIONS,
    OLD_MISALIGNED,
    ZICBOZ_SIZE,
    HIGHEST,
    TIME_HZ,
    MISALIGNED
};
enum { MISALIGNED_FAST = 3, TICKS_HZ = 10000000, CBO_SIZE = 64 };
#define BIT(n) ((uint64_t)1 << (n))

/* clang-format off */
static const struct abi_probe probes[] = {
    { "", VENDOR, 0 }, { "", ARCH, 0 }, { "", IMPLEMENTATION, 0 }, { "a", BASE, 1 },
    { "d", EXTENSIONS, BIT(0) }, { "c", EXTENSIONS, BIT(1) }, { "v", EXTENSIONS, BIT(2) },
    { "zba", EXTENSIONS, BIT(3) }, { "zbb", EXTENSIONS, BIT(4) },
    { "zbs", EXTENSIONS, BIT(5) }, { "zicboz", EXTENSIONS, BIT(6) },
    { "zbc", EXTENSIONS, BIT(7) }, { "zfh", EXTENSIONS, BIT(27) },
    { "zfhmin", EXTENSIONS, BIT(28) }, { "zfa", EXTENSIONS, BIT(32) },
    { "zicond", EXTENSIONS, BIT(35) }, { "zihintpause", EXTENSIONS, BIT(36) },
    { "zimop", EXTENSIONS, BIT(42) }, { "c", EXTENSIONS, BIT(43) },
    { "zcb", EXTENSIONS, BIT(44) }, { "zcmop", EXTENSIONS, BIT(47) },
    { "", OLD_MISALIGNED, MISALIGNED_FAST }, { "zicboz", ZICBOZ_SIZE, CBO_SIZE },
    { "", HIGHEST, BIT(38) - 4097 }, { "", TIME_HZ, TICKS_HZ },
    { "", MISALIGNED, MISALIGNED_FAST }, { NULL, 0, 0 },
};

/* In the kernel's order. */
static const char *const extensions[] = {
    "i", "m", "a", "f", "d", "c", "v", "Zicbom", "Zicbop", "Zicboz", "Zicntr", "Zicond",
    "Zicsr", "Zifencei", "Zihintpause", "Zihpm", "Zimop", "Zfa", "Zfh", "Zfhmin", "Zcb",
    "Zcmop", "Zba", "Zbb", "Zbc", "Zbs",
};
/* clang-format on */

static void write_isa(FILE *out, const struct isa *isa, const uint64_t *features)
{
    fprintf(out, "rv%s", isa->name + strlen("riscv"));
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
        for (unsigned f = 0; f < isa->nfeatures; f++) {
            const char *name = extensions[i];

            if (strcasecmp(isa_string(isa, isa->features[f]), name) == 0 &&
                features[f / 64] >> f % 64 & 1)
                fprintf(out, name[1] ? "_%c%s" : "%c%s", name[0] | 0x20, name + 1);
        }
}

static void write_cpuinfo(FILE *out, unsigned cpu, const struct isa *isa,
                          const uint64_t *features)
{
    fprintf(out, "processor\t: %u\nhart\t\t: %u\nisa\t\t: ", cpu, cpu);
    write_isa(out, isa, features);
    fprintf(out, "\nmmu\t\t: sv39\nmvendorid\t: 0x0\nmarchid\t\t: 0x0\nmimpid\t\t: "
                 "0x0\nhart isa\t: ");
    write_isa(out, isa, features);
    fprintf(out, "\n\n");
}

/* The cycle and instruction counters count nanoseconds: only differences mean something.
 */
static const struct abi_helper helpers[] = {
    { "time", TICKS_HZ },
    { "cycle", 1000000000 },
    { "instret", 1000000000 },
    { NULL, 0 },
};

/* li a7, NUMBER; ecall; ret */
#define CALL_CODE(number)                                                                \
    (const uint8_t[])                                                                    \
    {                                                                                    \
        0x93, 0x08, ((number)&0xf) << 4, (number) >> 4, 0x73, 0, 0, 0, 0x67, 0x80, 0, 0  \
    }
#define FUNCTION(name, number)                                                           \
    {                                                                                    \
        "__vdso_" #name, CALL_CODE(number), 12                                           \
    }

static const struct abi_function vdso64[] = {
    FUNCTION(rt_sigreturn, 139),  FUNCTION(gettimeofday, 169),
    FUNCTION(clock_gettime, 113), FUNCTION(clock_getres, 114),
    FUNCTION(getcpu, 168),        FUNCTION(flush_icache, 259),
    FUNCTION(riscv_hwprobe, 258), { NULL, NULL, 0 },
};

static const struct abi_function vdso32[] = {
    FUNCTION(rt_sigreturn, 139),  FUNCTION(getcpu, 168), FUNCTION(flush_icache, 259),
    FUNCTION(riscv_hwprobe, 258), { NULL, NULL, 0 },
};

/* struct user_regs_struct, then the d (or f) registers and fcsr. */
/* clang-format off */
#define X(n, word) { "x" #n, (n) * (word), (word), 0, 0 }
#define F(n, at) { "f" #n, (at) + (n) * 8, 8, 0, 0 }
#define SIGREGS(word, fp) {                                                             \
    { "pc", 0, (word), 0, 0 },                                                          \
    X(1, word), X(2, word), X(3, word), X(4, word), X(5, word), X(6, word),             \
    X(7, word), X(8, word), X(9, word), X(10, word), X(11, word), X(12, word),          \
    X(13, word), X(14, word), X(15, word), X(16, word), X(17, word), X(18, word),       \
    X(19, word), X(20, word), X(21, word), X(22, word), X(23, word), X(24, word),       \
    X(25, word), X(26, word), X(27, word), X(28, word), X(29, word), X(30, word),       \
    X(31, word),                                                                        \
    F(0, fp), F(1, fp), F(2, fp), F(3, fp), F(4, fp), F(5, fp),                         \
    F(6, fp), F(7, fp), F(8, fp), F(9, fp), F(10, fp), F(11, fp),                       \
    F(12, fp), F(13, fp), F(14, fp), F(15, fp), F(16, fp), F(17, fp),                   \
    F(18, fp), F(19, fp), F(20, fp), F(21, fp), F(22, fp), F(23, fp),                   \
    F(24, fp), F(25, fp), F(26, fp), F(27, fp), F(28, fp), F(29, fp),                   \
    F(30, fp), F(31, fp),                                                               \
    { "fflags", (fp) + 256, 4, 0, 5 }, { "frm", (fp) + 256, 4, 5, 3 },                  \
    { NULL, 0, 0, 0, 0 } }
static const struct abi_sigreg sigregs64[] = SIGREGS(8, 256);
static const struct abi_sigreg sigregs32[] = SIGREGS(4, 128);
/* clang-format on */

enum { SIGINFO = 128, FPSTATE = 528 };

const struct abi abi_riscv64 = {
    .isa = "riscv64",
    .machine = "riscv64",
    .elf_machine = EM_RISCV,
    .bits = 64,
    .address_bits = 38, /* Sv39 */
    .number = "x17",
    .args = { "x10", "x11", "x12", "x13", "x14", "x15" },
    .result = "x10",
    .sp = "x2",
    .tp = "x4",
    .handler_args = { "x10", "x11", "x12" },
    .return_address = "x1",
    .traps = traps,
    .hwcap = hwcap,
    .layouts = &layouts_generic64,
    .clone_backwards = true,
    .clock_ticks = 100,
    .helpers = helpers,
    .frame_size = SIGINFO + 176 + 256 + FPSTATE,
    .frame_uc = SIGINFO,
    .frame_mcontext = SIGINFO + 176,
    .sigregs = sigregs64,
    .vdso = vdso64,
    .vdso_version = "LINUX_4.15",
    .cpuinfo = write_cpuinfo,
    .probes = probes,
    .os_release = "5.4.0",
    .gregs_size = 32 * 8,
    .fpregs_size = 32 * 8 + 8,
};

const struct abi abi_riscv32 = {
    .isa = "riscv32",
    .machine = "riscv32",
    .elf_machine = EM_RISCV,
    .bits = 32,
    .address_bits = 32,
    .number = "x17",
    .args = { "x10", "x11", "x12", "x13", "x14", "x15" },
    .result = "x10",
    .sp = "x2",
    .tp = "x4",
    .handler_args = { "x10", "x11", "x12" },
    .return_address = "x1",
    .traps = traps,
    .hwcap = hwcap,
    .layouts = &layouts_generic32,
    .clone_backwards = true,
    .clock_ticks = 100,
    .helpers = helpers,
    .frame_size = SIGINFO + 160 + 128 + FPSTATE,
    .frame_uc = SIGINFO,
    .frame_mcontext = SIGINFO + 160,
    .sigregs = sigregs32,
    .vdso = vdso32,
    .vdso_version = "LINUX_4.15",
    .cpuinfo = write_cpuinfo,
    .probes = probes,
    .os_release = "5.4.0",
    .gregs_size = 32 * 4,
    .fpregs_size = 32 * 8 + 8,
};
