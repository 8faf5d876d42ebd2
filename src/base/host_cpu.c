/* host_cpu.c - what the host's processor can do. */
#include "base/host.h"

#include "base/compiler.h"

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

bool host_has_cas16(void)
{
    static signed char known; /* 0: not asked yet */
    unsigned a, b, c, d;

    if (!known)
        known = __get_cpuid(1, &a, &b, &c, &d) && c & bit_CMPXCHG16B ? 1 : -1;
    return known > 0;
}
#else
bool host_has_cas16(void)
{
    return HOST_CAS16;
}

bool host_has_fma(void)
{
    return false;
}
#endif
