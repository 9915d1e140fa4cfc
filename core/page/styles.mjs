// Styles: vectors that shift the gates of layer 0 (core/inference/styles.py), and guidance by a second row without style.

import { logSoftmax } from "./filters.mjs";
import { mixAt } from "./settings.mjs";
import { float32Tensor, int8Tensor } from "./weights.mjs";

/** @typedef {import("./settings.mjs").Settings} Settings */

/**
 * The style under which tokens are read. `guided` is true if a second row reads them without style beside it. `length` is the
 * number of characters along which a ramp moves, 0 without a ramp.
 * @typedef {{style: Settings["style"], guided: boolean, length: number}} Voice
 */

/** @type {Voice} */
export const PLAIN_VOICE = { style: [], guided: false, length: 0 };

/**
 * Return the voice in which a text with these settings is read.
 * @param {Settings} settings
 * @returns {Voice}
 */
export function voiceOf({ style, style_strength, length }) {
  if (Array.isArray(style) && !style.length) return PLAIN_VOICE;
  return { style, guided: style_strength !== 1, length: Array.isArray(style) ? 0 : length };
}

/**
 * Return the voice after `written` characters: that of the mix which a ramp has reached there.
 * @param {Voice} voice
 * @param {number} written
 * @returns {Voice & {style: import("./settings.mjs").StyleMix}}
 */
export function voiceAt(voice, written) {
  if (Array.isArray(voice.style)) return { ...voice, style: voice.style };
  return { style: mixAt(/** @type {Settings} */ ({ style: voice.style }), written / voice.length), guided: voice.guided, length: 0 };
}

/**
 * Return true if two voices are the same.
 * @param {Voice | null} a
 * @param {Voice | null} b
 */
export function sameVoice(a, b) {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Return the weighted sum of the vectors of a mix, float32 (4H,); null for an empty mix, which changes nothing.
 * @param {import("./weights.mjs").ModelFile} file
 * @param {import("./settings.mjs").StyleMix} mix
 * @returns {Float32Array | null}
 */
export function shiftOf(file, mix) {
  if (!mix.length) return null;
  const gates = 4 * file.architecture.width;
  const total = new Float64Array(gates).fill(-0);
  for (const [name, weight] of mix) {
    const row = file.styles.indexOf(name);
    if (row < 0) throw new Error(`there is no style ${name}; there are: ${file.styles.join(", ") || "none"}`);
    const scale = float32Tensor(file, "styles.scale")[row] * weight;
    const weights = int8Tensor(file, "styles.weight").subarray(row * gates, (row + 1) * gates);
    weights.forEach((value, gate) => (total[gate] += value * scale));
  }
  return Float32Array.from(total);
}

/**
 * Return the logits that a token is drawn from: log p without style, and further towards the style. Classifier-free guidance
 * (Ho and Salimans 2022, equation 6, with s = 1 + w). Without a second row they are the row's own.
 * @param {Float32Array} styled
 * @param {Float32Array | undefined} plain
 * @param {number} strength
 */
export function guide(styled, plain, strength) {
  if (!plain) return Float64Array.from(styled);
  const logPlain = logSoftmax(Float64Array.from(plain));
  return logSoftmax(Float64Array.from(styled)).map((x, v) => logPlain[v] + strength * (x - logPlain[v]));
}
