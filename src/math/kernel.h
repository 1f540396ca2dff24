/* How kernels are compiled.
 *
 * ELBOW_KERNEL before a function builds it for several instruction sets and picks one when the program loads,
 * so that one portable binary is fast everywhere. Kernels are plain loops: no intrinsics. The files are
 * compiled with contraction and reassociation off (-ffp-contract=off, no -ffast-math), so every version gives
 * the same bits; a reduction spells out its lanes. Results depend on values and shape only: not on address,
 * on a row's position, or on the instruction set. */
#ifndef ELBOW_SRC_MATH_KERNEL_H
#define ELBOW_SRC_MATH_KERNEL_H

#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && !defined(ELBOW_NO_CLONES)
#define ELBOW_KERNEL __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define ELBOW_KERNEL
#endif

#if defined(__GNUC__)
#define ELBOW_INLINE static inline __attribute__((always_inline))
#else
#define ELBOW_INLINE static inline
#endif

#endif
