// All that the views show: the passage, its settings, the pace, the token that is looked at. Views call its methods.

import { Passage } from "../passage.mjs";
import { PositionRng, randomRng } from "../rng.mjs";
import { settingsFrom } from "../settings.mjs";
import { charactersOf } from "../text_end.mjs";
import { Clock } from "./clock.mjs";
import { Readings } from "./readings.mjs";

const RESTORE_MS = 25; // time for which a text is restored before the page is drawn again

/** @typedef {import("../settings.mjs").Settings} Settings */
/** @typedef {import("../stream.mjs").Token} Token */
/** @typedef {import("../stream.mjs").Draw} Draw */
/** @typedef {import("./link.mjs").PathPart} PathPart */

/**
 * A piece of the text: a seed, a token (`n` is its number among the written ones), or the tail of a stopped text.
 * @typedef {{text: string, source: object, token: Token | null, n: number, seed: boolean}} Piece
 */

/** A place in the text: the number of written tokens before it, its draw, and the token that is there; null at the end.
 * @typedef {{count: number, draw: Draw, token: Token | null}} Place
 */

/** What one page plays. */
export class Playing {
  /**
   * @param {import("../engine.mjs").Engine} engine
   * @param {Record<string, any>} defaults values that differ from the settings' defaults, as files store them
   */
  constructor(engine, defaults) {
    this.engine = engine;
    this.settings = settingsFrom({ ...defaults, ...engine.file.card.settings });
    this.defaults = this.settings;
    this.passage = new Passage(engine, randomRng());
    this.readings = new Readings();
    this.speed = 40; // tokens a second; 0 is full speed
    this.heat = "surprise";
    /** @type {number | null} */
    this.selected = null; // the written token that is looked at
    this.hasEnded = false; // true from the end of a text until that is told
    this.restoring = 0; // number of the restoration in progress, to notice that another begins
    this.clock = new Clock(() => this.step(), () => this.speed);
    /** @type {Set<() => void>} */
    this.listeners = new Set();
    this.pending = false;
  }

