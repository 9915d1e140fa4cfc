// The filters between the model's logits and the draw, for one text: those of core/sampling/filters.py. Each takes logits
// (V,) and returns new ones, -Infinity for tokens that it removes.

const MAX_REPEAT = 64; // longest repeat, in tokens, that DRY measures

/**
 * Return the log-probabilities; -Infinity stays -Infinity.
 * @param {Float64Array} logits
 */
export function logSoftmax(logits) {
  const max = maxOf(logits);
  const logSum = Math.log(logits.reduce((sum, x) => sum + Math.exp(x - max), 0));
  return logits.map((x) => x - max - logSum);
}

/**
 * Return the entropy in bits of log-probabilities.
 * @param {Float64Array} logprobs
 */
export function entropy(logprobs) {
  return -logprobs.reduce((sum, x) => (Math.exp(x) > 0 ? sum + Math.exp(x) * x : sum), 0) / Math.log(2);
}

/**
 * Divide positive logits of tokens that occur in `counts` (V,) by the penalty; multiply negative ones by it. Keskar et al.
 * 2019 (CTRL, arXiv 1909.05858), section 4.1.
 * @param {Float64Array} logits
 * @param {number} penalty
 * @param {Uint32Array} counts
 */
export function repeatPenalty(logits, penalty, counts) {
  return logits.map((x, v) => (!counts[v] ? x : x > 0 ? x / penalty : x * penalty));
}

/**
 * Subtract the penalty for each time that a token occurs in `counts` (V,).
 * @param {Float64Array} logits
 * @param {number} penalty
 * @param {Uint32Array} counts
 */
export function frequencyPenalty(logits, penalty, counts) {
  return logits.map((x, v) => (counts[v] ? x - penalty * counts[v] : x));
}

/**
 * Subtract the penalty once for every token that occurs in `counts` (V,).
 * @param {Float64Array} logits
 * @param {number} penalty
 * @param {Uint32Array} counts
 */
export function presencePenalty(logits, penalty, counts) {
  return logits.map((x, v) => (counts[v] ? x - penalty : x));
}

/**
 * Penalize tokens that would continue a repeat of length n: subtract multiplier x base^(n - allowedLength). DRY is p-e-w's,
 * text-generation-webui pull request 5677.
 * @param {Float64Array} logits
 * @param {number[]} ids the text so far
 * @param {{multiplier: number, base: number, allowedLength: number, limit: number}} options
 */
export function dryPenalty(logits, ids, { multiplier, base, allowedLength, limit }) {
  const longest = new Uint32Array(logits.length);
  for (const [token, length] of findRepeats(ids, limit)) longest[token] = Math.max(longest[token], length);
  return logits.map((x, v) => {
    const excess = Math.min(longest[v] - allowedLength, MAX_REPEAT);
    return excess >= 0 ? x - multiplier * base ** excess : x;
  });
}

/**
 * Yield the tokens that followed earlier occurrences of the end of `ids`, each with the length of the repeat.
 * @param {number[]} ids
 * @param {number} limit
 * @returns {Generator<[number, number]>}
 */
function* findRepeats(ids, limit) {
  const most = Math.min(limit, MAX_REPEAT);
  const last = ids.length - 1;
  for (let end = 0; most > 0 && end < last; end++) {
    let length = 0;
    while (length < most && length <= end && ids[end - length] === ids[last - length]) length++;
    if (length) yield [ids[end + 1], length];
  }
}

/**
 * Return the number of tokens after the last of `breakers`.
 * @param {number[]} ids
 * @param {Set<number>} breakers
 */
export function tokensSinceBreaker(ids, breakers) {
  return ids.length - 1 - ids.findLastIndex((id) => breakers.has(id));
}

/**
 * Keep the k likeliest tokens. Among equally likely ones, the lower id comes first.
 * @param {Float64Array} logits
 * @param {number} k
 */
export function topK(logits, k) {
  const kept = new Set(orderBy(logits.map((x) => -x)).subarray(0, k));
  return logits.map((x, v) => (kept.has(v) ? x : -Infinity));
}

/**
 * Keep the tokens whose surprisal is closest to the entropy, until they reach probability p. Meister et al. 2023, "Locally
 * Typical Sampling" (arXiv 2202.00666), equation 5.
 * @param {Float64Array} logits
 * @param {number} p
 */
export function typical(logits, p) {
  const logprobs = logSoftmax(logits);
  const expected = entropy(logprobs) * Math.log(2);
  return keepNucleus(logits, logprobs, logprobs.map((x) => Math.abs(-x - expected)), p);
}

/**
 * Keep the likeliest tokens until they reach probability p, at least one. Holtzman et al. 2020, "The Curious Case of Neural
 * Text Degeneration" (arXiv 1904.09751), section 3.1.
 * @param {Float64Array} logits
 * @param {number} p
 */
export function topP(logits, p) {
  const logprobs = logSoftmax(logits);
  return keepNucleus(logits, logprobs, logprobs.map((x) => -x), p);
}

/**
 * Keep the tokens at least p times as likely as the likeliest (arXiv 2407.01082).
 * @param {Float64Array} logits
 * @param {number} p
 */
export function minP(logits, p) {
  const threshold = maxOf(logits) + Math.log(p);
  return logits.map((x) => (x >= threshold ? x : -Infinity));
}

const MIN_STABLE_TEMPERATURE = 0.01; // lowest temperature at which dividing by it cannot overflow

/**
 * Divide logits by the temperature. At 0 keep only the likeliest token, the first among equals.
 * @param {Float64Array} logits
 * @param {number} temperature
 */
export function applyTemperature(logits, temperature) {
  if (temperature >= MIN_STABLE_TEMPERATURE) return logits.map((x) => x / temperature);
  const max = maxOf(logits);
  const likeliest = logits.indexOf(max);
  if (temperature === 0) return logits.map((_, v) => (v === likeliest ? 0 : -Infinity));
  return logits.map((x) => (x - max) / temperature);
}

/**
 * Keep the tokens whose surprisal is at most `bound` bits, at least the likeliest. The truncation of Mirostat 2 (Basu et al.
 * 2021, arXiv 2007.14966, algorithm 2).
 * @param {Float64Array} logits
 * @param {number} bound
 */
export function maxSurprise(logits, bound) {
  const max = maxOf(logits);
  const logprobs = logSoftmax(logits);
  return logits.map((x, v) => (-logprobs[v] / Math.log(2) <= bound || x === max ? x : -Infinity));
}

/**
 * Keep the tokens that, in ascending order of `keys`, are needed to reach probability p. The first is always kept.
 * @param {Float64Array} logits
 * @param {Float64Array} logprobs
 * @param {Float64Array} keys
 * @param {number} p
 */
function keepNucleus(logits, logprobs, keys, p) {
  const result = new Float64Array(logits.length).fill(-Infinity);
  let reached = 0;
  orderBy(keys).forEach((v, place) => {
    const probability = Math.exp(logprobs[v]);
    reached += probability;
    if (reached - probability < p || place === 0) result[v] = logits[v];
  });
  return result;
}

/**
 * Return the indices in ascending order of their keys. Among equal ones the first comes first.
 * @param {Float64Array} keys
 */
function orderBy(keys) {
  return Uint32Array.from(keys.keys()).sort((a, b) => (keys[a] === keys[b] ? a - b : keys[a] - keys[b]));
}

/** @param {Float64Array} values */
export function maxOf(values) {
  return values.reduce((max, x) => Math.max(max, x), -Infinity);
}
