/* The kernel with vectors of 64 bytes: x86-64 with AVX-512 and VNNI. */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32)

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define FEATURES(each) \
    each("avx512f") each("avx512bw") each("avx512vl") each("avx512dq") each("avx512vnni") each("fma") each("popcnt")
#include "kernel_cpu.h"
#include "kernel_checks.h"

#define LANES 16
#define MAX_ROWS 6 /* times four gates: 24 of the 32 registers hold sums */

typedef __m512 Reals;
typedef __m512i Ints;
typedef __mmask16 Lanes;

#define SET(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define MIN(a, b) _mm512_min_ps(a, b)
#define MAX(a, b) _mm512_max_ps(a, b)
#define LOAD(from) _mm512_loadu_ps(from)
#define LOAD_INTS(from) _mm512_loadu_si512(from)
#define SET_INTS(x) _mm512_set1_epi32(x)
#define TO_REALS(ints) _mm512_cvtepi32_ps(ints)

/* Does the same as _mm512_dpbusd_epi32. With the intrinsic, GCC 12 copies every sum back and forth. */
INLINE Ints plus_products(Ints sum, Ints input, Ints weights) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(input), "v"(weights));
    return sum;
}

INLINE Lanes lanes_of(int64_t left) { return left >= LANES ? 0xffff : (Lanes)((1u << left) - 1); }
INLINE Reals load_some(Lanes lanes, const float *from) {
    check_read(from, 4 * __builtin_popcount(lanes));
    return _mm512_maskz_loadu_ps(lanes, from);
}
INLINE void store_some(float *to, Lanes lanes, Reals x) {
    _mm512_mask_storeu_ps(to, lanes, x);
    check_written(to, 4 * __builtin_popcount(lanes));
}

/* Rounds x, adds the zero point 128, and stores bytes at two addresses. */
INLINE void store_bytes(uint8_t *to, uint8_t *also, Lanes lanes, Reals x) {
    __m128i bytes = _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(x), SET_INTS(128)));
    _mm_mask_storeu_epi8(to, lanes, bytes);
    _mm_mask_storeu_epi8(also, lanes, bytes);
    check_written(to, __builtin_popcount(lanes));
    check_written(also, __builtin_popcount(lanes));
}

/* Eight float64. lanes8 selects the valid ones, given the number of values that are left. */
typedef __m512d Doubles;
typedef __mmask8 Lanes8;

#define SET8(x) _mm512_set1_pd(x)
#define ADD8(a, b) _mm512_add_pd(a, b)
#define SUB8(a, b) _mm512_sub_pd(a, b)
#define MUL8(a, b) _mm512_mul_pd(a, b)
#define MAX8(a, b) _mm512_max_pd(a, b)
#define FMA8(a, b, c) _mm512_fmadd_pd(a, b, c)
#define FNMA8(a, b, c) _mm512_fnmadd_pd(a, b, c)
#define ROUND8(x) _mm512_roundscale_pd(x, _MM_FROUND_TO_NEAREST_INT)
#define TIMES_2_TO8(x, n) _mm512_scalef_pd(x, n)
#define REDUCE_SUM8(x) _mm512_reduce_add_pd(x)
#define REDUCE_MAX8(x) _mm512_reduce_max_pd(x)

INLINE Lanes8 lanes8(int64_t left) { return left >= 8 ? 0xff : (Lanes8)((1u << left) - 1); }
INLINE Doubles load8(Lanes8 lanes, const double *from) {
    check_read(from, 8 * __builtin_popcount(lanes));
    return _mm512_maskz_loadu_pd(lanes, from);
}
INLINE void store8(double *to, Lanes8 lanes, Doubles x) {
    _mm512_mask_storeu_pd(to, lanes, x);
    check_written(to, 8 * __builtin_popcount(lanes));
}
INLINE Doubles masked8(Lanes8 lanes, Doubles x) { return _mm512_maskz_mov_pd(lanes, x); }
INLINE Doubles max_of8(Lanes8 lanes, Doubles max, Doubles x) { return _mm512_mask_max_pd(max, lanes, max, x); }
INLINE int count_above8(Lanes8 lanes, Doubles x, Doubles value) {
    return __builtin_popcount(_mm512_mask_cmp_pd_mask(lanes, x, value, _CMP_GT_OQ));
}

#endif

#define MODULE_INIT PyInit_kernel_avx512
#include "kernel.h"
