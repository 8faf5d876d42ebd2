/* compiler.h - what is asked of the compiler about the host it compiles for. */
#ifndef RHEA_BASE_COMPILER_H
#define RHEA_BASE_COMPILER_H

#include <stdint.h>

/* A call that is sure to take no stack: `HOST_MUSTTAIL return f(...)`; empty: no way to
 * ask for it. */
#ifdef __has_attribute
#if __has_attribute(musttail)
#define HOST_MUSTTAIL __attribute__((musttail))
#define HOST_HAS_MUSTTAIL 1
#endif
#endif
#ifndef HOST_MUSTTAIL
#define HOST_MUSTTAIL
#define HOST_HAS_MUSTTAIL 0
#endif

/* Sanitizers put code behind every call. */
#ifdef __SANITIZE_ADDRESS__
#define HOST_IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define HOST_IS_SANITIZED 1
#endif
#endif
#ifndef HOST_IS_SANITIZED
#define HOST_IS_SANITIZED 0
#endif

/* Calls at the end of functions are jumps: asked for, or gcc's sibling calls at -O2
 * (tests/interp/tailcall.test looks). */
#if HOST_IS_SANITIZED
#define HOST_TAIL_CALLS 0
#elif HOST_HAS_MUSTTAIL && UINTPTR_MAX > 0xffffffff
#define HOST_TAIL_CALLS 1
#elif defined(__GNUC__) && defined(__OPTIMIZE__) &&                                      \
    (defined(__x86_64__) || defined(__aarch64__) || defined(__riscv))
#define HOST_TAIL_CALLS 1
#else
#define HOST_TAIL_CALLS 0
#endif

/* The registers that functions save for their callers, as the clobbers of an __asm__;
 * not defined where the compiler is not told so. */
#if defined(__GNUC__) && defined(__x86_64__)
#define HOST_SAVED_REGISTERS "rbx", "rbp", "r12", "r13", "r14", "r15"
#endif

/* A call that hardly ever happens, and leaves all of the caller's registers as they were
 * but those of floating point: a compiler that has to save some for it does so where it
 * is not called, too.  HOST_RARE_CALL(name, a, b, c) calls uint64_t name(void *a,
 * uint64_t b, uint64_t c) by name_rare, which a line HOST_RARE(name) of some file
 * defines; the plain function where there is no such way. */
#if defined(__GNUC__) && defined(__x86_64__) && defined(__LP64__) && !HOST_IS_SANITIZED
#define HOST_RARE_NAME(name) name##_rare
#define HOST_RARE(name)                                                                  \
    __asm__(".pushsection .text\n.hidden " #name "_rare\n.globl " #name "_rare\n" #name  \
            "_rare:\n\tpush %rbp\n\tmov %rsp,%rbp\n\tand $-16,%rsp\n"                    \
            "\tpush %rcx\n\tpush %rdx\n\tpush %rsi\n\tpush %rdi\n"                       \
            "\tpush %r8\n\tpush %r9\n\tpush %r10\n\tpush %r11\n"                         \
            "\tmov %rax,%rsi\n\tmov %r8,%rdx\n\tcall " #name "\n"                        \
            "\tpop %r11\n\tpop %r10\n\tpop %r9\n\tpop %r8\n"                             \
            "\tpop %rdi\n\tpop %rsi\n\tpop %rdx\n\tpop %rcx\n"                           \
            "\tleave\n\tret\n.popsection")
/* The 128 bytes below the stack pointer may be the caller's. */
#define HOST_RARE_CALL(name, a, b, c)                                                    \
    __extension__({                                                                      \
        register uint64_t rare_c __asm__("r8") = (c);                                    \
        uint64_t rare_b = (b);                                                           \
        __asm__ volatile("lea -128(%%rsp),%%rsp\n\tcall " #name                          \
                         "_rare\n\tlea 128(%%rsp),%%rsp"                                 \
                         : "+a"(rare_b)                                                  \
                         : "D"(a), "r"(rare_c)                                           \
                         : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",       \
                           "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",     \
                           "xmm12", "xmm13", "xmm14", "xmm15");                          \
        rare_b;                                                                          \
    })
#else
#define HOST_RARE_NAME(name) name
#define HOST_RARE(name) _Static_assert(1, "called as any function")
#define HOST_RARE_CALL(name, a, b, c) name(a, b, c)
#endif

/* Atomic operations may be at any address. */
#if defined(__x86_64__) || defined(__i386__)
#define HOST_SPLIT_ATOMICS 1
#else
#define HOST_SPLIT_ATOMICS 0
#endif

/* Compare-and-swap of 128 bits in one instruction.  Optional: only some hosts of the kind
 * have it (host_has_cas16() asks), and functions that use it are marked with
 * HOST_CAS16_TARGET.  (Unoptimized code of gcc calls a missing function on s390x.) */
#if defined(__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16) &&                                      \
    (!defined(__s390x__) || defined(__OPTIMIZE__))
#define HOST_CAS16 1
#define HOST_CAS16_TARGET
#define HOST_CAS16_OPTIONAL 0
#elif defined(__GNUC__) && defined(__x86_64__) && defined(__SIZEOF_INT128__)
#define HOST_CAS16 1
#define HOST_CAS16_TARGET __attribute__((target("cx16")))
#define HOST_CAS16_OPTIONAL 1
#else
#define HOST_CAS16 0
#define HOST_CAS16_TARGET
#define HOST_CAS16_OPTIONAL 0
#endif

/* Fused multiply-add in one instruction.  Optional: only some hosts of the kind have it
 * (host_has_fma() asks), and functions that use it are marked with HOST_FMA_TARGET. */
#if defined(__x86_64__) && !defined(__FMA__)
#define HOST_FMA_TARGET __attribute__((target("fma")))
#define HOST_FMA_OPTIONAL 1
#else
#define HOST_FMA_TARGET
#define HOST_FMA_OPTIONAL 0
#endif
#if HOST_FMA_OPTIONAL || defined(__FP_FAST_FMA) || defined(__FMA__)
#define HOST_FMA 1
#else
#define HOST_FMA 0
#endif

#endif
