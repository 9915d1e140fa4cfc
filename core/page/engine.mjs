// Reads seeds and steps texts of one model, several at once.

import { settingsFrom } from "./settings.mjs";
import { copyState, openRuntime } from "./step.mjs";
import { TextStream } from "./stream.mjs";
import { PLAIN_VOICE, shiftOf } from "./styles.mjs";
import { tokenizerFrom } from "./tokenizer.mjs";
import { readModel } from "./weights.mjs";

export const MAX_SEED_TOKENS = 8192; // of a longer seed, only so many of its last tokens are read
const STYLE_CONTEXT = 512; // latest tokens that are read again if the style of a text changes

/** @typedef {import("./step.mjs").State} State */

/**
 * All that is needed to continue a text bit for bit after `position` tokens. `states` are one row, or two if the voice is
 * guided. `remainder` are the bytes of an unfinished character, `pendingText` the characters withheld for a possible stop
 * text, `history` the latest token ids. `mirostat` is the latest token's bound and surprisal, in bits; null if it had none.
 * @typedef {object} Snapshot
 * @property {State[]} states
 * @property {number} position
 * @property {Uint8Array} remainder
 * @property {string[]} pendingText
 * @property {readonly number[]} history
 * @property {[number, number] | null} mirostat
 * @property {import("./styles.mjs").Voice} voice
 */

/**
 * A seed that was read. `unknown` are its characters that the model has never seen, which are read as the tokenizer's
 * `replacement`; `cut` is the number of tokens at its beginning that were not read.
 * @typedef {{snapshot: Snapshot, unknown: string[], cut: number}} Prefill
 */

/** A model that reads and writes. */
export class Engine {
  /**
   * @param {import("./weights.mjs").ModelFile} file
   * @param {import("./step.mjs").Runtime} runtime
   */
  constructor(file, runtime) {
    this.file = file;
    this.runtime = runtime;
    this.tokenizer = tokenizerFrom(file.tokenizer);
    this.settings = settingsFrom(file.card.settings ?? {}); // the defaults of this model
  }

  /**
   * Return an engine for the bytes of a model file, and those of kernel/step.wasm, null for JavaScript alone.
   * @param {ArrayBuffer} bytes
   * @param {BufferSource | null} wasm
   */
  static async open(bytes, wasm = null) {
    const file = readModel(bytes);
    return new Engine(file, await openRuntime(file, wasm));
  }

  /** The text that ends an item if the model was trained on a list, else "". */
  get itemEnd() {
    const { lines, items } = this.file.card;
    return lines || items === "line" ? "\n" : items === "blank-line" ? "\n\n" : "";
  }

  /**
   * Return the snapshot before any text.
   * @returns {Snapshot}
   */
  initial() {
    return {
      states: [this.runtime.zeros()], position: 0, remainder: new Uint8Array(), pendingText: [], history: [],
      mirostat: null, voice: PLAIN_VOICE,
    };
  }

  /**
   * Read a text after a snapshot, or from the zero state if that is null. From the zero state an empty text is read as a
   * newline, or as the end of an item. Of a text of more than 8,192 tokens only the last ones are read, unless `whole`.
   * @param {string} text
   * @param {Snapshot | null} after
   * @param {boolean} whole
   * @returns {Prefill}
   */
  read(text, after = null, whole = false) {
    const folded = this.file.card.lower ? text.toLowerCase() : text;
    const ids = this.tokenizer.encode(after || folded ? folded : this.itemEnd || "\n");
    const cut = whole ? 0 : Math.max(0, ids.length - MAX_SEED_TOKENS);
    let start = after ?? this.initial();
    if (!Array.isArray(start.voice.style)) start = this.restyle(start, PLAIN_VOICE);
    if (cut) start = { ...this.initial(), position: start.position + cut };
    const unknown = this.tokenizer.unknownCharacters(folded);
    return { snapshot: this.advance(start, ids.slice(cut)), unknown, cut };
  }

  /**
   * Return the snapshot after a snapshot, whose voice does not move, and token ids.
   * @param {Snapshot} start
   * @param {number[]} ids
   * @returns {Snapshot}
   */
  advance(start, ids) {
    if (!ids.length) return { ...start, pendingText: [] };
    const states = start.states.map(copyState);
    this.readAll(states, ids, start.voice);
    const decoder = this.tokenizer.decoder(start.remainder);
    for (const id of ids) decoder.push(id);
    const history = start.history.concat(ids).slice(-MAX_SEED_TOKENS);
    const position = start.position + ids.length;
    return { ...start, states, position, remainder: decoder.remainder, pendingText: [], history, mirostat: null };
  }

  /**
   * Read tokens into states, the first of which has the style of a voice.
   * @param {State[]} states
   * @param {readonly number[]} ids
   * @param {import("./styles.mjs").Voice} voice
   */
  readAll(states, ids, { style }) {
    const shift = Array.isArray(style) ? shiftOf(this.file, style) : null;
    for (const id of ids) this.runtime.step(states, states.map(() => id), [shift]);
  }

  /**
   * Return a snapshot under a voice that does not move: itself, or with its latest tokens read again.
   * @param {Snapshot} snapshot
   * @param {import("./styles.mjs").Voice} voice
   * @returns {Snapshot}
   */
  restyle(snapshot, voice) {
    return { ...snapshot, states: this.readAgain(snapshot.history, voice, snapshot.states[0]), voice };
  }

  /**
   * Return the one or two states after the latest of `ids`, read from the zero state. Without ids, `state` is kept.
   * @param {readonly number[]} ids
   * @param {import("./styles.mjs").Voice} voice
   * @param {State} state
   */
  readAgain(ids, voice, state) {
    const count = voice.guided ? 2 : 1;
    if (!ids.length) return Array.from({ length: count }, () => copyState(state));
    const states = Array.from({ length: count }, () => this.runtime.zeros());
    this.readAll(states, ids.slice(-STYLE_CONTEXT), voice);
    return states;
  }

  /**
   * Return a text that continues a snapshot, which is not changed.
   * @param {Snapshot} start
   * @param {import("./stream.mjs").StreamOptions} options
   */
  open(start, options) {
    return new TextStream(this, start, options);
  }

  /**
   * Draw a token for each text and read them together. Returns the tokens, in order; null for a text that has ended.
   * @param {TextStream[]} streams
   * @returns {(import("./stream.mjs").Token | null)[]}
   */
  step(streams) {
    const live = streams.filter((stream) => !stream.done);
    const drawn = new Map(live.map((stream) => [stream, stream.draw()]));
    /** @type {State[]} */
    const states = [];
    /** @type {number[]} */
    const ids = [];
    /** @type {(Float32Array | null)[]} */
    const shifts = [];
    for (const [stream, { id }] of drawn) {
      stream.states.forEach((state, row) => {
        states.push(state);
        ids.push(id);
        shifts.push(row ? null : stream.shift());
      });
    }
    this.runtime.step(states, ids, shifts);
    return streams.map((stream) => {
      const token = drawn.get(stream);
      return token ? stream.take(token) : null;
    });
  }
}
