/* host_cpu.c - what the host's processor can do. */
#include "base/host.h"

#include "base/compiler.h"

#include <stdio.h>
#ifdef __linux__
#include <sched.h>
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
#include <cpuid.h>

/* Not __builtin_cpu_supports(): that asks all of CPUID at every start, even of programs
 * that need nothing of it, and in a virtual machine each question costs a trap. */
bool host_has_fma(void)
{
    const unsigned need = bit_FMA | bit_OSXSAVE,
                   avx_state = 6; /* XMM and YMM are saved */
    static signed char known;     /* 0: not asked yet */
    unsigned a, b, c, d, saved = 0, high;

    if (!known && __get_cpuid(1, &a, &b, &c, &d) && (c & need) == need)
        __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if (!known)
        known = (saved & avx_state) == avx_state ? 1 : -1;
    return known > 0;
}

/* MXCSR: Intel SDM vol. 1, 10.2.3. */
const struct host_fp_flags *host_fp_flags(void)
{
    static const struct host_fp_flags mxcsr = {
        "llvm.x86.sse.stmxcsr", "llvm.x86.sse.ldmxcsr", { 5, 4, 3, 2, 0 }, 0x1f80
    };

    return &mxcsr;
}

bool host_has_cas16(void)
{
    static signed char known; /* 0: not asked yet */
    unsigned a, b, c, d;

    if (!known)
        known = __get_cpuid(1, &a, &b, &c, &d) && c & bit_CMPXCHG16B ? 1 : -1;
    return known > 0;
}
#else
const struct host_fp_flags *host_fp_flags(void)
{
    return NULL;
}

bool host_has_cas16(void)
{
    return HOST_CAS16;
}

bool host_has_fma(void)
{
    return HOST_FMA;
}
#endif

/* What the C library has asked the processor at the start, as far as the kernel lets it
 * be used; else what the kernel says. */
#if defined(__x86_64__) && defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
#include <sys/platform/x86.h>

void host_cpu_text(char text[HOST_CPU_TEXT])
{
    int n = snprintf(text, HOST_CPU_TEXT, "x86-64");

    for (unsigned leaf = 0; leaf <= CPUID_INDEX_14_ECX_0 && n < HOST_CPU_TEXT; leaf++)
        for (unsigned i = 0; i < 4; i++) {
            unsigned bits = __x86_get_cpuid_feature_leaf(leaf)->active_array[i];

            if (bits && n < HOST_CPU_TEXT)
                n += snprintf(text + n, (size_t)(HOST_CPU_TEXT - n), " %u%c%x", leaf,
                              (int)('a' + i), bits);
        }
}
#else
void host_cpu_text(char text[HOST_CPU_TEXT])
{
    int n = 0;

#ifdef __linux__
    n = snprintf(text, HOST_CPU_TEXT, "%lx %lx", getauxval(AT_HWCAP),
                 getauxval(AT_HWCAP2));
#endif
#ifdef __x86_64__
    for (unsigned leaf = 1; leaf <= 7; leaf += 6) {
        unsigned a = 0, b = 0, c = 0, d = 0;

        __get_cpuid_count(leaf, 0, &a, &b, &c, &d);
        n += snprintf(text + n, (size_t)(HOST_CPU_TEXT - n), " %x %x %x",
                      leaf == 7 ? b : 0, c, d);
    }
#endif
    text[n] = '\0';
}
#endif

unsigned host_cpus(void)
{
    int count = 1;
#ifdef __linux__
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) == 0)
        count = CPU_COUNT(&set);
#endif
    return count > 0 ? (unsigned)count : 1;
}
