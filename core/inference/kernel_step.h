/* One block of a step: as many hidden units, or logits, as a vector has lanes. The four gates of the units are summed in
   registers, and c and h are computed from them, so a step reads the weights once.

   The result is that of onnx_graph.py on ONNX Runtime, bit for bit: the products are sums of integers, followed by the same
   float32 operations in the same order. kernel_backend.py lays out the arrays. If the number of units or tokens is not a
   multiple of the lanes, the rest of the last vector is masked. */

#define MAX_PHASES 66 /* the embedding, 64 layers and the projection */
#define MAX_THREADS 16

/* Which row of `addend` a row of the batch uses. */
enum { THE_ONLY_ROW, ROW_OF_TOKEN, ROW_OF_BATCH };

/* A phase of a step: the embedding (then `embedding` is given), one layer's gates (then h is), or the projection. The
   embedding has a phase only if the vocabulary is large. Else layer 0 has a table of its products for every token. */
typedef struct {
    int64_t inputs;             /* bytes of a row of `input`, a multiple of four */
    int64_t width;              /* units or tokens */
    const int8_t *weights;      /* (blocks, inputs / 4, gates, LANES, 4) */
    const int32_t *initial_sum; /* (blocks, gates, LANES): cancels what the zero point of the input, 128, adds to a sum */
    const float *scale;         /* (blocks, gates, LANES) */
    const float *addend;        /* rows of (blocks, gates, LANES), the bias among them */
    int64_t addend_row;         /* THE_ONLY_ROW, ROW_OF_TOKEN or ROW_OF_BATCH */
    uint8_t *input;             /* (rows, inputs): the token's embedding, or h of the layer below, then this layer's own */
    int64_t below;              /* bytes of a row of `input` that are h of the layer below */
    uint8_t *h;                 /* (rows, width), copied into the input of this phase and of the next */
    uint8_t *next_input;        /* input of the next phase, which begins with this h */
    int64_t next_inputs;        /* bytes of a row of next_input */
    float *c;                   /* (rows, width) */
    float *output;              /* logits (rows, width), or of the embedding the next phase's addend for each row */
    const uint8_t *embedding;   /* (tokens, inputs), with the zero point 128 */
    const float *token_scale;   /* (tokens,): of the embedding */
    const float *shift;         /* (rows, blocks, gates, LANES), added to the gates; NULL: nothing is added */
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

INLINE Reals gate_of(const Phase *p, const float *addend, const float *shift, int64_t offset, Ints sum) {
    Reals gate = dequantize(p, addend, offset, sum);
    if (shift) gate += LOAD(shift + offset);
    return gate;
}

/* Computes c and h from the gates, for the units of a block in one row. */
INLINE void update_state(const Phase *p, int64_t block, int64_t row, const float *addend, const float *shift,
                         const Ints sums[4]) {
    int64_t offset = block * 4 * LANES, unit = block * LANES;
    Lanes lanes = lanes_of(p->width - block * LANES);
    float *c = p->c + row * p->width + unit;
    Reals i = sigmoid_of(gate_of(p, addend, shift, offset, sums[0]));
    Reals f = sigmoid_of(gate_of(p, addend, shift, offset + LANES, sums[1]));
    Reals g = tanh_of(gate_of(p, addend, shift, offset + 2 * LANES, sums[2]));
    Reals o = sigmoid_of(gate_of(p, addend, shift, offset + 3 * LANES, sums[3]));
    Reals cell = i * g + f * load_some(lanes, c);
    store_some(c, lanes, cell);
    Reals h = o * tanh_of(cell) / SET(1.0f / 127);
    store_bytes(p->h + row * p->width + unit, p->next_input + row * p->next_inputs + unit, lanes, h);
}

/* Stores what the tokens' embeddings add to the gates of layer 0, for the units of a block in one row. */
INLINE void embed(const Phase *p, int64_t block, int64_t id, float *output, const Ints sums[4]) {
    for (int64_t g = 0, offset = block * 4 * LANES; g < 4; g++, offset += LANES) {
        Reals product = TO_REALS(sums[g]) * SET(p->token_scale[id]) * LOAD(p->scale + offset);
        store_some(output + offset, lanes_of(LANES), product + LOAD(p->addend + offset));
    }
}

INLINE void compute_rows(const Step *s, const Phase *p, int64_t block, int64_t row, int rows) {
    Ints sums[MAX_ROWS][4];
    int64_t gates = (p->width + LANES - 1) / LANES * 4 * LANES;
    if (p->embedding) {
        sum_up(p, block, row, rows, 4, sums);
        for (int r = 0; r < rows; r++) embed(p, block, s->ids[row + r], p->output + (row + r) * gates, sums[r]);
    } else if (p->h) {
        sum_up(p, block, row, rows, 4, sums);
        for (int r = 0; r < rows; r++) {
            int64_t which = p->addend_row == ROW_OF_TOKEN ? s->ids[row + r] : p->addend_row == ROW_OF_BATCH ? row + r : 0;
            const float *shift = p->shift ? p->shift + (row + r) * gates : NULL;
            update_state(p, block, row + r, p->addend + which * gates, shift, sums[r]);
        }
    } else {
        sum_up(p, block, row, rows, 1, sums);
        for (int r = 0; r < rows; r++)
            store_some(p->output + (row + r) * p->width + block * LANES, lanes_of(p->width - block * LANES),
                       dequantize(p, p->addend, block * LANES, sums[r][0]));
    }
}

FAST static void compute_block(const Step *s, const Phase *p, int64_t block) {
    for (int64_t row = 0, rows; row < s->rows; row += rows) {
        rows = next_group_size(s->rows - row);
#define COMPUTE(count) compute_rows(s, p, block, row, count)
        WITH_ROW_COUNT(rows, COMPUTE)
#undef COMPUTE
    }
}
