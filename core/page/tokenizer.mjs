// Encodes text as token ids and decodes them, as core/text/tokenizer.py and subwords.py do. A character is a code point.

import { SubwordTokenizer, bpeEncoder, byteEncoder, wordEncoder } from "./subwords.mjs";

const STAND_IN = "\ufffd";

/**
 * Encodes and decodes. `size` is the number of tokens, V. `standIn` is the token that is read for unknown characters and
 * never predicted, null if there is none. `replacement` is the character as which unknown ones are read.
 * @typedef {object} Tokenizer
 * @property {string} kind
 * @property {number} size
 * @property {number | null} standIn
 * @property {string} replacement
 * @property {(text: string) => number[]} encode
 * @property {(ids: Iterable<number>) => string} decode
 * @property {(remainder?: Uint8Array) => Decoder} decoder continues after the bytes of an unfinished character
 * @property {(text: string) => string[]} unknownCharacters the distinct characters without a token, in order
 */

/**
 * Decodes one token at a time: `push` returns the text that a token completes, "" while a character is unfinished.
 * @typedef {{push: (token: number) => string, remainder: Uint8Array}} Decoder
 */

/** One token for every distinct character of the training text. */
export class CharTokenizer {
  /**
   * @param {string[]} characters
   * @param {boolean} hasStandIn U+FFFD, one of the characters, stands for all others
   */
  constructor(characters, hasStandIn) {
    this.kind = "char";
    this.characters = characters;
    this.size = characters.length;
    this.ids = new Map(characters.map((character, id) => [character, id]));
    this.standIn = hasStandIn ? characters.indexOf(STAND_IN) : null;
    const first = this.ids.get(" ") ?? this.ids.get("\n") ?? 0;
    this.replacementId = this.standIn ?? first;
  }

  /** The stand-in. Without one, a space if there is a token for it, else a newline, else the first character. */
  get replacement() {
    return this.characters[this.replacementId];
  }

  /** @param {string} text */
  encode(text) {
    return Array.from(text, (character) => this.ids.get(character) ?? this.replacementId);
  }

  /** @param {Iterable<number>} ids */
  decode(ids) {
    return Array.from(ids, (id) => this.characters[id]).join("");
  }

  /** @returns {Decoder} */
  decoder() {
    return { push: (token) => this.characters[token], remainder: new Uint8Array() };
  }

  /** @param {string} text */
  unknownCharacters(text) {
    return [...new Set(text)].filter((c) => !this.ids.has(c) || (this.standIn !== null && c === STAND_IN));
  }
}

/**
 * Return the tokenizer that a model file describes. Throws an Error, one line, if it is of an unknown kind.
 * @param {Record<string, any>} header
 * @returns {Tokenizer}
 */
export function tokenizerFrom(header) {
  switch (header.kind) {
    case "char":
      return new CharTokenizer(header.characters, header.stand_in === true);
    case "byte":
      return new SubwordTokenizer("byte", byteEncoder());
    case "bpe":
      return new SubwordTokenizer("bpe", bpeEncoder(header.merges));
    case "word":
      return new SubwordTokenizer("word", wordEncoder(header.words));
    default:
      throw new Error(`this model cannot be used: its tokenizer is ${String(header.kind).slice(0, 40)}; export it again`);
  }
}
