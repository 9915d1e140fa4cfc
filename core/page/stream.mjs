// One text that is written: its settings, the next draw, withheld text, and its end, as core/generation/stream.py.

import { copyState } from "./step.mjs";
import { SamplerChain, drawToken } from "./sampler.mjs";
import { temperatureAt } from "./settings.mjs";
import { guide, sameVoice, shiftOf, voiceAt, voiceOf } from "./styles.mjs";
import { MAX_LOOK_BACK, charactersOf, findEnd, splitAtStop } from "./text_end.mjs";

const MAX_HISTORY = 8192; // number of latest token ids that filters see and a snapshot holds

/**
 * `forcedToken` is an id that is taken as the first token instead of a drawn one. `written` are the characters before the
 * snapshot if it was taken within a text that goes on.
 * @typedef {object} StreamOptions
 * @property {import("./settings.mjs").Settings} settings
 * @property {import("./rng.mjs").PositionRng} rng
 * @property {number | null} [forcedToken]
 * @property {string[]} [written]
 */

/**
 * A drawn token: the text that it completes ("" while a character is unfinished or could become a stop text), its id and
 * statistics, the temperature at which it was drawn, and the highest surprisal that was allowed, in bits; null if any was.
 * @typedef {{text: string, id: number, temperature: number, bound: number | null} & import("./sampler.mjs").TokenStats} Token
 */

/**
 * The next draw: the model's logits (V,), those after filters and temperature, the number from 0 to 1 that decides, the
 * temperature, and the bound on surprisal in bits, Infinity if it is off.
 * @typedef {{raw: Float64Array, shaped: Float64Array, uniform: number, temperature: number, bound: number}} Draw
 */

/** The end of a text: "length", "stop" or "stopped", and the text that was withheld and belongs to a stopped text.
 * @typedef {{reason: "length" | "stop" | "stopped", text: string}} Done
 */

/** A text that `Engine.step` writes. */
export class TextStream {
  /**
   * @param {import("./engine.mjs").Engine} engine
   * @param {import("./engine.mjs").Snapshot} start
   * @param {StreamOptions} options
   */
  constructor(engine, start, { settings, rng, forcedToken = null, written }) {
    this.engine = engine;
    this.rng = rng;
    this.forcedToken = forcedToken;
    this.states = start.states.map(copyState);
    this.position = start.position;
    this.decoder = engine.tokenizer.decoder(start.remainder);
    this.pendingText = start.pendingText;
    this.history = [...start.history];
    /** @type {[number, number] | null} */
    this.mirostat = start.mirostat;
    this.voice = start.voice; // that under which the states were read
    /** @type {import("./styles.mjs").Voice | null} */
    this.takenVoice = written ? start.voice : null; // that of the settings when they were read for it
    this.written = written?.length ?? 0; // characters
    this.latest = written?.slice(-MAX_LOOK_BACK) ?? []; // the end of the written text
    /** @type {Done | null} */
    this.done = null;
    /** @type {Draw | null} */
    this.next = null;
    this.chosen = settings;
    this.chain = new SamplerChain(settings, engine.tokenizer);
    this.takeVoice();
  }

  /**
   * Settings of the next token. They may be replaced at any time between tokens.
   * @returns {import("./settings.mjs").Settings}
   */
  get settings() {
    return this.chosen;
  }

  set settings(settings) {
    this.chosen = settings;
    this.chain = new SamplerChain(settings, this.engine.tokenizer);
    this.next = null;
    this.takeVoice();
  }

  /** Read the latest tokens again if the next one has another voice than the one before. */
  takeVoice() {
    const voice = voiceOf(this.settings);
    if (sameVoice(voice, this.takenVoice)) return;
    this.takenVoice = voice;
    const start = voiceAt(voice, this.written);
    if (sameVoice(start, this.voice)) return;
    this.states = this.engine.readAgain(this.history, start, this.states[0]);
    this.voice = start;
  }

  /**
   * Return the latest n token ids, oldest first.
   * @param {number} n
   */
  recent(n) {
    return n ? this.history.slice(-n) : [];
  }

  /** The bits of surprisal that the next token may have (Mirostat 2); Infinity if the setting `surprise` is off. */
  get surpriseBound() {
    const { surprise, surprise_rate } = this.settings;
    if (!surprise) return Infinity;
    if (!this.mirostat) return 2 * surprise;
    const [bound, surprisal] = this.mirostat;
    return bound - surprise_rate * (surprisal - surprise);
  }

