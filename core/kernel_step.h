/* One block of a step: sixteen hidden units, their four gates summed up in registers, and c and h from there; or sixteen
   logits. So a step is one pass over the weights.

   The result is that of core/graph.py on ONNX Runtime bit for bit: the products are sums of integers, and what follows
   does the same float32 operations in the same order. kernelstep.py lays out the arrays; a number of units or tokens
   that is no multiple of sixteen is masked. */

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#define FAST __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,fma")))
#define INLINE FAST static inline __attribute__((always_inline))
#define LANES 16
#define MOST_ROWS 6 /* times four gates: 24 of the 32 registers hold sums */
#define MOST_PHASES 65
#define MOST_THREADS 16

/* What a phase of a step computes: a layer's gates, or the logits of the projection (h and c are null there). */
typedef struct {
    int64_t inputs;        /* bytes of a row of read, a multiple of four */
    int64_t width;         /* units or tokens */
    const int8_t *weights; /* (blocks, inputs / 4, gates, 16, 4) */
    const int32_t *start;  /* (blocks, gates, 16): what the zero of h as 128 adds to a sum, taken away */
    const float *scale;    /* (blocks, gates, 16) */
    const float *addend;   /* bias (blocks, gates, 16), or one such row for every token */
    int64_t by_token;      /* whether there is a row for every token */
    uint8_t *read;         /* (rows, inputs): h from below, and the layer's own */
    uint8_t *h;            /* (rows, width), own share of read and, a layer further up, of its read */
    uint8_t *above;        /* the next phase's read, which begins with this h */
    int64_t above_inputs;
    float *c;              /* (rows, width) */
    float *logits;         /* (rows, width) */
} Phase;

typedef struct {
    int64_t rows, threads, phases;
    const int64_t *ids; /* (rows,) */
    Phase phase[MOST_PHASES];
} Step;

#define SET(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, SET(c))

/* The rational approximations of Eigen and ONNX Runtime; float32, accurate to a few units in the last place. */
INLINE __m512 tanh16(__m512 x) {
    x = _mm512_min_ps(SET(9.0f), _mm512_max_ps(SET(-9.0f), x));
    __m512 s = _mm512_mul_ps(x, x);
    __m512 p = FMA(s, SET(-2.76076847742355e-16f), 2.00018790482477e-13f);
    p = FMA(p, s, -8.60467152213735e-11f);
    p = FMA(p, s, 5.12229709037114e-08f);
    p = FMA(p, s, 1.48572235717979e-05f);
    p = FMA(p, s, 6.37261928875436e-04f);
    p = FMA(p, s, 4.89352455891786e-03f);
    __m512 q = FMA(s, SET(1.19825839466702e-06f), 1.18534705686654e-04f);
    q = FMA(q, s, 2.26843463243900e-03f);
    q = FMA(q, s, 4.89352518554385e-03f);
    return _mm512_div_ps(_mm512_mul_ps(p, x), q);
}

INLINE __m512 sigmoid16(__m512 x) {
    x = _mm512_min_ps(SET(18.0f), _mm512_max_ps(SET(-18.0f), x));
    __m512 s = _mm512_mul_ps(x, x);
    __m512 p = FMA(s, SET(4.37031012579801e-11f), 1.15627324459942e-07f);
    p = FMA(p, s, 6.08574864600143e-05f);
    p = FMA(p, s, 8.51377133304701e-03f);
    p = FMA(p, s, 2.48287947061529e-01f);
    __m512 q = FMA(s, SET(6.10247389755681e-13f), 5.76102136993427e-09f);
    q = FMA(q, s, 6.29106785017040e-06f);
    q = FMA(q, s, 1.70198817374094e-03f);
    q = FMA(q, s, 1.16817656904453e-01f);
    q = FMA(q, s, 9.93151921023180e-01f);
    __m512 y = _mm512_add_ps(_mm512_div_ps(_mm512_mul_ps(p, x), q), SET(0.5f));
    return _mm512_min_ps(SET(1.0f), _mm512_max_ps(SET(0.0f), y));
}

/* What _mm512_dpbusd_epi32 does; around the intrinsic GCC 12 copies every sum to and fro. */
INLINE __m512i plus_products(__m512i sum, __m512i read, __m512i weights) {
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(read), "v"(weights));
    return sum;
}

