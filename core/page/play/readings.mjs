// The memory of the network at each token that was written, to show it later.

/** @typedef {import("../stream.mjs").Token} Token */
/** @typedef {import("../stream.mjs").TextStream} TextStream */
/** @typedef {import("../step.mjs").State} State */
/** @typedef {import("./unit_step.mjs").Memory} Memory */
/** @typedef {import("./unit_step.mjs").Reading} Reading */

/** Keeps how tokens were read, as long as these are in use. */
export class Readings {
  constructor() {
    /** @type {WeakMap<Token, Reading>} */
    this.byToken = new WeakMap();
    /** @type {WeakMap<State, Memory>} */
    this.latest = new WeakMap(); // copies of states, which change in place
  }

  /**
   * Write the next token of each text, with `write`, and keep how they are read.
   * @template {Token | null} T
   * @param {TextStream[]} streams
   * @param {() => T[]} write returns the tokens in the order of the texts
   * @returns {T[]}
   */
  follow(streams, write) {
    const before = streams.map((stream) => this.latest.get(stream.states[0]) ?? memoryOf(stream));
    const shifts = streams.map((stream) => stream.shift());
    const tokens = write();
    tokens.forEach((token, n) => {
      if (!token) return;
      const after = memoryOf(streams[n]);
      this.latest.set(streams[n].states[0], after);
      this.byToken.set(token, { id: token.id, before: before[n], after, shift: shifts[n] });
    });
    return tokens;
  }

  /** @param {Token} token */
  of(token) {
    return this.byToken.get(token);
  }
}

/**
 * @param {TextStream} stream
 * @returns {Memory}
 */
function memoryOf({ states: [{ h, c }] }) {
  return { h: h.slice(), c: c.slice() };
}