  /** Draw the views again, once before the next frame. */
  changed() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      for (const listener of this.listeners) listener();
    });
  }

  /** True while text appears by itself. */
  get running() {
    return this.clock.running;
  }

  /** Write a token. Returns false at the end of the text. */
  step() {
    const { stream } = this.passage;
    if (stream) this.readings.follow([stream], () => [this.passage.step()]);
    this.hasEnded = this.passage.stream === null;
    this.changed();
    return !this.hasEnded;
  }

  /** End the text that is being written, so that the passage can change. */
  settle() {
    this.restoring += 1;
    this.clock.stop();
    this.passage.stop();
    this.hasEnded = false;
    this.selected = null;
    this.changed();
  }

  /**
   * Begin a new passage with a seed. Returns what was read.
   * @param {string} seed
   * @param {number} rng
   */
  begin(seed, rng) {
    this.settle();
    this.passage = new Passage(this.engine, rng);
    const prefill = this.passage.addSeed(seed);
    this.write();
    return prefill;
  }

  /**
   * Add a seed to the end of the text, and continue it.
   * @param {string} seed
   */
  append(seed) {
    this.settle();
    const prefill = this.passage.addSeed(seed, { append: true });
    this.write();
    return prefill;
  }

  /** Write on from the end of the text. */
  write() {
    this.settle();
    this.passage.write(this.settings);
    this.clock.start();
  }

  /** Pause, go on after a pause, or write on. */
  toggle() {
    if (this.running) this.clock.stop();
    else if (this.passage.stream) this.clock.start();
    else this.write();
    this.changed();
  }

  /** Write one token and pause. */
  stepOnce() {
    this.clock.stop();
    if (!this.passage.stream) {
      this.settle();
      this.passage.write(this.settings);
    }
    this.step();
  }

  /** Write another version of the last text. */
  retry() {
    this.settle();
    this.passage.retry(this.settings);
    this.clock.start();
  }

  /**
   * Continue after the first `count` written tokens, with the token `id` first; null draws it too.
   * @param {number} count
   * @param {number | null} id
   */
  branch(count, id) {
    this.settle();
    this.passage.branch(this.settings, count, id);
    this.clock.start();
  }

  undo() {
    this.settle();
    this.passage.undo();
  }

  redo() {
    this.settle();
    this.passage.redo();
  }

  /**
   * Go to the version `by` places further.
   * @param {number} by
   */
  showVersion(by) {
    this.settle();
    const { versions, cursor } = this.passage;
    const next = versions[versions.indexOf(cursor ?? -1) + by];
    if (next !== undefined) this.passage.moveTo(next);
  }

  /**
   * Replace settings, from the next token on.
   * @param {Partial<Settings>} values
   */
  set(values) {
    this.settings = { ...this.settings, ...values };
    if (this.passage.stream) this.passage.stream.settings = this.settings;
    this.changed();
  }

  /**
   * Look at a written token; null looks at the next one.
   * @param {number | null} n
   */
  select(n) {
    this.selected = n === null || n >= this.passage.tokens.length ? null : Math.max(0, n);
    this.changed();
  }

  /**
   * Return the pieces of the text.
   * @returns {Piece[]}
   */
  pieces() {
    let n = 0;
    return this.passage.pathIndices().flatMap(([index, count]) => {
      const node = this.passage.nodes[index];
      /** @type {Piece[]} */
      const pieces = node.tokens.slice(0, count).map((token) => ({ text: token.text, source: token, token, n: n++, seed: false }));
      if (node.seed !== null) pieces.push({ text: node.seed, source: node, token: null, n: -1, seed: true });
      if (node.tail && count >= node.tokens.length) {
        pieces.push({ text: node.tail, source: node, token: null, n: -1, seed: false });
      }
      return pieces;
    });
  }

  /**
   * Return a place: before the written token `n`, or at the end of the text, with the draw that will be made if the text is
   * written on. null in an empty passage.
   * @param {number | null} n
   * @returns {Place | null}
   */
  placeAt(n) {
    const { passage } = this;
    if (passage.cursor === null) return null;
    if (n !== null) return this.placeOf(n);
    const count = passage.tokens.length;
    if (passage.stream) return { count, draw: passage.stream.peek(), token: null };
    const at = passage.current.tokens.length;
    const rng = new PositionRng(passage.rng, passage.nextFreeTake(passage.cursor, at));
    const stream = this.engine.open(passage.snapshotAt(passage.cursor, at), { settings: this.settings, rng });
    return { count, draw: stream.peek(), token: null };
  }

  /**
   * @param {number} n
   * @returns {Place}
   */
  placeOf(n) {
    const { passage } = this;
    const [node, at] = passage.nodeOf(n);
    const [, settings] = /** @type {[number, Settings]} */ (node.settings.findLast(([first]) => first <= at));
    const written = at ? charactersOf(node.tokens.slice(0, at).map((token) => token.text).join("")) : undefined;
    const start = passage.snapshotAt(passage.nodes.indexOf(node), at);
    const stream = this.engine.open(start, { settings, rng: new PositionRng(passage.rng, node.take), written });
    return { count: n, draw: stream.peek(), token: node.tokens[at] };
  }

  /**
   * Return the written token with a number.
   * @param {number} n
   */
  tokenAt(n) {
    const [node, at] = this.passage.nodeOf(n);
    return node.tokens[at];
  }

  /**
   * Write a text again as a link describes it. Ends early if something else is begun meanwhile.
   * @param {number} rng
   * @param {PathPart[]} path
   */
  async restore(rng, path) {
    this.settle();
    const turn = this.restoring;
    this.passage = new Passage(this.engine, rng);
    for (const part of path) {
      if (typeof part === "string") this.passage.addSeed(part, { append: true });
      else for (const _ of this.rewrite(part)) {
        await new Promise((resume) => setTimeout(resume));
        if (this.restoring !== turn) return;
      }
    }
  }

  /**
   * Write the text of one node again. Yields when the page should be drawn.
   * @param {Exclude<PathPart, string>} part
   */
  *rewrite({ at, take, token, count, open, settings }) {
    const changes = new Map(settings.map(([index, values]) => [index, { ...this.defaults, ...values }]));
    const { passage } = this;
    const first = changes.get(0) ?? this.settings;
    const stream = passage.writeAt(first, passage.cursor ?? 0, at, token, take);
    let end = performance.now() + RESTORE_MS;
    for (let n = 0; n < count && passage.stream; n++) {
      if (n && changes.has(n)) stream.settings = changes.get(n) ?? stream.settings;
      this.step();
      if (performance.now() < end) continue;
      yield;
      end = performance.now() + RESTORE_MS;
    }
    if (!open) passage.stop();
  }
}
