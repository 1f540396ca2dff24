/* How kernels are compiled: see base/kernel.h, which src/base needs too. */
#ifndef ELBOW_SRC_MATH_KERNEL_H
#define ELBOW_SRC_MATH_KERNEL_H

#include "base/kernel.h"

#endif
