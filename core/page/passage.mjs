// The passage: a tree of typed seeds and written texts, with a cursor on the node that the text ends with. It does what
// core/session/passage.py and session.py do: the same steps give the same random numbers, and so the same text.

import { PositionRng } from "./rng.mjs";
import { charactersOf } from "./text_end.mjs";
import { PassageTree, shownCount } from "./tree.mjs";

const SNAPSHOT_INTERVAL = 64; // tokens from one kept snapshot to the next: going back reads at most so many again

/** @typedef {import("./engine.mjs").Snapshot} Snapshot */
/** @typedef {import("./settings.mjs").Settings} Settings */
/** @typedef {import("./stream.mjs").Token} Token */
/** @typedef {import("./stream.mjs").TextStream} TextStream */
/** @typedef {import("./tree.mjs").Node} Node */

/** A tree of nodes written with one model. */
export class Passage extends PassageTree {
  /**
   * @param {import("./engine.mjs").Engine} engine
   * @param {number} rng the number that its random draws start from
   */
  constructor(engine, rng) {
    super();
    this.engine = engine;
    this.rng = rng;
    /** @type {TextStream | null} */
    this.stream = null; // the text that is being written
  }

  /**
   * Read a seed and add it: after the text if `append` and there is one, else as a new beginning. Returns what was read.
   * @param {string} seed
   * @param {{append?: boolean, whole?: boolean}} options
   */
  addSeed(seed, { append = false, whole = false } = {}) {
    this.requireIdle();
    const parent = append ? this.cursor : null;
    const [at, take] = parent === null ? [0, 0] : [shownCount(this.current), this.current.take];
    const before = parent === null ? null : this.snapshotAt(parent, at);
    const prefill = this.engine.read(seed, before, whole);
    this.add({ ...emptyNode(parent, at, prefill.snapshot), seed, take });
    return prefill;
  }

  /**
   * Continue the text from its end.
   * @param {Settings} settings
   */
  write(settings) {
    return this.writeAt(settings, this.cursor ?? 0, this.current.tokens.length);
  }

  /**
   * Write the last text again with other random numbers, or continue a seed. The old version stays in the tree.
   * @param {Settings} settings
   */
  retry(settings) {
    const { parent, at, seed } = this.current;
    return parent === null || seed !== null ? this.write(settings) : this.writeAt(settings, parent, at);
  }

  /**
   * Continue after the first `count` written tokens of the text, with the token id `token` first; null draws it too.
   * @param {Settings} settings
   * @param {number} count
   * @param {number | null} token
   */
  branch(settings, count, token = null) {
    const [index, at] = this.locateToken(count);
    return this.writeAt(settings, index, at, token);
  }

  /**
   * Add a text after the first `at` tokens of a node. `step` writes it.
   * @param {Settings} settings
   * @param {number} index
   * @param {number} at
   * @param {number | null} forcedToken
   * @param {number} take that of its random numbers
   * @returns {TextStream}
   */
  writeAt(settings, index, at, forcedToken = null, take = this.nextFreeTake(index, at)) {
    this.requireIdle();
    const start = this.snapshotAt(index, at);
    const stream = this.engine.open(start, { settings, rng: new PositionRng(this.rng, take), forcedToken });
    this.add({ ...emptyNode(index, at, start), take });
    this.stream = stream;
    return stream;
  }

  /** Move the cursor to the parent. */
  undo() {
    this.requireIdle();
    super.undo();
  }

  /** Move the cursor to the child visited last. */
  redo() {
    this.requireIdle();
    super.redo();
  }

  /**
   * Move the cursor to a node.
   * @param {number} index
   */
  moveTo(index) {
    this.requireIdle();
    super.moveTo(index);
  }

  /** Write the next token and return it; null if the text has ended, or none is written. */
  step() {
    const [token] = this.stream ? this.engine.step([this.stream]) : [null];
    if (token) this.record(token);
    return token;
  }

