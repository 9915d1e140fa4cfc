/* The activation functions of an LSTM's gates, on vectors that the including file defines. */

/* a b + c, rounded once. */
#define PLUS(a, b, c) FMA(a, b, SET(c))

/* Rational approximations as in Eigen and ONNX Runtime: float32, accurate to a few units in the last place. */
INLINE Reals tanh_of(Reals x) {
    x = MIN(SET(9.0f), MAX(SET(-9.0f), x));
    Reals s = x * x;
    Reals p = PLUS(s, SET(-2.76076847742355e-16f), 2.00018790482477e-13f);
    p = PLUS(p, s, -8.60467152213735e-11f);
    p = PLUS(p, s, 5.12229709037114e-08f);
    p = PLUS(p, s, 1.48572235717979e-05f);
    p = PLUS(p, s, 6.37261928875436e-04f);
    p = PLUS(p, s, 4.89352455891786e-03f);
    Reals q = PLUS(s, SET(1.19825839466702e-06f), 1.18534705686654e-04f);
    q = PLUS(q, s, 2.26843463243900e-03f);
    q = PLUS(q, s, 4.89352518554385e-03f);
    return p * x / q;
}

INLINE Reals sigmoid_of(Reals x) {
    x = MIN(SET(18.0f), MAX(SET(-18.0f), x));
    Reals s = x * x;
    Reals p = PLUS(s, SET(4.37031012579801e-11f), 1.15627324459942e-07f);
    p = PLUS(p, s, 6.08574864600143e-05f);
    p = PLUS(p, s, 8.51377133304701e-03f);
    p = PLUS(p, s, 2.48287947061529e-01f);
    Reals q = PLUS(s, SET(6.10247389755681e-13f), 5.76102136993427e-09f);
    q = PLUS(q, s, 6.29106785017040e-06f);
    q = PLUS(q, s, 1.70198817374094e-03f);
    q = PLUS(q, s, 1.16817656904453e-01f);
    q = PLUS(q, s, 9.93151921023180e-01f);
    Reals y = p * x / q + SET(0.5f);
    return MIN(SET(1.0f), MAX(SET(0.0f), y));
}
