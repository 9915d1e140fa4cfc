// Tokenizers over the bytes of UTF-8: single bytes, BPE and whole words, as core/text/subwords.py. A text is cut into
// pretokens, a word with the space before it, digits, punctuation or white space, and no token spans two of them.

const LONE_SURROGATES = /\p{Surrogate}/gu;
const CACHE_SIZE = 1 << 16; // most pretokens whose ids are cached

// Python's classes. \w has every letter and every character with a numeric value, \s is that of str.isspace.
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const LETTER = "\\p{L}\\p{Nl}\\p{No}";
const PRETOKEN = new RegExp(
  ` ?[${LETTER}]{1,64}(?:'[${LETTER}]{1,64})?| ?\\p{Nd}{1,64}| ?[^${LETTER}\\p{Nd}${SPACE}]{1,64}` +
    `|[${SPACE}]{1,64}(?![^${SPACE}])|[${SPACE}]{1,64}`,
  "gu",
);

/**
 * The bytes of each token, and the ids of a pretoken. `splits` is false if a text is one pretoken.
 * @typedef {{table: Uint8Array[], encode: (pretoken: string) => number[], splits: boolean}} Encoder
 */

/**
 * Return the pretokens of a text. Joined, they are the text.
 * @param {string} text
 */
export function pretokenize(text) {
  return text.match(PRETOKEN) ?? [];
}

/** Encodes text in tokens of one or more bytes. */
export class SubwordTokenizer {
  /**
   * @param {string} kind
   * @param {Encoder} encoder
   */
  constructor(kind, encoder) {
    this.kind = kind;
    this.encoder = encoder;
    this.table = encoder.table;
    this.size = encoder.table.length;
    this.standIn = null;
    this.replacement = "\ufffd";
    /** @type {Map<string, number[]>} */
    this.cache = new Map();
  }

  /**
   * Return ids. Lone surrogates become U+FFFD.
   * @param {string} text
   */
  encode(text) {
    const whole = text.replace(LONE_SURROGATES, this.replacement);
    return this.encoder.splits ? pretokenize(whole).flatMap((each) => this.encodeCached(each)) : this.encoder.encode(whole);
  }

  /** @param {string} pretoken */
  encodeCached(pretoken) {
    let ids = this.cache.get(pretoken);
    if (!ids) {
      ids = this.encoder.encode(pretoken);
      if (this.cache.size < CACHE_SIZE) this.cache.set(pretoken, ids);
    }
    return ids;
  }

  /**
   * Return the text of ids, with U+FFFD for invalid UTF-8.
   * @param {Iterable<number>} ids
   */
  decode(ids) {
    return decodeUtf8(joinBytes(Array.from(ids, (id) => this.table[id])));
  }

  /**
   * Return an incremental decoder.
   * @param {Uint8Array} remainder
   */
  decoder(remainder = new Uint8Array()) {
    return new BytesDecoder(this.table, remainder);
  }

  /**
   * Return the distinct lone surrogates of a text. All characters are known.
   * @param {string} text
   */
  unknownCharacters(text) {
    return [...new Set(text.match(LONE_SURROGATES) ?? [])];
  }
}

/** Decodes UTF-8 token by token. `remainder` are the bytes of the unfinished character. */
export class BytesDecoder {
  /**
   * @param {Uint8Array[]} table
   * @param {Uint8Array} remainder
   */
  constructor(table, remainder) {
    this.table = table;
    this.remainder = remainder;
  }

  /** @param {number} token */
  push(token) {
    const bytes = joinBytes([this.remainder, this.table[token]]);
    const end = bytes.length - unfinishedBytes(bytes);
    this.remainder = bytes.slice(end);
    return decodeUtf8(bytes.subarray(0, end));
  }
}

/**
 * Return the number of bytes at the end that can still become one character (Unicode 15, table 3-7).
 * @param {Uint8Array} bytes
 */
function unfinishedBytes(bytes) {
  for (let n = 1; n <= Math.min(3, bytes.length); n++) {
    const [lead, second] = bytes.subarray(bytes.length - n);
    if (lead >= 0x80 && lead < 0xc0) continue;
    const size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    const known = lead >= 0xc2 && lead <= 0xf4 && n < size;
    return known && (n === 1 || isSecondByte(lead, second)) ? n : 0;
  }
  return 0;
}

/**
 * @param {number} lead
 * @param {number} second a byte from 0x80 to 0xbf
 */
function isSecondByte(lead, second) {
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return second >= lowest && second <= highest;
}

/** @returns {Encoder} */
export function byteEncoder() {
  return { table: singleBytes(), encode: bytesOf, splits: false };
}

/**
 * Return the encoder of byte-pair encoding. An earlier pair of ids is merged first; each merge adds a token, unless one with
 * the same bytes exists.
 * @param {[number, number][]} merges
 * @returns {Encoder}
 */
export function bpeEncoder(merges) {
  const table = singleBytes();
  const known = new Map(table.map((bytes, id) => [String(bytes), id]));
  /** @type {Map<string, {rank: number, id: number}>} */
  const byPair = new Map();
  merges.forEach(([left, right], rank) => {
    const merged = joinBytes([table[left], table[right]]);
    const id = known.get(String(merged)) ?? table.length;
    byPair.set(`${left},${right}`, { rank, id });
    if (id === table.length) {
      known.set(String(merged), id);
      table.push(merged);
    }
  });
  return { table, encode: (pretoken) => mergeAll(bytesOf(pretoken), byPair), splits: true };
}

/**
 * @param {number[]} ids
 * @param {Map<string, {rank: number, id: number}>} byPair
 */
function mergeAll(ids, byPair) {
  for (;;) {
    let first = { rank: Infinity, id: -1 };
    let pair = "";
    for (let n = 0; n + 1 < ids.length; n++) {
      const merge = byPair.get(`${ids[n]},${ids[n + 1]}`);
      if (merge && merge.rank < first.rank) [first, pair] = [merge, `${ids[n]},${ids[n + 1]}`];
    }
    if (first.id < 0) return ids;
    ids = mergePair(ids, pair, first.id);
  }
}

/**
 * Return ids with every occurrence of a pair replaced, from the left.
 * @param {number[]} ids
 * @param {string} pair
 * @param {number} id
 */
function mergePair(ids, pair, id) {
  const merged = [];
  for (let n = 0; n < ids.length; n++) {
    const found = `${ids[n]},${ids[n + 1]}` === pair;
    merged.push(found ? id : ids[n]);
    if (found) n++;
  }
  return merged;
}

/**
 * Return the encoder of words. Other pretokens are spelled in bytes.
 * @param {string[]} words
 * @returns {Encoder}
 */
export function wordEncoder(words) {
  const ids = new Map(words.map((word, n) => [word, 256 + n]));
  const table = [...singleBytes(), ...words.map((word) => new TextEncoder().encode(word))];
  /** @param {string} pretoken */
  const encode = (pretoken) => (ids.has(pretoken) ? [/** @type {number} */ (ids.get(pretoken))] : bytesOf(pretoken));
  return { table, encode, splits: true };
}

/** @param {string} text */
function bytesOf(text) {
  return [...new TextEncoder().encode(text)];
}

function singleBytes() {
  return Array.from({ length: 256 }, (_, value) => Uint8Array.of(value));
}

/** @param {Uint8Array[]} parts */
function joinBytes(parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** @param {Uint8Array} bytes */
function decodeUtf8(bytes) {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}
