// From the model's logits to a token, as core/sampling/sampler.py: ban and bias, penalties, DRY, top-k, typical, top-p,
// min-p, temperature, and last the bound on surprisal.

import * as filters from "./filters.mjs";
import { entropyOf, firstAbove, logprob, softmax } from "./kernel/softmax.mjs";
import { DEFAULTS } from "./settings.mjs";

const MAX_HISTORY = 8192; // number of latest tokens that penalties and DRY see

/**
 * Statistics of a drawn token: its natural log-probability under the model and after the filters, its rank under the model
 * (1 is the likeliest), and the entropy of the model's distribution in bits.
 * @typedef {{logprob: number, shaped: number, rank: number, entropy: number}} TokenStats
 */

/**
 * What the filters need of a text: its latest n token ids, oldest first, and the bits of surprisal that the next may have.
 * @typedef {{recent: (n: number) => number[], surpriseBound: number}} History
 */

/** The filters that a text uses, prepared for many steps. */
export class SamplerChain {
  /**
   * @param {import("./settings.mjs").Settings} settings
   * @param {import("./tokenizer.mjs").Tokenizer} tokenizer
   */
  constructor(settings, tokenizer) {
    this.settings = settings;
    this.bias = logitBias(tokenizer, settings);
    this.breakers = settings.dry_multiplier ? breakerIds(tokenizer, settings) : new Set();
  }

  /**
   * Return the logits to draw from: `logits` (V,) after all filters and the temperature.
   * @param {Float64Array} logits
   * @param {number} temperature
   * @param {History} history
   */
  apply(logits, temperature, history) {
    const s = this.settings;
    const bias = this.bias;
    let x = bias ? logits.map((value, v) => value + bias[v]) : logits;
    x = this.penalize(x, history);
    if (s.top_k !== DEFAULTS.top_k) x = filters.topK(x, s.top_k);
    if (s.typical !== DEFAULTS.typical) x = filters.typical(x, s.typical);
    if (s.top_p !== DEFAULTS.top_p) x = filters.topP(x, s.top_p);
    if (s.min_p !== DEFAULTS.min_p) x = filters.minP(x, s.min_p);
    x = filters.applyTemperature(x, temperature);
    return s.surprise ? filters.maxSurprise(x, history.surpriseBound) : x;
  }

  /**
   * @param {Float64Array} logits
   * @param {History} history
   */
  penalize(logits, history) {
    const s = this.settings;
    let x = logits;
    const counts = new Uint32Array(x.length);
    if (s.repeat_penalty !== 1 || s.frequency_penalty || s.presence_penalty) {
      for (const id of history.recent(s.repeat_last_n)) counts[id] += 1;
    }
    if (s.repeat_penalty !== 1) x = filters.repeatPenalty(x, s.repeat_penalty, counts);
    if (s.frequency_penalty) x = filters.frequencyPenalty(x, s.frequency_penalty, counts);
    if (s.presence_penalty) x = filters.presencePenalty(x, s.presence_penalty, counts);
    return s.dry_multiplier ? this.applyDry(x, history) : x;
  }

  /**
   * @param {Float64Array} logits
   * @param {History} history
   */
  applyDry(logits, history) {
    const s = this.settings;
    const ids = history.recent(s.dry_penalty_last_n < 0 ? MAX_HISTORY : s.dry_penalty_last_n);
    return filters.dryPenalty(logits, ids, {
      multiplier: s.dry_multiplier,
      base: s.dry_base,
      allowedLength: s.dry_allowed_length,
      limit: filters.tokensSinceBreaker(ids, this.breakers),
    });
  }
}

/**
 * Draw the id at which the cumulative probability of logits (V,) after the filters, `shaped`, first exceeds a uniform number,
 * or take `forced`. Returns it with its statistics; `raw` are the logits before the filters. A kernel's softmax is faster.
 * @param {Float64Array} raw
 * @param {Float64Array} shaped
 * @param {number} uniform
 * @param {number | null} forced
 * @param {(logits: Float64Array) => import("./kernel/softmax.mjs").Softmax} softmaxOf
 * @returns {{id: number} & TokenStats}
 */
export function drawToken(raw, shaped, uniform, forced = null, softmaxOf = softmax) {
  const distribution = softmaxOf(shaped);
  const model = raw.every((x, v) => x === shaped[v]) ? distribution : softmaxOf(raw);
  const id = forced ?? firstAbove(distribution.weights, uniform);
  const rank = 1 + raw.reduce((count, x) => (x > raw[id] ? count + 1 : count), 0);
  const drawn = logprob(distribution, shaped[id]);
  return { id, logprob: logprob(model, raw[id]), shaped: drawn, rank, entropy: entropyOf(model) };
}

/**
 * Return the probabilities (V,) of logits.
 * @param {ArrayLike<number>} logits
 */
export function probabilities(logits) {
  const { weights, sum } = softmax(logits);
  return weights.map((weight) => weight / sum);
}

/**
 * Return the numbers (V,) that `ban` and `bias` add to the logits, null if they add none. As in the terminal, a bias is on
 * tokens that have exactly its text, a ban on all that contain it; if no token would be left, both are off.
 * @param {import("./tokenizer.mjs").Tokenizer} tokenizer
 * @param {import("./settings.mjs").Settings} settings
 */
export function logitBias(tokenizer, { ban, bias }) {
  if (!ban.length && !bias.length) return null;
  const values = new Float64Array(tokenizer.size);
  const texts = Array.from({ length: tokenizer.size }, (_, token) => tokenizer.decode([token]));
  for (const [text, number] of bias) texts.forEach((each, token) => (values[token] += each === text ? number : 0));
  texts.forEach((each, token) => ban.some((text) => each.includes(text)) && (values[token] = -Infinity));
  return values.some((value, token) => value !== -Infinity && token !== tokenizer.standIn) ? values : null;
}

/**
 * Return the ids of the tokens that end a DRY sequence. Those that the model has never seen are left out.
 * @param {import("./tokenizer.mjs").Tokenizer} tokenizer
 * @param {import("./settings.mjs").Settings} settings
 */
function breakerIds(tokenizer, settings) {
  const known = settings.dry_sequence_breakers.filter((text) => !tokenizer.unknownCharacters(text).length);
  return new Set(known.map((text) => tokenizer.encode(text)).filter((ids) => ids.length === 1).map(([id]) => id));
}
