/* Steps an int8 LSTM in WebAssembly with vectors of 16 bytes, several rows at once, and computes softmaxes. `make wasm` makes
   step.wasm of it.

   Its results are those of core/inference/kernel_step.h, bit for bit: the functions of the gates and the softmax are the same
   source. Sums of whole numbers are exact in any order. wasm_step.mjs lays out the arrays, which are in this module's memory. */

#include <stdint.h>
#include <wasm_simd128.h>

#define INLINE static inline __attribute__((always_inline))
#define EXPORT(name) __attribute__((export_name(#name), visibility("default")))

#define LANES 4
#define VECTORS 4  /* of a block: the four gates of four units, or 16 tokens */
#define MAX_ROWS 2 /* times four vectors: 8 of the 16 registers of x86-64 hold sums */

typedef float Reals __attribute__((vector_size(16)));
typedef int32_t Ints __attribute__((vector_size(16)));
typedef double Pair __attribute__((vector_size(16)));
typedef int64_t Bits __attribute__((vector_size(16)));

#define SET(x) (Reals)wasm_f32x4_splat(x)
#define MIN(a, b) (Reals)wasm_f32x4_pmin(b, a) /* as minps: the second if they are equal */
#define MAX(a, b) (Reals)wasm_f32x4_pmax(b, a)
#define LOAD(from) (Reals)wasm_v128_load(from)
#define TO_REALS(ints) (Reals)wasm_f32x4_convert_i32x4(ints)

INLINE Pair low_half(Reals x) { return (Pair)wasm_f64x2_promote_low_f32x4(x); }
INLINE Pair high_half(Reals x) { return low_half((Reals)wasm_i32x4_shuffle(x, x, 2, 3, 2, 3)); }

/* a b + c, rounded to float64 and then to float32, as there is no other way. For no number do the gates differ from those whose
   multiply-adds are rounded once: tests/page_gates.c tries all. */
INLINE Reals FMA(Reals a, Reals b, Reals c) {
    v128_t low = wasm_f32x4_demote_f64x2_zero(low_half(a) * low_half(b) + low_half(c));
    v128_t high = wasm_f32x4_demote_f64x2_zero(high_half(a) * high_half(b) + high_half(c));
    return (Reals)wasm_i32x4_shuffle(low, high, 0, 1, 4, 5);
}

#include "../../inference/kernel_gates.h"

/* Computes the sums of a block for a few consecutive rows of whole numbers: h without its zero point. */
INLINE void sum_up(const int8_t *weights, const int16_t *input, int32_t inputs, int rows, Ints sums[][VECTORS]) {
    for (int r = 0; r < rows; r++)
        for (int n = 0; n < VECTORS; n++) sums[r][n] = (Ints){0};
    for (int32_t k = 0; k < inputs; k += 2, weights += VECTORS * 2 * LANES) {
        v128_t two[MAX_ROWS];
        for (int r = 0; r < rows; r++) two[r] = wasm_v128_load32_splat(input + r * inputs + k);
        for (int n = 0; n < VECTORS; n++) {
            v128_t eight = wasm_i16x8_load8x8(weights + n * 2 * LANES);
            for (int r = 0; r < rows; r++) sums[r][n] += (Ints)wasm_i32x4_dot_i16x8(eight, two[r]);
        }
    }
}

/* The arrays of a layer or of the projection, `blocks` times four units or 16 tokens. JavaScript writes its fields. */
typedef struct {
    int32_t inputs, blocks;
    const int8_t *weights; /* (blocks, inputs / 2, VECTORS, LANES, 2) */
    const float *scale;    /* (blocks, VECTORS, LANES) */
    const float *addend;   /* (blocks, VECTORS, LANES), or of layer 0 (rows, blocks, VECTORS, LANES) */
    int32_t addend_row;    /* floats from the addend of a row to the next: 0 if there is one */
    const float *shift;    /* (rows, blocks, VECTORS, LANES), added to the gates; NULL: nothing is added */
    const int16_t *input;  /* (rows, inputs): h of the layer below, and this layer's own */
    int16_t *next_input;   /* (rows, next_inputs), which begins with this h */
    int32_t next_inputs;
    float *output;         /* c (rows, blocks, LANES), or logits (rows, blocks, VECTORS, LANES) */
} Phase;

INLINE Reals dequantize(const Phase *p, int32_t row, int32_t offset, Ints sum) {
    return TO_REALS(sum) * LOAD(p->scale + offset) + LOAD(p->addend + row * p->addend_row + offset);
}

INLINE Reals gate_of(const Phase *p, int32_t row, int32_t offset, Ints sum) {
    Reals gate = dequantize(p, row, offset, sum);
    if (p->shift) gate += LOAD(p->shift + row * p->blocks * VECTORS * LANES + offset);
    return gate;
}

/* Computes c and h from the gates, for the units of a block in one row. Not inlined: the module would be three times as large. */
__attribute__((noinline)) static void update_state(const Phase *p, int32_t block, int32_t row, const Ints sums[VECTORS]) {
    int32_t offset = block * VECTORS * LANES;
    float *c = p->output + (row * p->blocks + block) * LANES;
    Reals i = sigmoid_of(gate_of(p, row, offset, sums[0])), f = sigmoid_of(gate_of(p, row, offset + LANES, sums[1]));
    Reals g = tanh_of(gate_of(p, row, offset + 2 * LANES, sums[2]));
    Reals o = sigmoid_of(gate_of(p, row, offset + 3 * LANES, sums[3]));
    Reals cell = i * g + f * LOAD(c);
    wasm_v128_store(c, cell);
    v128_t h = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_nearest(o * tanh_of(cell) / SET(1.0f / 127)));
    wasm_v128_store64_lane(p->next_input + row * p->next_inputs + block * LANES, wasm_i16x8_narrow_i32x4(h, h), 0);
}

INLINE void store_logits(const Phase *p, int32_t block, int32_t row, const Ints sums[VECTORS]) {
    for (int32_t n = 0, offset = block * VECTORS * LANES; n < VECTORS; n++, offset += LANES)
        wasm_v128_store(p->output + row * p->blocks * VECTORS * LANES + offset, dequantize(p, row, offset, sums[n]));
}

INLINE void compute_rows(const Phase *p, int32_t block, int32_t row, int rows) {
    Ints sums[MAX_ROWS][VECTORS];
    const int8_t *weights = p->weights + block * p->inputs * VECTORS * LANES;
    sum_up(weights, p->input + row * p->inputs, p->inputs, rows, sums);
    for (int r = 0; r < rows; r++)
        if (p->next_input) update_state(p, block, row + r, sums[r]);
        else store_logits(p, block, row + r, sums[r]);
}

/* Computes a phase for a number of rows. */
EXPORT(run) void run(const Phase *p, int32_t rows) {
    for (int32_t block = 0; block < p->blocks; block++) {
        for (int32_t row = 0; row + 1 < rows; row += 2) compute_rows(p, block, row, 2);
        if (rows % 2) compute_rows(p, block, rows - 1, 1);
    }
}

#include "doubles.h"

#include "../../inference/kernel_draw.h"

/* Computes the softmax of logits (count,), and its weights. Both arrays have room for a multiple of eight. */
EXPORT(softmax) void compute_softmax(const double *logits, int32_t count, double *weights, Softmax *result) {
    *result = softmax(logits, count, weights);
}
