/* One block of a step: as many hidden units, or logits, as a vector has lanes. The four gates of the units are summed in
   registers, and c and h are computed from them, so a step reads the weights once.

   The result is that of onnx_graph.py on ONNX Runtime, bit for bit: the products are sums of integers, followed by the same
   float32 operations in the same order. kernel_backend.py lays out the arrays. If the number of units or tokens is not a
   multiple of the lanes, the rest of the last vector is masked. */

#define MAX_PHASES 65
#define MAX_THREADS 16

/* A phase of a step: one layer's gates, or the projection's logits (then h and c are null). */
typedef struct {
    int64_t inputs;             /* bytes of a row of `input`, a multiple of four */
    int64_t width;              /* units or tokens */
    const int8_t *weights;      /* (blocks, inputs / 4, gates, LANES, 4) */
    const int32_t *initial_sum; /* (blocks, gates, LANES): cancels what the zero point of h, 128, adds to a sum */
    const float *scale;         /* (blocks, gates, LANES) */
    const float *addend;        /* bias (blocks, gates, LANES), or one such row for every token */
    int64_t by_token;           /* 1 if addend has a row for every token */
    uint8_t *input;             /* (rows, inputs): h of the layer below, then this layer's own */
    uint8_t *h;                 /* (rows, width), copied into the input of this phase and of the next */
    uint8_t *next_input;        /* input of the next phase, which begins with this h */
    int64_t next_inputs;        /* bytes of a row of next_input */
    float *c;                   /* (rows, width) */
    float *logits;              /* (rows, width) */
} Phase;

typedef struct {
    int64_t rows, threads, phases;
    const int64_t *ids; /* (rows,) */
    Phase phase[MAX_PHASES];
} Step;

#include "kernel_gates.h"
#include "kernel_rows.h"

/* Computes sums[row][gate] of a block for a few consecutive rows. */
INLINE void sum_up(const Phase *p, int64_t block, int64_t row, int rows, int gates, Ints sums[][4]) {
    const int8_t *w = p->weights + block * p->inputs * gates * LANES;
    const uint8_t *x = p->input + row * p->inputs;
    for (int r = 0; r < rows; r++)
        for (int g = 0; g < gates; g++) sums[r][g] = LOAD_INTS(p->initial_sum + (block * gates + g) * LANES);
    for (int64_t k = 0; k < p->inputs; k += 4, w += gates * 4 * LANES) {
        Ints weights[4];
        for (int g = 0; g < gates; g++) weights[g] = LOAD_INTS(w + g * 4 * LANES);
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x + r * p->inputs + k, 4);
            Ints input = SET_INTS(four);
            for (int g = 0; g < gates; g++) sums[r][g] = plus_products(sums[r][g], input, weights[g]);
        }
    }
}

INLINE Reals dequantize(const Phase *p, const float *addend, int64_t offset, Ints sum) {
    return TO_REALS(sum) * LOAD(p->scale + offset) + LOAD(addend + offset);
}

/* Computes c and h from the gates, for the units of a block in one row. */
INLINE void update_state(const Phase *p, int64_t block, int64_t row, const float *addend, const Ints sums[4]) {
    int64_t offset = block * 4 * LANES, unit = block * LANES;
    Lanes lanes = lanes_of(p->width - block * LANES);
    float *c = p->c + row * p->width + unit;
    Reals i = sigmoid_of(dequantize(p, addend, offset, sums[0]));
    Reals f = sigmoid_of(dequantize(p, addend, offset + LANES, sums[1]));
    Reals g = tanh_of(dequantize(p, addend, offset + 2 * LANES, sums[2]));
    Reals o = sigmoid_of(dequantize(p, addend, offset + 3 * LANES, sums[3]));
    Reals cell = i * g + f * load_some(lanes, c);
    store_some(c, lanes, cell);
    Reals h = o * tanh_of(cell) / SET(1.0f / 127);
    store_bytes(p->h + row * p->width + unit, p->next_input + row * p->next_inputs + unit, lanes, h);
}

INLINE void compute_rows(const Step *s, const Phase *p, int64_t block, int64_t row, int rows) {
    Ints sums[MAX_ROWS][4];
    if (p->logits) {
        sum_up(p, block, row, rows, 1, sums);
        for (int r = 0; r < rows; r++)
            store_some(p->logits + (row + r) * p->width + block * LANES, lanes_of(p->width - block * LANES),
                       dequantize(p, p->addend, block * LANES, sums[r][0]));
        return;
    }
    sum_up(p, block, row, rows, 4, sums);
    int64_t gates = (p->width + LANES - 1) / LANES * 4 * LANES;
    for (int r = 0; r < rows; r++)
        update_state(p, block, row + r, p->addend + (p->by_token ? s->ids[row + r] * gates : 0), sums[r]);
}

FAST static void compute_block(const Step *s, const Phase *p, int64_t block) {
    for (int64_t row = 0, rows; row < s->rows; row += rows) {
        rows = next_group_size(s->rows - row);
#define COMPUTE(count) compute_rows(s, p, block, row, count)
        WITH_ROW_COUNT(rows, COMPUTE)
#undef COMPUTE
    }
}