  /**
   * Append a token that the engine has drawn for the text that is being written.
   * @param {Token} token
   */
  record(token) {
    const { stream, current } = this;
    if (!stream) throw new Error("no text is being written");
    if (current.settings.at(-1)?.[1] !== stream.settings) current.settings.push([current.tokens.length, stream.settings]);
    current.tokens.push(token);
    if (current.tokens.length % SNAPSHOT_INTERVAL === 0 || stream.done) {
      current.snapshots.set(current.tokens.length, stream.snapshot());
    }
    if (stream.done) this.end(stream.done);
  }

  /** End the text that is being written before its next token. Its tokens stay. */
  stop() {
    const { stream } = this;
    if (!stream) return;
    stream.stop();
    this.current.snapshots.set(this.current.tokens.length, stream.snapshot());
    if (stream.done) this.end(stream.done);
  }

  /** @param {import("./stream.mjs").Done} done */
  end({ reason, text }) {
    this.current.reason = reason;
    this.current.tail = text;
    this.stream = null;
  }

  /**
   * Return the text's first seed, continued at several temperatures with the same random numbers. `Engine.step` writes them.
   * @param {Settings} settings
   * @param {number[]} temperatures
   */
  sweep(settings, temperatures) {
    const { start } = this.nodes[this.pathIndices()[0][0]];
    return temperatures.map((temperature) =>
      this.engine.open(start, { settings: { ...settings, temperature }, rng: new PositionRng(this.rng) }),
    );
  }

  /**
   * Add a column of a sweep as a version of the first text.
   * @param {TextStream} stream
   * @param {Token[]} tokens
   */
  pick(stream, tokens) {
    this.requireIdle();
    const root = this.pathIndices()[0][0];
    const tail = stream.stop();
    const reason = stream.done?.reason ?? "stopped";
    const snapshots = new Map([[tokens.length, stream.snapshot()]]);
    const node = emptyNode(root, 0, this.nodes[root].start);
    this.add({ ...node, tokens, tail, reason, settings: [[0, stream.settings]], snapshots });
  }

  /**
   * Return the snapshot after the first `at` tokens of a node: a kept one, or computed from the nearest kept one before it.
   * @param {number} index
   * @param {number} at
   */
  snapshotAt(index, at) {
    const node = this.nodes[index];
    const nearest = Math.max(0, ...[...node.snapshots.keys()].filter((count) => count <= at));
    const snapshot = nearest < at ? this.replay(node, nearest, at) : (node.snapshots.get(at) ?? node.start);
    const ended = at === node.tokens.length && (node.reason === "stop" || node.reason === "stopped");
    return ended ? { ...snapshot, pendingText: [] } : snapshot;
  }

  /**
   * Read the tokens of a node from `begin`, at which a snapshot is kept, to `end` as they were drawn.
   * @param {Node} node
   * @param {number} begin
   * @param {number} end
   */
  replay(node, begin, end) {
    const written = charactersOf(node.tokens.slice(0, begin).map((token) => token.text).join(""));
    const options = { settings: settingsAt(node, begin), rng: new PositionRng(this.rng), ...(begin && { written }) };
    const stream = this.engine.open(node.snapshots.get(begin) ?? node.start, options);
    for (const [n, token] of node.tokens.slice(begin, end).entries()) {
      const settings = settingsAt(node, begin + n);
      if (settings !== stream.settings) stream.settings = settings;
      stream.forcedToken = token.id;
      this.engine.step([stream]);
    }
    return stream.snapshot();
  }

  /** Throw an Error while text is being written: its tokens go to the node at the cursor. */
  requireIdle() {
    if (this.stream) throw new Error("text is being written; stop it first");
  }
}

/**
 * @param {number | null} parent
 * @param {number} at
 * @param {Snapshot} start
 * @returns {Node}
 */
function emptyNode(parent, at, start) {
  const family = { parent, at, children: [], visited: null };
  return { ...family, seed: null, tokens: [], take: 0, tail: "", reason: "", settings: [], start, snapshots: new Map() };
}

/**
 * Return the settings that drew the token at an index.
 * @param {Node} node
 * @param {number} index
 */
function settingsAt({ settings }, index) {
  const [, found] = settings.findLast(([first]) => first <= index) ?? settings[0];
  return found;
}
