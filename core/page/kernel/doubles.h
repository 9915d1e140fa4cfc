/* Eight float64 as four vectors of two, for kernel_draw.h. lanes8 gives the number of valid ones, given the number of values that
   are left. Arrays have room for whole groups of eight. */

typedef struct {
    Pair part[4];
} Doubles;
typedef int32_t Lanes8;

#define FOR_PARTS for (int i = 0; i < 4; i++)
#define FAST

/* What a rounded sum, or product, has lost, exactly: floats.mjs says how, and how an a b + c that is rounded once follows. */
INLINE Pair lost_by_sum(Pair a, Pair b, Pair s) {
    Pair t = s - a;
    return a - (s - t) + (b - t);
}

INLINE Pair lost_by_product(Pair a, Pair b, Pair product) {
    Pair a1 = 134217729 * a, b1 = 134217729 * b, a_high = a1 - (a1 - a), b_high = b1 - (b1 - b);
    Pair a_low = a - a_high, b_low = b - b_high;
    return a_low * b_low - (product - a_high * b_high - a_low * b_high - a_high * b_low);
}

INLINE Pair fma2(Pair a, Pair b, Pair c) {
    Pair product = a * b, product_low = lost_by_product(a, b, product);
    Pair sum = c + product_low, sum_low = lost_by_sum(c, product_low, sum);
    Pair high = product + sum, high_low = lost_by_sum(product, sum, high);
    Pair rest = sum_low + high_low, result = high + rest, twice = 2 * (rest - (result - high));
    Bits halfway = (twice != 0) & (result + twice - result == twice);
    if (__builtin_expect(!wasm_v128_any_true((v128_t)halfway), 1)) return result;
    Pair lost = lost_by_sum(sum_low, high_low, rest);
    return result + (Pair)((Bits)twice & halfway & (lost != 0) & ((lost > 0) == (twice > 0)));
}

#define EACH(name, expression)                         \
    INLINE Doubles name(Doubles a, Doubles b) {        \
        FOR_PARTS a.part[i] = (Pair)(expression(a.part[i], b.part[i])); \
        return a;                                      \
    }
#define SUM(a, b) (a) + (b)
#define DIFFERENCE(a, b) (a) - (b)
#define PRODUCT(a, b) (a) * (b)
#define LARGER(a, b) wasm_f64x2_pmax(b, a) /* as maxpd: the second if they are equal */
EACH(ADD8, SUM)
EACH(SUB8, DIFFERENCE)
EACH(MUL8, PRODUCT)
EACH(MAX8, LARGER)

INLINE Doubles SET8(double x) {
    Doubles all;
    FOR_PARTS all.part[i] = (Pair){x, x};
    return all;
}
INLINE Doubles FMA8(Doubles a, Doubles b, Doubles c) {
    FOR_PARTS a.part[i] = fma2(a.part[i], b.part[i], c.part[i]);
    return a;
}
INLINE Doubles FNMA8(Doubles a, Doubles b, Doubles c) {
    FOR_PARTS a.part[i] = fma2(-a.part[i], b.part[i], c.part[i]);
    return a;
}
INLINE Doubles ROUND8(Doubles x) {
    FOR_PARTS x.part[i] = (Pair)wasm_f64x2_nearest((v128_t)x.part[i]);
    return x;
}

/* x 2^n for whole n from -1154 to 0 and x from 0.7 to 1.5, by two factors. The first product is exact. */
INLINE Doubles TIMES_2_TO8(Doubles x, Doubles n) {
    FOR_PARTS {
        v128_t exponent = wasm_i32x4_trunc_sat_f64x2_zero((v128_t)(n.part[i] + (1023 + 1000)));
        x.part[i] = x.part[i] * (Pair)wasm_i64x2_shl(wasm_i64x2_extend_low_i32x4(exponent), 52) * 0x1p-1000;
    }
    return x;
}

INLINE double REDUCE_SUM8(Doubles x) {
    Pair two = (x.part[3] + x.part[1]) + (x.part[2] + x.part[0]);
    return two[0] + two[1];
}
INLINE double REDUCE_MAX8(Doubles x) {
    double max = x.part[0][0];
    FOR_PARTS for (int lane = 0; lane < 2; lane++) max = x.part[i][lane] > max ? x.part[i][lane] : max;
    return max;
}

INLINE Lanes8 lanes8(int64_t left) { return left >= 8 ? 8 : (Lanes8)left; }
INLINE Bits valid(Lanes8 lanes, int part) { return (Bits){2 * part, 2 * part + 1} < lanes; }
INLINE Doubles load8(Lanes8 lanes, const double *from) {
    Doubles x;
    (void)lanes;
    FOR_PARTS x.part[i] = (Pair)wasm_v128_load(from + 2 * i);
    return x;
}
INLINE void store8(double *to, Lanes8 lanes, Doubles x) {
    (void)lanes;
    FOR_PARTS wasm_v128_store(to + 2 * i, (v128_t)x.part[i]);
}
INLINE Doubles masked8(Lanes8 lanes, Doubles x) {
    FOR_PARTS x.part[i] = (Pair)((Bits)x.part[i] & valid(lanes, i));
    return x;
}
INLINE Doubles max_of8(Lanes8 lanes, Doubles max, Doubles x) {
    FOR_PARTS x.part[i] = (Pair)wasm_v128_bitselect((v128_t)x.part[i], (v128_t)max.part[i], (v128_t)valid(lanes, i));
    return MAX8(max, x);
}
INLINE int count_above8(Lanes8 lanes, Doubles x, Doubles value) {
    int count = 0;
    FOR_PARTS count += __builtin_popcount(wasm_i64x2_bitmask((v128_t)((x.part[i] > value.part[i]) & valid(lanes, i))));
    return count;
}
