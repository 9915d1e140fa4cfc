/* The kernel with vectors of 32 bytes: x86-64 with AVX2. Its results are those of kernel_avx512.c, bit for bit. */

#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32)

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define FEATURES(each) each("avx2") each("fma") each("popcnt")
#include "kernel_cpu.h"
#include "kernel_checks.h"

#define LANES 8
#define MAX_ROWS 3 /* times four gates: 12 of the 16 registers hold sums */

typedef __m256 Reals;
typedef __m256i Ints;
typedef int64_t Lanes; /* number of valid lanes, from the first */

#define SET(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define MIN(a, b) _mm256_min_ps(a, b)
#define MAX(a, b) _mm256_max_ps(a, b)
#define LOAD(from) _mm256_loadu_ps(from)
#define LOAD_INTS(from) _mm256_loadu_si256((const Ints *)(from))
#define SET_INTS(x) _mm256_set1_epi32(x)
#define TO_REALS(ints) _mm256_cvtepi32_ps(ints)

/* maddubs adds two adjacent products in 16 bits. quantization.WEIGHT_LIMIT prevents saturation. */
INLINE Ints plus_products(Ints sum, Ints input, Ints weights) {
    Ints pairs = _mm256_maddubs_epi16(input, weights);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

INLINE Lanes lanes_of(int64_t left) { return left >= LANES ? LANES : left; }
INLINE Ints mask(Lanes lanes) {
    return _mm256_cmpgt_epi32(SET_INTS((int)lanes), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE Reals load_some(Lanes lanes, const float *from) {
    check_read(from, 4 * lanes);
    return lanes == LANES ? LOAD(from) : _mm256_maskload_ps(from, mask(lanes));
}
INLINE void store_some(float *to, Lanes lanes, Reals x) {
    if (lanes == LANES) _mm256_storeu_ps(to, x);
    else _mm256_maskstore_ps(to, mask(lanes), x);
    check_written(to, 4 * lanes);
}

/* Rounds x, adds the zero point 128, and stores bytes at two addresses. */
INLINE void store_bytes(uint8_t *to, uint8_t *also, Lanes lanes, Reals x) {
    Ints ints = _mm256_add_epi32(_mm256_cvtps_epi32(x), SET_INTS(128));
    __m128i words = _mm_packus_epi32(_mm256_castsi256_si128(ints), _mm256_extracti128_si256(ints, 1));
    int64_t bytes = _mm_cvtsi128_si64(_mm_packus_epi16(words, words));
    if (lanes == LANES) {
        memcpy(to, &bytes, LANES);
        memcpy(also, &bytes, LANES);
    } else {
        memcpy(to, &bytes, lanes);
        memcpy(also, &bytes, lanes);
    }
}

/* Eight float64. lanes8 gives the number of valid ones, given the number of values that are left. */
typedef struct {
    __m256d low, high;
} Doubles;
typedef int64_t Lanes8;

#define BOTH(name, expression)                                                        \
    INLINE Doubles name(Doubles a, Doubles b) {                                       \
        return (Doubles){expression(a.low, b.low), expression(a.high, b.high)};       \
    }
BOTH(ADD8, _mm256_add_pd)
BOTH(SUB8, _mm256_sub_pd)
BOTH(MUL8, _mm256_mul_pd)
BOTH(MAX8, _mm256_max_pd)

INLINE Doubles SET8(double x) { return (Doubles){_mm256_set1_pd(x), _mm256_set1_pd(x)}; }
INLINE Doubles FMA8(Doubles a, Doubles b, Doubles c) {
    return (Doubles){_mm256_fmadd_pd(a.low, b.low, c.low), _mm256_fmadd_pd(a.high, b.high, c.high)};
}
INLINE Doubles FNMA8(Doubles a, Doubles b, Doubles c) {
    return (Doubles){_mm256_fnmadd_pd(a.low, b.low, c.low), _mm256_fnmadd_pd(a.high, b.high, c.high)};
}
INLINE __m256d rounded(__m256d x) { return _mm256_round_pd(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
INLINE Doubles ROUND8(Doubles x) { return (Doubles){rounded(x.low), rounded(x.high)}; }

/* x 2^n for whole n from -1154 to 0 and x from 0.7 to 1.5, by two factors. The first product is exact, so that a subnormal
   result is rounded once. */
INLINE __m256d times_2_to(__m256d x, __m256d n) {
    __m256i exponent = _mm256_cvtepi32_epi64(_mm256_cvtpd_epi32(_mm256_add_pd(n, _mm256_set1_pd(1023 + 1000))));
    __m256d larger = _mm256_castsi256_pd(_mm256_slli_epi64(exponent, 52));
    return _mm256_mul_pd(_mm256_mul_pd(x, larger), _mm256_set1_pd(0x1p-1000));
}
INLINE Doubles TIMES_2_TO8(Doubles x, Doubles n) {
    return (Doubles){times_2_to(x.low, n.low), times_2_to(x.high, n.high)};
}

INLINE double REDUCE_SUM8(Doubles x) {
    __m256d four = _mm256_add_pd(x.high, x.low);
    __m128d two = _mm_add_pd(_mm256_extractf128_pd(four, 1), _mm256_castpd256_pd128(four));
    return _mm_cvtsd_f64(two) + _mm_cvtsd_f64(_mm_unpackhi_pd(two, two));
}
INLINE double REDUCE_MAX8(Doubles x) {
    __m256d four = _mm256_max_pd(x.high, x.low);
    __m128d two = _mm_max_pd(_mm256_extractf128_pd(four, 1), _mm256_castpd256_pd128(four));
    return _mm_cvtsd_f64(_mm_max_pd(two, _mm_unpackhi_pd(two, two)));
}

INLINE Lanes8 lanes8(int64_t left) { return left >= 8 ? 8 : left; }
INLINE __m256i mask4(Lanes8 lanes, int first) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(lanes - first), _mm256_setr_epi64x(0, 1, 2, 3));
}
INLINE Doubles load8(Lanes8 lanes, const double *from) {
    check_read(from, 8 * lanes);
    if (lanes == 8) return (Doubles){_mm256_loadu_pd(from), _mm256_loadu_pd(from + 4)};
    return (Doubles){_mm256_maskload_pd(from, mask4(lanes, 0)), _mm256_maskload_pd(from + 4, mask4(lanes, 4))};
}
INLINE void store8(double *to, Lanes8 lanes, Doubles x) {
    if (lanes == 8) {
        _mm256_storeu_pd(to, x.low);
        _mm256_storeu_pd(to + 4, x.high);
    } else {
        _mm256_maskstore_pd(to, mask4(lanes, 0), x.low);
        _mm256_maskstore_pd(to + 4, mask4(lanes, 4), x.high);
    }
    check_written(to, 8 * lanes);
}
INLINE Doubles select8(Lanes8 lanes, Doubles x, Doubles others) {
    if (lanes == 8) return x;
    return (Doubles){_mm256_blendv_pd(others.low, x.low, _mm256_castsi256_pd(mask4(lanes, 0))),
                     _mm256_blendv_pd(others.high, x.high, _mm256_castsi256_pd(mask4(lanes, 4)))};
}
INLINE Doubles masked8(Lanes8 lanes, Doubles x) { return select8(lanes, x, SET8(0)); }
INLINE Doubles max_of8(Lanes8 lanes, Doubles max, Doubles x) { return MAX8(max, select8(lanes, x, max)); }
INLINE int count_above8(Lanes8 lanes, Doubles x, Doubles value) {
    int low = _mm256_movemask_pd(_mm256_cmp_pd(x.low, value.low, _CMP_GT_OQ));
    int high = _mm256_movemask_pd(_mm256_cmp_pd(x.high, value.high, _CMP_GT_OQ));
    return __builtin_popcount((low | high << 4) & ((1 << lanes) - 1));
}

#endif

#define MODULE_INIT PyInit_kernel_avx2
#include "kernel.h"
