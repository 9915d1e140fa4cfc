/* Tries the gates' functions on every float32 number from 0 to 18, beyond which they are constant: with multiply-adds that are rounded once, as the kernels have
   them, and with those of the page, rounded to float64 and then to float32. Prints the inputs for which results differ, at
   most ten. The functions are odd but for a constant, so negative numbers need not be tried. */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef float Reals;
#define INLINE static inline
#define SET(x) (x)
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

#define tanh_of tanh_rounded_once
#define sigmoid_of sigmoid_rounded_once
#define FMA(a, b, c) fmaf(a, b, c)
#include "../core/inference/kernel_gates.h"

#undef tanh_of
#undef sigmoid_of
#undef FMA
#define tanh_of tanh_of_page
#define sigmoid_of sigmoid_of_page
#define FMA(a, b, c) ((float)((double)(a) * (b) + (c)))
#include "../core/inference/kernel_gates.h"

int main(void) {
    int found = 0;
    for (uint32_t bits = 0; bits <= 0x41900000 && found < 10; bits++) { /* 18 */
        float x;
        memcpy(&x, &bits, 4);
        if (tanh_rounded_once(x) == tanh_of_page(x) && sigmoid_rounded_once(x) == sigmoid_of_page(x)) continue;
        printf("%a\n", x);
        found++;
    }
    return found > 0;
}
