#include "elbow/base/exact.h"

#include <math.h>

enum { MANTISSA = 53, BELOW_ONE = 80 }; /* bits of a double's, and of a sum after its point */

static const elbow_exact beyond = {UINT64_MAX, UINT64_MAX};

/* No number that is added is negative: a sum that once is beyond would be so in any other order as well. */
void elbow_exact_join(elbow_exact *sum, elbow_exact other) {
    uint64_t low = sum->low + other.low, carry = low < other.low, high = sum->high + other.high + carry;
    uint64_t most = sum->high > other.high ? sum->high : other.high;
    *sum = most == UINT64_MAX || high < most || high == UINT64_MAX ? beyond : (elbow_exact){high, low};
}

void elbow_exact_add(elbow_exact *sum, double value) {
    int exponent = 0;
    elbow_exact part = {0, 0};
    if (!(value >= 0 && value < 0x1p48)) { /* NaN too */
        *sum = beyond;
        return;
    }
    uint64_t digits = (uint64_t)ldexp(frexp(value, &exponent), MANTISSA);
    int shift = exponent - MANTISSA + BELOW_ONE; /* at most 75: `high` has room */
    if (shift >= 64)
        part.high = digits << (shift - 64);
    else if (shift > 0)
        part = (elbow_exact){digits >> (64 - shift), digits << shift};
    else if (shift > -64)
        part.low = digits >> -shift;
    elbow_exact_join(sum, part);
}

double elbow_exact_value(elbow_exact sum) {
    if (sum.high == UINT64_MAX) return INFINITY;
    return ldexp((double)sum.high, 64 - BELOW_ONE) + ldexp((double)sum.low, -BELOW_ONE);
}
