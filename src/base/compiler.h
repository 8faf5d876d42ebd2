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
