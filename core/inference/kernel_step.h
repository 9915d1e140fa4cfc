/* One block of a step: as many hidden units as a vector has lanes, their four gates summed up in registers, and c and h from
   there; or as many logits. So a step is one pass over the weights.

   The result is that of core/graph.py on ONNX Runtime bit for bit: the products are sums of integers, and what follows
   does the same float32 operations in the same order. kernelstep.py lays out the arrays; a number of units or tokens
   that is no multiple of the lanes is masked. */

#define MOST_PHASES 65
#define MAX_THREADS 16

/* What a phase of a step computes: a layer's gates, or the logits of the projection (h and c are null there). */
typedef struct {
    int64_t inputs;        /* bytes of a row of read, a multiple of four */
    int64_t width;         /* units or tokens */
    const int8_t *weights; /* (blocks, inputs / 4, gates, LANES, 4) */
    const int32_t *start;  /* (blocks, gates, LANES): what the zero of h as 128 adds to a sum, taken away */
    const float *scale;    /* (blocks, gates, LANES) */
    const float *addend;   /* bias (blocks, gates, LANES), or one such row for every token */
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

#include "kernel_gates.h"
#include "kernel_rows.h"

/* sums[row][gate] of a block for a few rows that stand one after the other. */
INLINE void sum_up(const Phase *p, int64_t block, int64_t row, int rows, int gates, Ints sums[][4]) {
    const int8_t *w = p->weights + block * p->inputs * gates * LANES;
    const uint8_t *x = p->read + row * p->inputs;
    for (int r = 0; r < rows; r++)
        for (int g = 0; g < gates; g++) sums[r][g] = LOAD_INTS(p->start + (block * gates + g) * LANES);
    for (int64_t k = 0; k < p->inputs; k += 4, w += gates * 4 * LANES) {
        Ints weights[4];
        for (int g = 0; g < gates; g++) weights[g] = LOAD_INTS(w + g * 4 * LANES);
        for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x + r * p->inputs + k, 4);
            Ints read = SET_INTS(four);
            for (int g = 0; g < gates; g++) sums[r][g] = plus_products(sums[r][g], read, weights[g]);
        }
    }
}

INLINE Reals real(const Phase *p, const float *addend, int64_t at, Ints sum) {
    return TO_REALS(sum) * LOAD(p->scale + at) + LOAD(addend + at);
}

/* Gates to c and h, for the units of a block in one row. */
INLINE void remember(const Phase *p, int64_t block, int64_t row, const float *addend, const Ints sums[4]) {
    int64_t at = block * 4 * LANES, unit = block * LANES;
    Lanes lanes = lanes_of(p->width - block * LANES);
    float *c = p->c + row * p->width + unit;
    Reals i = sigmoid_of(real(p, addend, at, sums[0])), f = sigmoid_of(real(p, addend, at + LANES, sums[1]));
    Reals g = tanh_of(real(p, addend, at + 2 * LANES, sums[2])), o = sigmoid_of(real(p, addend, at + 3 * LANES, sums[3]));
    Reals cell = i * g + f * load_some(lanes, c);
    store_some(c, lanes, cell);
    Reals h = o * tanh_of(cell) / SET(1.0f / 127);
    store_bytes(p->h + row * p->width + unit, p->above + row * p->above_inputs + unit, lanes, h);
}

INLINE void few_rows(const Step *s, const Phase *p, int64_t block, int64_t row, int rows) {
    Ints sums[MOST_ROWS][4];
    if (p->logits) {
        sum_up(p, block, row, rows, 1, sums);
        for (int r = 0; r < rows; r++)
            store_some(p->logits + (row + r) * p->width + block * LANES, lanes_of(p->width - block * LANES),
                       real(p, p->addend, block * LANES, sums[r][0]));
        return;
    }
    sum_up(p, block, row, rows, 4, sums);
    int64_t gates = (p->width + LANES - 1) / LANES * 4 * LANES;
    for (int r = 0; r < rows; r++)
        remember(p, block, row + r, p->addend + (p->by_token ? s->ids[row + r] * gates : 0), sums[r]);
}

FAST static void all_rows(const Step *s, const Phase *p, int64_t block) {
    for (int64_t row = 0, rows; row < s->rows; row += rows) {
        rows = next_rows(s->rows - row);
#define THESE(count) few_rows(s, p, block, row, count)
        FEW(rows, THESE)
#undef THESE
    }
}
