// The places at which a text may end: core/generation/text_end.py. Texts are arrays of characters, code points each.

export const MAX_LOOK_BACK = 32; // characters before a place that decide whether a sentence ends there, at most

const MARKS = ".!?…۔؟।॥։።";
const MARKS_WITHOUT_SPACE = "。！？｡";
const CLOSERS = "\"'”’“‘»›)\\]}」』）】》〉";
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"; // Python's \s

const SENTENCE = new RegExp(
  `(?:[${MARKS}][${CLOSERS}]{0,8}(?=[${SPACE}])` +
    `|[${MARKS_WITHOUT_SPACE}][${CLOSERS}]{0,8}(?=[^${CLOSERS}${MARKS}${MARKS_WITHOUT_SPACE}]))([${SPACE}]{0,8})`,
  "dgu",
);
const ENDS = { sentence: SENTENCE, line: /(\n)/dgu };

/**
 * Return the first index of `text`, from `least` on, at which a sentence or a line ends; null if none does. `before` are the
 * latest characters before `text`.
 * @param {string[]} before
 * @param {string[]} text
 * @param {number} least
 * @param {"sentence" | "line"} finish
 */
export function findEnd(before, text, least, finish) {
  const whole = before.concat(text).join("");
  for (const match of whole.matchAll(ENDS[finish])) {
    const [first, last] = /** @type {[number, number]} */ (match.indices?.[1]).map(
      (index) => charactersOf(whole.slice(0, index)).length - before.length,
    );
    if (last >= least) return Math.max(first, least);
  }
  return null;
}

/**
 * Split `text` at the first stop text: the text to show, the text to withhold, which may become a stop text, and true if one
 * is complete. The text to show ends before the stop text, or after it if `keep`.
 * @param {string[]} text
 * @param {string[]} stops
 * @param {boolean} keep
 * @returns {[string[], string[], boolean]}
 */
export function splitAtStop(text, stops, keep) {
  const whole = text.join("");
  const found = stops.map((stop) => [whole.indexOf(stop), stop.length]).filter(([start]) => start >= 0);
  if (found.length) {
    const [start, length] = found.sort((a, b) => a[0] - b[0] || a[1] - b[1])[0];
    return [charactersOf(whole.slice(0, keep ? start + length : start)), [], true];
  }
  const withheld = Math.max(0, ...stops.map((stop) => overlap(whole, stop)));
  const shown = charactersOf(whole.slice(0, whole.length - withheld));
  return [shown, text.slice(shown.length), false];
}

/**
 * Return the number of units at the end of `text` that could begin `stop`.
 * @param {string} text
 * @param {string} stop
 */
function overlap(text, stop) {
  for (let n = Math.min(text.length, stop.length - 1); n > 0; n--) if (text.endsWith(stop.slice(0, n))) return n;
  return 0;
}

/**
 * Return the characters of a text, code points each.
 * @param {string} text
 */
export function charactersOf(text) {
  return Array.from(text);
}
