// Arithmetic that JavaScript lacks: the functions of a gate in float32, with the bits of core/inference/kernel_gates.h, and
// a b + c in float64, rounded once.

const { fround } = Math;

/**
 * Return a b + c of float32 numbers, rounded to float64 and then to float32. For no number do the functions below differ from
 * those of kernel_gates.h, which round once: tests/page_gates.c tries all.
 * @param {number} a
 * @param {number} b
 * @param {number} c
 */
function fma32(a, b, c) {
  return fround(a * b + c);
}

/**
 * Return a + b - s exactly, for the rounded sum s: Knuth's TwoSum (TAOCP 2, section 4.2.2, theorem B).
 * @param {number} a
 * @param {number} b
 * @param {number} s
 */
function lostBySum(a, b, s) {
  const t = s - a;
  return a - (s - t) + (b - t);
}

const SPLIT = 134217729; // 2^27 + 1

/**
 * Return a b - p exactly, for the rounded product p: Dekker's product (1971), for numbers from 2^-500 to 2^500.
 * @param {number} a
 * @param {number} b
 * @param {number} p
 */
function lostByProduct(a, b, p) {
  const a1 = SPLIT * a;
  const b1 = SPLIT * b;
  const aHigh = a1 - (a1 - a);
  const bHigh = b1 - (b1 - b);
  const aLow = a - aHigh;
  const bLow = b - bHigh;
  return aLow * bLow - (p - aHigh * bHigh - aLow * bHigh - aHigh * bLow);
}

/**
 * Return a b + c, rounded once to float64: Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums", figure 4.
 *
 * Numbers must be 0 or from 2^-500 to 2^500. The figure rounds `rest` to odd. That differs only if `result` lies in the middle
 * of two numbers and `rest` is not exact: the part that it lost then decides.
 * @param {number} a
 * @param {number} b
 * @param {number} c
 */
export function fma64(a, b, c) {
  const product = a * b;
  const productLow = lostByProduct(a, b, product);
  const sum = c + productLow;
  const sumLow = lostBySum(c, productLow, sum);
  const high = product + sum;
  const highLow = lostBySum(product, sum, high);
  const rest = sumLow + highLow;
  const result = high + rest;
  const twice = 2 * (rest - (result - high));
  if (twice === 0 || result + twice - result !== twice) return result;
  const lost = lostBySum(sumLow, highLow, rest);
  return lost !== 0 && lost > 0 === twice > 0 ? result + twice : result;
}

/**
 * Return tanh x, float32: the rational approximation of kernel_gates.h.
 * @param {number} x
 */
export function tanh32(x) {
  x = Math.min(9, Math.max(-9, x));
  const s = fround(x * x);
  let p = fma32(s, T13, T11);
  p = fma32(p, s, T9);
  p = fma32(p, s, T7);
  p = fma32(p, s, T5);
  p = fma32(p, s, T3);
  p = fma32(p, s, T1);
  let q = fma32(s, U6, U4);
  q = fma32(q, s, U2);
  q = fma32(q, s, U0);
  return fround(fround(p * x) / q);
}

/**
 * Return 1 / (1 + e^-x), float32: the rational approximation of kernel_gates.h.
 * @param {number} x
 */
export function sigmoid32(x) {
  x = Math.min(18, Math.max(-18, x));
  const s = fround(x * x);
  let p = fma32(s, S9, S7);
  p = fma32(p, s, S5);
  p = fma32(p, s, S3);
  p = fma32(p, s, S1);
  let q = fma32(s, R10, R8);
  q = fma32(q, s, R6);
  q = fma32(q, s, R4);
  q = fma32(q, s, R2);
  q = fma32(q, s, R0);
  return Math.min(1, Math.max(0, fround(fround(fround(p * x) / q) + 0.5)));
}

// The coefficients of kernel_gates.h, which are those of Eigen and ONNX Runtime.
const [T13, T11, T9] = [-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11].map(fround);
const [T7, T5, T3, T1] = [5.12229709037114e-8, 1.48572235717979e-5, 6.37261928875436e-4, 4.89352455891786e-3].map(fround);
const [U6, U4, U2, U0] = [1.19825839466702e-6, 1.18534705686654e-4, 2.268434632439e-3, 4.89352518554385e-3].map(fround);
const [S9, S7, S5] = [4.37031012579801e-11, 1.15627324459942e-7, 6.08574864600143e-5].map(fround);
const [S3, S1] = [8.51377133304701e-3, 2.48287947061529e-1].map(fround);
const [R10, R8, R6] = [6.10247389755681e-13, 5.76102136993427e-9, 6.2910678501704e-6].map(fround);
const [R4, R2, R0] = [1.70198817374094e-3, 1.16817656904453e-1, 9.9315192102318e-1].map(fround);
