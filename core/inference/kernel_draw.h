/* Draws a token in float64, the first at which the cumulative softmax passes a uniform, and computes its statistics. */

#include <math.h>

/* e^x for x <= 0, to about a unit in the last place; 0 for -inf. With x = n ln 2 + r, |r| <= ln 2 / 2, it is 2^n times the
   Taylor series of e^r, whose first term left out is below 2^-56. */
INLINE Doubles exp8(Doubles x) {
    static const double inverse_factorials[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
        1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0};
    x = MAX8(x, SET8(-800.0)); /* the result is 0 from here on */
    Doubles n = ROUND8(MUL8(x, SET8(1.4426950408889634)));
    /* ln 2 in two parts. The first has 32 bits, so that n times it is exact. */
    Doubles r = FNMA8(n, SET8(0x1.62e42feep-1), x);
    r = FNMA8(n, SET8(0x1.a39ef35793c76p-33), r);
    Doubles p = SET8(inverse_factorials[0]);
    for (int i = 1; i < 14; i++) p = FMA8(p, r, SET8(inverse_factorials[i]));
    return TIMES_2_TO8(p, n);
}

FAST static double max_value(const double *x, int64_t count) {
    Doubles max = SET8(-INFINITY);
    for (int64_t v = 0; v < count; v += 8)
        max = max_of8(lanes8(count - v), max, load8(lanes8(count - v), x + v));
    return REDUCE_MAX8(max);
}

/* Writes e^(x - max) to weights, which may be x; also their sum, and the sum of (x - max) e^(x - max). */
FAST static void softmax_weights(const double *x, int64_t count, double max, double *weights, double *sum,
                                 double *moment) {
    Doubles sums = SET8(0), moments = SET8(0);
    for (int64_t v = 0; v < count; v += 8) {
        Lanes8 lanes = lanes8(count - v);
        Doubles lowered = SUB8(load8(lanes, x + v), SET8(max));
        Doubles weight = masked8(lanes, exp8(lowered));
        store8(weights + v, lanes, weight);
        sums = ADD8(sums, weight);
        /* 0 times -inf counts as 0: a token removed by a filter adds no entropy */
        moments = FMA8(weight, MAX8(lowered, SET8(-800.0)), moments);
    }
    *sum = REDUCE_SUM8(sums);
    *moment = REDUCE_SUM8(moments);
}

/* Returns the index at which the cumulative weights first pass uniform times their sum; overwrites the weights. The draw is
   bounded by the last cumulative value, not by 1: they differ by rounding, and a token removed by a filter must never be
   drawn. */
static int64_t first_above(double *weights, int64_t count, double uniform) {
    double sum = 0;
    for (int64_t v = 0; v < count; v++) weights[v] = sum += weights[v];
    for (int64_t v = 0; v < count; v++)
        if (weights[v] > uniform * sum) return v;
    return 0; /* as argmax does if nothing is true */
}

/* Returns the number of x above a value. */
FAST static int64_t count_above(const double *x, int64_t count, double value) {
    int64_t result = 0;
    for (int64_t v = 0; v < count; v += 8) {
        Lanes8 lanes = lanes8(count - v);
        result += count_above8(lanes, load8(lanes, x + v), SET8(value));
    }
    return result;
}

/* The softmax of a row of logits: its probabilities are e^(x - max) / sum. */
typedef struct {
    double max, sum, moment;
} Softmax;

static Softmax softmax(const double *x, int64_t count, double *weights) {
    Softmax result = {.max = max_value(x, count)};
    softmax_weights(x, count, result.max, weights, &result.sum, &result.moment);
    return result;
}

static double logprob(Softmax s, double x) { return x - s.max - log(s.sum); }

/* Writes the fields of kernel.TokenStats in order, each ``stride`` doubles after the one before. */
static void write_stats(const double *raw, Softmax model, double shaped, int64_t count, int64_t id, double *stats,
                        int64_t stride) {
    stats[0] = logprob(model, raw[id]);
    stats[stride] = shaped;
    stats[2 * stride] = (double)(1 + count_above(raw, count, raw[id]));
    /* the entropy of softmax(x) is log(sum(exp(x))) - sum(x exp(x)) / sum(exp(x)) */
    stats[3 * stride] = (log(model.sum) - model.moment / model.sum) / log(2.0);
}

static int64_t sample_row(const double *shaped, int64_t count, double uniform, double *scratch) {
    softmax(shaped, count, scratch);
    return first_above(scratch, count, uniform);
}

static void compute_row_stats(const double *raw, const double *shaped, int64_t count, int64_t id, double *scratch,
                              double *stats, int64_t stride) {
    double drawn = logprob(softmax(shaped, count, scratch), shaped[id]);
    write_stats(raw, softmax(raw, count, scratch), drawn, count, id, stats, stride);
}

/* Draws a token for every row of float32 logits (rows, count) at its temperature, and writes its statistics. */
static void draw(const float *logits, int64_t rows, int64_t count, const double *temperatures, const double *uniforms,
                 int64_t *ids, double *stats, int64_t stride, double *scratch) {
    double *raw = scratch, *scaled = scratch + count, *weights = scratch + 2 * count;
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t v = 0; v < count; v++) {
            raw[v] = logits[row * count + v];
            scaled[v] = raw[v] / temperatures[row];
        }
        Softmax distribution = softmax(scaled, count, weights);
        int64_t id = ids[row] = first_above(weights, count, uniforms[row]);
        Softmax model = temperatures[row] == 1 ? distribution : softmax(raw, count, weights);
        write_stats(raw, model, logprob(distribution, scaled[id]), count, id, stats + row, stride);
    }
}
