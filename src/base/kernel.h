/* How kernels are compiled.
 *
 * ELBOW_KERNEL before a function builds it for several instruction sets and picks one when the program loads,
 * so that one portable binary is fast everywhere. Kernels are plain loops: no intrinsics. The files are
 * compiled with contraction and reassociation off (-ffp-contract=off, no -ffast-math), so every version gives
 * the same bits; a reduction spells out its lanes. Results depend on values and shape only: not on address,
 * on a row's position, or on the instruction set.
 *
 * The versions are named by features. An "arch=haswell" there would be taken by that very processor only, and
 * every other one, however new, would run the baseline. gcc only: clang 14 takes the attribute, but gives the
 * chosen function another name, which other files do not find; its build is the baseline, or what -march says. */
#ifndef ELBOW_SRC_BASE_KERNEL_H
#define ELBOW_SRC_BASE_KERNEL_H

#include <stdint.h> /* says which C library this is */

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__) &&                 \
    defined(__GLIBC__) && !defined(ELBOW_NO_CLONES)
#define ELBOW_KERNEL __attribute__((target_clones("avx512f", "avx2", "default")))
#define ELBOW_CLONES 1 /* what elbow_kernel_instruction_set asks */
#else
#define ELBOW_KERNEL
#endif

#if defined(__GNUC__)
#define ELBOW_INLINE static inline __attribute__((always_inline))
#else
#define ELBOW_INLINE static inline
#endif

/* Asks for the cache line at an address that will be read, or written, soon. Changes no result. */
#if defined(__GNUC__)
#define ELBOW_PREFETCH(address) __builtin_prefetch(address)
#else
#define ELBOW_PREFETCH(address) (void)(address)
#endif

/* Before a loop whose arrays may be the same array, but never overlap otherwise: without it the compiler's
 * test for overlap sends the in-place case through scalar code. */
#if defined(__clang__)
#define ELBOW_IN_PLACE _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define ELBOW_IN_PLACE _Pragma("GCC ivdep")
#else
#define ELBOW_IN_PLACE
#endif

#endif