  /**
   * Return the next draw, which `Engine.step` will make if nothing is changed before.
   * @returns {Draw}
   */
  peek() {
    if (!this.next) {
      const [styled, plain] = this.states;
      const raw = guide(styled.logits, plain?.logits, this.settings.style_strength);
      const temperature = temperatureAt(this.settings, this.written / this.settings.length);
      const shaped = this.chain.apply(raw, temperature, this);
      this.next = { raw, shaped, uniform: this.rng.uniform(this.position), temperature, bound: this.surpriseBound };
    }
    return this.next;
  }

  /**
   * Draw the next token, without its text.
   * @returns {Token}
   */
  draw() {
    const { raw, shaped, uniform, temperature, bound } = this.peek();
    const { kernel } = this.engine.runtime;
    const drawn = drawToken(raw, shaped, uniform, this.forcedToken, (logits) => kernel.softmax(logits));
    return { text: "", temperature, bound: bound === Infinity ? null : bound, ...drawn };
  }

  /** Return the vector that the style adds to the gates when the next token is read, null without style. */
  shift() {
    return shiftOf(this.engine.file, voiceAt(this.takenVoice ?? this.voice, this.written).style);
  }

  /**
   * Append a token that the states have read, and return it with its text.
   * @param {Token} token
   * @returns {Token}
   */
  take(token) {
    this.next = null;
    this.forcedToken = null;
    this.voice = this.takenVoice ?? this.voice;
    this.position += 1;
    this.history.push(token.id);
    if (this.history.length > 2 * MAX_HISTORY) this.history = this.history.slice(-MAX_HISTORY);
    this.mirostat = token.bound === null ? null : [token.bound, surprisalOf(token, token.bound)];
    return { ...token, text: this.append(charactersOf(this.decoder.push(token.id))) };
  }

  /**
   * Append characters and return those to show. Withhold what may begin a stop text, and end at a stop text or at the end.
   * @param {string[]} characters
   */
  append(characters) {
    const whole = this.pendingText.concat(characters);
    let [ready, pending, stopFound] = splitAtStop(whole, this.settings.stop, this.settings.keep_stop);
    const end = this.findEnd(ready.concat(pending));
    if (end !== null && end !== ready.length) {
      // What comes after the end of the text, if only a part of a token, is what a continuation begins with.
      [ready, pending, stopFound] = [whole.slice(0, end), whole.slice(end), false];
    }
    this.pendingText = pending;
    this.written += ready.length;
    this.latest = this.latest.concat(ready).slice(-MAX_LOOK_BACK);
    if (stopFound || end !== null) this.done = { reason: stopFound ? "stop" : "length", text: "" };
    return ready.join("");
  }

  /**
   * Return the index at which `text` after the written text ends by `length` and `finish`; null if later.
   * @param {string[]} text
   */
  findEnd(text) {
    const { length, finish } = this.settings;
    const least = Math.max(0, length - this.written);
    if (finish === "off" || text.length < least) return text.length >= least ? least : null;
    const most = Math.max(0, length + Math.floor(length / 4) - this.written);
    const end = findEnd(this.latest, text, least, finish);
    if (end === null && text.length < most) return null;
    return Math.min(most, end ?? text.length);
  }

  /** End the text before its next token. Returns the text that was withheld, which belongs to it. */
  stop() {
    if (!this.done) {
      this.done = { reason: "stopped", text: this.pendingText.join("") };
      this.pendingText = [];
    }
    return this.done.text;
  }

  /**
   * Return all that is needed to continue the text from here.
   * @returns {import("./engine.mjs").Snapshot}
   */
  snapshot() {
    const { position, pendingText, mirostat, voice } = this;
    const [states, history] = [this.states.map(copyState), this.history.slice(-MAX_HISTORY)];
    return { states, position, remainder: this.decoder.remainder, pendingText, history, mirostat, voice };
  }
}

/**
 * Return the bits of surprisal of a token after the filters. A forced one that they had removed counts as at the bound.
 * @param {Token} token
 * @param {number} bound
 */
function surprisalOf({ shaped }, bound) {
  return Number.isFinite(shaped) ? -shaped / Math.log(2) : bound;
}
