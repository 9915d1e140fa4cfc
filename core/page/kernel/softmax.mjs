// Softmax in float64: the bits of core/inference/kernel_draw.h, but for the logarithm.

import { fma64 } from "./floats.mjs";

const INVERSE_FACTORIALS = [
  6227020800, 479001600, 39916800, 3628800, 362880, 40320, 5040, 720, 120, 24, 6, 2, 1, 1,
].map((factorial) => 1 / factorial);

const LN2_HIGH = 0.6931471803691238; // 0x1.62e42feep-1: 32 bits, so that n times it is exact
const LN2_LOW = 1.9082149292705877e-10; // 0x1.a39ef35793c76p-33

/**
 * The softmax of a row of logits: its probabilities are weights / sum. `moment` is the sum of (x - max) e^(x - max).
 * @typedef {{max: number, sum: number, moment: number, weights: Float64Array}} Softmax
 */

const powers = new Float64Array(2100);
new BigInt64Array(powers.buffer).forEach((_, n, array) => (array[n] = BigInt(Math.min(n, 2046)) << 52n));

/**
 * Return x 2^n for whole n from -1154 to 0 and x from 0.7 to 1.5. The first product is exact.
 * @param {number} x
 * @param {number} n
 */
function timesPowerOf2(x, n) {
  return x * powers[n + 2023] * 2 ** -1000;
}

/**
 * Round half to even, for numbers below 2^51.
 * @param {number} x
 */
function roundToEven(x) {
  return x + 6755399441055744 - 6755399441055744; // 1.5 x 2^52
}

/**
 * Return e^x for x <= 0, to about a unit in the last place; 0 for -Infinity.
 * @param {number} x
 */
export function exp64(x) {
  x = Math.max(x, -800);
  const n = roundToEven(x * 1.4426950408889634);
  let r = x - n * LN2_HIGH; // the product is exact, so it is rounded once
  r = fma64(-n, LN2_LOW, r);
  let p = INVERSE_FACTORIALS[0];
  for (let i = 1; i < 14; i++) p = fma64(p, r, INVERSE_FACTORIALS[i]);
  return timesPowerOf2(p, n);
}

/**
 * Return the softmax of logits (V,).
 * @param {ArrayLike<number>} x
 * @returns {Softmax}
 */
export function softmax(x) {
  let max = -Infinity;
  for (let v = 0; v < x.length; v++) max = Math.max(max, x[v]);
  const weights = new Float64Array(x.length);
  const sums = new Float64Array(8);
  const moments = new Float64Array(8);
  for (let v = 0; v < x.length; v++) {
    const lowered = x[v] - max;
    weights[v] = exp64(lowered);
    sums[v % 8] += weights[v];
    moments[v % 8] = addProduct(weights[v], Math.max(lowered, -800), moments[v % 8]);
  }
  return { max, sum: sumOf8(sums), moment: sumOf8(moments), weights };
}

/**
 * Return weight x lowered + moment, rounded once unless that is too small to matter.
 * @param {number} weight
 * @param {number} lowered
 * @param {number} moment
 */
function addProduct(weight, lowered, moment) {
  return weight < 1e-100 || lowered > -1e-100 ? weight * lowered + moment : fma64(weight, lowered, moment);
}

/** @param {Float64Array} x */
function sumOf8(x) {
  return x[0] + x[4] + (x[2] + x[6]) + (x[1] + x[5] + (x[3] + x[7]));
}

/**
 * Return the index at which the cumulative weights first exceed uniform times their sum, 0 if none does.
 * @param {Float64Array} weights
 * @param {number} uniform
 */
export function firstAbove(weights, uniform) {
  const cumulative = new Float64Array(weights.length);
  let sum = 0;
  for (let v = 0; v < weights.length; v++) cumulative[v] = sum += weights[v];
  return Math.max(0, cumulative.findIndex((value) => value > uniform * sum));
}

/**
 * Return the natural log-probability of a token.
 * @param {Softmax} distribution
 * @param {number} x its logit
 */
export function logprob({ max, sum }, x) {
  return x - max - Math.log(sum);
}

/**
 * Return the entropy in bits: log(sum(exp(x))) - sum(x exp(x)) / sum(exp(x)), divided by log 2.
 * @param {Softmax} distribution
 */
export function entropyOf({ sum, moment }) {
  return (Math.log(sum) - moment / sum) / Math.log(2);
}
