// The settings that decide which tokens are drawn and when a text ends, by the names that the terminal has for them.

/**
 * A number that moves evenly from `start` to `end` over the length of a text.
 * @typedef {{start: number, end: number}} Ramp
 */

/**
 * Names of styles, each with its weight.
 * @typedef {[string, number][]} StyleMix
 */

/**
 * The settings of core/settings.py, `SamplingSettings`, with the same names, units, ranges and defaults. `bias` has pairs of
 * a text and a number. `style` is a mix, or a ramp from one mix to another.
 * @typedef {object} Settings
 * @property {number | Ramp} temperature
 * @property {StyleMix | {start: StyleMix, end: StyleMix}} style
 * @property {number} style_strength
 * @property {string[]} ban
 * @property {[string, number][]} bias
 * @property {number} top_k
 * @property {number} top_p
 * @property {number} min_p
 * @property {number} typical
 * @property {number} repeat_penalty
 * @property {number} repeat_last_n
 * @property {number} frequency_penalty
 * @property {number} presence_penalty
 * @property {number} dry_multiplier
 * @property {number} dry_base
 * @property {number} dry_allowed_length
 * @property {number} dry_penalty_last_n
 * @property {string[]} dry_sequence_breakers
 * @property {number} surprise
 * @property {number} surprise_rate
 * @property {number} length
 * @property {"off" | "sentence" | "line"} finish
 * @property {string[]} stop
 * @property {boolean} keep_stop
 */

/** @type {Readonly<Settings>} */
export const DEFAULTS = Object.freeze({
  temperature: 1,
  style: [],
  style_strength: 1,
  ban: [],
  bias: [],
  top_k: 0,
  top_p: 1,
  min_p: 0,
  typical: 1,
  repeat_penalty: 1,
  repeat_last_n: 64,
  frequency_penalty: 0,
  presence_penalty: 0,
  dry_multiplier: 0,
  dry_base: 1.75,
  dry_allowed_length: 2,
  dry_penalty_last_n: -1,
  dry_sequence_breakers: ["\n", ":", '"', "*"],
  surprise: 0,
  surprise_rate: 0.1,
  length: 500,
  finish: "off",
  stop: [],
  keep_stop: false,
});

/**
 * Return settings with other values, such as those of a model's card: JSON as files store it. Names that are unknown are left
 * out, because they belong to later releases or to other front ends.
 * @param {Record<string, any>} values
 * @param {Readonly<Settings>} base
 * @returns {Settings}
 */
export function settingsFrom(values, base = DEFAULTS) {
  /** @type {Record<string, any>} */
  const settings = { ...base };
  for (const [name, value] of Object.entries(values)) {
    if (Object.hasOwn(DEFAULTS, name)) settings[name] = READERS[name]?.(value) ?? value;
  }
  return /** @type {Settings} */ (settings);
}

/**
 * Readers of the values that JSON stores in another form.
 * @type {Record<string, (value: any) => any>}
 */
const READERS = {
  temperature: (value) => (typeof value === "string" ? readRamp(value, Number) : value),
  style: (value) => (typeof value === "string" ? readRamp(value, readMix) : value),
  bias: (value) => (Array.isArray(value) ? value : Object.entries(value)),
};

/**
 * Return the value of a text, or the ramp between two values: "0.2..1.6".
 * @template T
 * @param {string} text
 * @param {(part: string) => T} read
 * @returns {T | {start: T, end: T}}
 */
function readRamp(text, read) {
  const [start, ...others] = text.split("..");
  return others.length ? { start: read(start), end: read(others[0]) } : read(start);
}

/**
 * Return the mix of a text such as "lovecraft:0.7 wodehouse:0.3".
 * @param {string} text
 * @returns {StyleMix}
 */
function readMix(text) {
  const words = text.split(/[ ,]+/).filter((word) => word && word !== "off");
  return words.map((word) => {
    const [name, weight] = word.split(":");
    return [name, weight === undefined ? 1 : Number(weight)];
  });
}

/**
 * Return the temperature after a share of the length is written, 0 to 1; above 1 a ramp stays at its end.
 * @param {Settings} settings
 * @param {number} progress
 */
export function temperatureAt({ temperature }, progress) {
  if (typeof temperature === "number") return temperature;
  return temperature.start + (temperature.end - temperature.start) * Math.min(1, progress);
}

/**
 * Return the mix of styles after a share of the length is written. Names without weight are left out.
 * @param {Settings} settings
 * @param {number} progress
 * @returns {StyleMix}
 */
export function mixAt({ style }, progress) {
  if (Array.isArray(style)) return style;
  const share = Math.min(1, progress);
  const weights = new Map(style.start.map(([name, weight]) => [name, weight * (1 - share)]));
  for (const [name, weight] of style.end) weights.set(name, (weights.get(name) ?? 0) + weight * share);
  return [...weights].filter(([, weight]) => weight);
}
