// The state of the page as the part of an address after #: a link opens the same state, and so gives the same text.

const MAX_TOKENS = 50_000; // of a text that a link describes

/** @typedef {import("./setting_specs.mjs").SettingSpecs} SettingSpecs */
/** @typedef {import("../settings.mjs").Settings} Settings */

/**
 * A part of the text: a seed, or a text that follows the first `at` tokens of the part before it. `take` is that of its
 * random numbers, `token` its first token, `count` its number of tokens, `settings` its changes of settings, each with the
 * index of the token from which on it holds, as values that differ from the page's own. It is `open` if it is not finished.
 * @typedef {{at: number, take: number, token: number | null, count: number, open: boolean,
 * settings: [number, Record<string, any>][]}} TextPart
 */

/** @typedef {string | TextPart} PathPart */

/**
 * What a link says. Of most only a part is there. `settings` are values by name, `path` the parts of the text. `columns` are
 * the columns of a sweep: each a list of temperatures with the index of the token from which on they hold.
 * @typedef {object} Link
 * @property {Record<string, any>} settings
 * @property {string | null} seed
 * @property {number | null} rng
 * @property {PathPart[] | null} path
 * @property {[number, number][][] | null} columns
 * @property {Record<string, string>} others such as heat, view, lang
 */

/**
 * Return the text of a link without its #.
 * @param {Record<string, unknown>} values undefined and null are left out; what is no text is written as JSON
 */
export function writeLink(values) {
  const parts = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return parts.map(([name, value]) => `${name}=${escapePart(typeof value === "string" ? value : JSON.stringify(value))}`).join("&");
}

/** @param {string} text */
function escapePart(text) {
  return encodeURIComponent(text).replace(/%(2C|3A|2F|20)/g, (code) => (code === "%20" ? "+" : decodeURIComponent(code)));
}

/**
 * Read a link. Throws an Error, one line, if it is damaged.
 * @param {string} hash with or without #
 * @param {SettingSpecs} specs
 * @returns {Link}
 */
export function readLink(hash, specs) {
  /** @type {Link} */
  const link = { settings: {}, seed: null, rng: null, path: null, columns: null, others: {} };
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (name === "seed") link.seed = value;
    else if (name === "rng") link.rng = wholeNumber(Number(value), 2 ** 32 - 1);
    else if (name === "path") link.path = readPath(readValue(value), specs);
    else if (name === "columns") link.columns = readColumns(readValue(value), specs);
    else if (specs.has(name)) link.settings[name] = specs.check(name, readValue(value));
    else link.others[name] = value;
  }
  return link;
}

/**
 * Return the values of settings that differ from the page's own.
 * @param {Settings} settings
 * @param {Settings} defaults
 * @returns {Record<string, unknown>}
 */
export function changedSettings(settings, defaults) {
  /** @type {Record<string, unknown>} */
  const usual = { ...defaults };
  return Object.fromEntries(
    Object.entries(settings).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(usual[name])),
  );
}

/**
 * Return the parts of a passage's text, from its beginning to the cursor, as JSON.
 * @param {import("../passage.mjs").Passage} passage
 * @param {Settings} defaults
 */
export function writePath(passage, defaults) {
  const path = passage.pathIndices();
  return path.map(([index, shown]) => {
    const { seed, at, take, tokens, settings, reason } = passage.nodes[index];
    if (seed !== null) return seed;
    const count = Math.min(tokens.length, shown + 1); // one more, as a sign that the text went on
    const changes = settings.filter(([first]) => first < Math.max(1, count));
    const open = reason === "" ? 1 : 0;
    return [at, take, tokens[0]?.id ?? -1, count, open, changes.map(([n, each]) => [n, changedSettings(each, defaults)])];
  });
}

/**
 * @param {any} values
 * @param {SettingSpecs} specs
 * @returns {PathPart[]}
 */
function readPath(values, specs) {
  if (!Array.isArray(values) || typeof values[0] !== "string") throw damaged("its path");
  const parts = values.map((value) => (typeof value === "string" ? value : readTextPart(value, specs)));
  const total = parts.reduce((sum, part) => sum + (typeof part === "string" ? 0 : part.count), 0);
  if (total > MAX_TOKENS) throw damaged("its path");
  return parts;
}

/**
 * @param {any} value
 * @param {SettingSpecs} specs
 * @returns {TextPart}
 */
function readTextPart(value, specs) {
  if (!Array.isArray(value) || !Array.isArray(value[5])) throw damaged("its path");
  const [at, take, token, count] = value.slice(0, 4).map((number) => wholeNumber(number, 2 ** 31, -1));
  const settings = value[5].map((change) => readChange(change, specs));
  return { at, take, token: token < 0 ? null : token, count, open: Boolean(value[4]), settings };
}

/**
 * @param {any} change
 * @param {SettingSpecs} specs
 * @returns {[number, Record<string, any>]}
 */
function readChange(change, specs) {
  if (!Array.isArray(change)) throw damaged("its path");
  const values = Object.entries(change[1] ?? {}).filter(([name]) => specs.has(name));
  return [wholeNumber(change[0], MAX_TOKENS), Object.fromEntries(values.map(([name, value]) => [name, specs.check(name, value)]))];
}

/**
 * @param {any} values
 * @param {SettingSpecs} specs
 * @returns {[number, number][][]}
 */
function readColumns(values, specs) {
  const isList = Array.isArray(values) && values.length > 1 && values.length <= 8 && values.every(Array.isArray);
  if (!isList) throw damaged("its columns");
  return values.map((column) =>
    column.map((/** @type {any} */ change) => [wholeNumber(change?.[0], MAX_TOKENS), specs.check("temperature", change[1])]),
  );
}

/**
 * Return the JSON in a text, or the text if it is none.
 * @param {string} text
 */
export function readValue(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * @param {any} number
 * @param {number} most
 * @param {number} least
 */
function wholeNumber(number, most, least = 0) {
  if (!Number.isInteger(number) || number < least || number > most) throw damaged(`the number ${String(number).slice(0, 20)}`);
  return number;
}

/** @param {string} what */
function damaged(what) {
  return new Error(`this link is damaged: ${what} cannot be read`);
}
