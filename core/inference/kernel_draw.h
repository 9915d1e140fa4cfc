/* The draw, in float64: softmax, cumulated, and where it first passes a uniform; and what is told of it. */

#include <math.h>

/* e^x for x <= 0, to about a unit in the last place; 0 for -inf. With x = n ln 2 + r, |r| <= ln 2 / 2, it is 2^n times the
   Taylor series of e^r, whose first term left out is below 2^-56. */
INLINE Doubles exp8(Doubles x) {
    static const double inverse_factorials[] = {
        1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
        1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0};
    x = MAX8(x, SET8(-800.0)); /* is 0 already */
    Doubles n = ROUND8(MUL8(x, SET8(1.4426950408889634)));
    /* ln 2 in two parts, of which the first has 32 bits: n times it is exact */
    Doubles r = FNMA8(n, SET8(0x1.62e42feep-1), x);
    r = FNMA8(n, SET8(0x1.a39ef35793c76p-33), r);
    Doubles p = SET8(inverse_factorials[0]);
    for (int i = 1; i < 14; i++) p = FMA8(p, r, SET8(inverse_factorials[i]));
    return TIMES_2_TO8(p, n);
}

FAST static double highest(const double *x, int64_t count) {
    Doubles most = SET8(-INFINITY);
    for (int64_t v = 0; v < count; v += 8)
        most = max_of8(lanes8(count - v), most, load8(lanes8(count - v), x + v));
    return HIGHEST8(most);
}

/* Weights e^(x - most) into weights, which may be x; their sum, and the sum of x - most times its weight. */
FAST static void weigh(const double *x, int64_t count, double most, double *weights, double *sum, double *moment) {
    Doubles sums = SET8(0), moments = SET8(0);
    for (int64_t v = 0; v < count; v += 8) {
        Lanes8 lanes = lanes8(count - v);
        Doubles lowered = SUB8(load8(lanes, x + v), SET8(most));
        Doubles weight = only8(lanes, exp8(lowered));
        store8(weights + v, lanes, weight);
        sums = ADD8(sums, weight);
        /* 0 times -inf is nothing: a token that was cut adds no entropy */
        moments = FMA8(weight, MAX8(lowered, SET8(-800.0)), moments);
    }
    *sum = SUM8(sums);
    *moment = SUM8(moments);
}

/* The index at which the cumulated weights first pass uniform times their sum; overwrites them. The last cumulated value,
   not 1, bounds the draw: rounding lets them differ, and a cut token must never come up. */
static int64_t passed(double *weights, int64_t count, double uniform) {
    double sum = 0;
    for (int64_t v = 0; v < count; v++) weights[v] = sum += weights[v];
    for (int64_t v = 0; v < count; v++)
        if (weights[v] > uniform * sum) return v;
    return 0; /* as argmax says where nothing is true */
}

/* How many of x are above a value. */
FAST static int64_t above(const double *x, int64_t count, double value) {
    int64_t found = 0;
    for (int64_t v = 0; v < count; v += 8) {
        Lanes8 lanes = lanes8(count - v);
        found += above8(lanes, load8(lanes, x + v), SET8(value));
    }
    return found;
}

/* A row of logits as a distribution: its weights are e^(x - most) / sum. */
typedef struct {
    double most, sum, moment;
} Softmax;

static Softmax softmax(const double *x, int64_t count, double *weights) {
    Softmax found = {.most = highest(x, count)};
    weigh(x, count, found.most, weights, &found.sum, &found.moment);
    return found;
}

static double logprob(Softmax of, double x) { return x - of.most - log(of.sum); }

/* sampler.Described, field by field, each ``apart`` doubles from the one before. */
static void tell(const double *raw, Softmax model, double shaped, int64_t count, int64_t id, double *told, int64_t apart) {
    told[0] = logprob(model, raw[id]);
    told[apart] = shaped;
    told[2 * apart] = (double)(1 + above(raw, count, raw[id]));
    /* the entropy of softmax(x) is log(sum(exp(x))) - sum(x exp(x)) / sum(exp(x)) */
    told[3 * apart] = (log(model.sum) - model.moment / model.sum) / log(2.0);
}

static int64_t pick_row(const double *shaped, int64_t count, double uniform, double *room) {
    softmax(shaped, count, room);
    return passed(room, count, uniform);
}

static void describe_row(const double *raw, const double *shaped, int64_t count, int64_t id, double *room, double *told,
                         int64_t apart) {
    double drawn = logprob(softmax(shaped, count, room), shaped[id]);
    tell(raw, softmax(raw, count, room), drawn, count, id, told, apart);
}

/* Draws a token for every row of float32 logits (rows, count) at its temperature, and tells of it. */
static void draw(const float *logits, int64_t rows, int64_t count, const double *temperatures, const double *uniforms,
                 int64_t *ids, double *told, int64_t apart, double *room) {
    double *raw = room, *heated = room + count, *weights = room + 2 * count;
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t v = 0; v < count; v++) {
            raw[v] = logits[row * count + v];
            heated[v] = raw[v] / temperatures[row];
        }
        Softmax chances = softmax(heated, count, weights);
        int64_t id = ids[row] = passed(weights, count, uniforms[row]);
        Softmax model = temperatures[row] == 1 ? chances : softmax(raw, count, weights);
        tell(raw, model, logprob(chances, heated[id]), count, id, told + row, apart);
    }
}