/* sums[row][gate] of a block for a few rows that stand one after the other. */
INLINE void sum_up(const Phase *p, int64_t block, int64_t row, int rows, int gates, __m512i sums[][4]) {
    const int8_t *w = p->weights + block * p->inputs * gates * LANES;
    const uint8_t *x = p->read + row * p->inputs;
    for (int r = 0; r < rows; r++)
        for (int g = 0; g < gates; g++) sums[r][g] = _mm512_loadu_si512(p->start + (block * gates + g) * LANES);
    for (int64_t k = 0; k < p->inputs; k += 4, w += gates * 64) {
        __m512i weights[4];
        for (int g = 0; g < gates; g++) weights[g] = _mm512_loadu_si512(w + g * 64);
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x + r * p->inputs + k, 4);
            __m512i read = _mm512_set1_epi32(four);
            for (int g = 0; g < gates; g++) sums[r][g] = plus_products(sums[r][g], read, weights[g]);
        }
    }
}

INLINE __m512 real(const Phase *p, const float *addend, int64_t at, __m512i sum) {
    __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(p->scale + at));
    return _mm512_add_ps(scaled, _mm512_loadu_ps(addend + at));
}

INLINE __mmask16 lanes_of(const Phase *p, int64_t block) {
    int64_t left = p->width - block * LANES;
    return left >= LANES ? 0xffff : (__mmask16)((1u << left) - 1);
}

/* Gates to c and h, for sixteen units of one row. */
INLINE void remember(const Phase *p, int64_t block, int64_t row, const float *addend, const __m512i sums[4]) {
    int64_t at = block * 4 * LANES, unit = block * LANES;
    __mmask16 lanes = lanes_of(p, block);
    float *c = p->c + row * p->width + unit;
    __m512 i = sigmoid16(real(p, addend, at, sums[0])), f = sigmoid16(real(p, addend, at + LANES, sums[1]));
    __m512 g = tanh16(real(p, addend, at + 2 * LANES, sums[2])), o = sigmoid16(real(p, addend, at + 3 * LANES, sums[3]));
    __m512 cell = _mm512_add_ps(_mm512_mul_ps(i, g), _mm512_mul_ps(f, _mm512_maskz_loadu_ps(lanes, c)));
    _mm512_mask_storeu_ps(c, lanes, cell);
    __m512 h = _mm512_div_ps(_mm512_mul_ps(o, tanh16(cell)), SET(1.0f / 127));
    __m128i bytes = _mm512_cvtepi32_epi8(_mm512_add_epi32(_mm512_cvtps_epi32(h), _mm512_set1_epi32(128)));
    _mm_mask_storeu_epi8(p->h + row * p->width + unit, lanes, bytes);
    _mm_mask_storeu_epi8(p->above + row * p->above_inputs + unit, lanes, bytes);
}

INLINE void few_rows(const Step *s, const Phase *p, int64_t block, int64_t row, int rows) {
    __m512i sums[MOST_ROWS][4];
    if (p->logits) {
        sum_up(p, block, row, rows, 1, sums);
        for (int r = 0; r < rows; r++)
            _mm512_mask_storeu_ps(p->logits + (row + r) * p->width + block * LANES, lanes_of(p, block),
                                  real(p, p->addend, block * LANES, sums[r][0]));
        return;
    }
    sum_up(p, block, row, rows, 4, sums);
    int64_t gates = (p->width + LANES - 1) / LANES * 4 * LANES;
    for (int r = 0; r < rows; r++)
        remember(p, block, row + r, p->addend + (p->by_token ? s->ids[row + r] * gates : 0), sums[r]);
}

FAST static void all_rows(const Step *s, const Phase *p, int64_t block) {
    for (int64_t row = 0; row < s->rows;) {
        /* groups of nearly the same size: a last one of a single row would waste most of its time */
        int64_t left = s->rows - row, groups = (left + MOST_ROWS - 1) / MOST_ROWS, rows = (left + groups - 1) / groups;
        switch (rows) {
            case 1: few_rows(s, p, block, row, 1); break;
            case 2: few_rows(s, p, block, row, 2); break;
            case 3: few_rows(s, p, block, row, 3); break;
            case 4: few_rows(s, p, block, row, 4); break;
            case 5: few_rows(s, p, block, row, 5); break;
            default: few_rows(s, p, block, row, 6);
        }
        row += rows;
    }
}
