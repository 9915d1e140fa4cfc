// The seed continued at several temperatures with the same random numbers, each of which may change while it writes.

import { Clock } from "./clock.mjs";

/** @typedef {import("../stream.mjs").Token} Token */
/** @typedef {[number, number][]} Changes temperatures, each with the index of the token from which on it holds */

/** A column: a text at its own temperature. */
class Column {
  /**
   * @param {import("../stream.mjs").TextStream} stream
   * @param {Changes} changes
   */
  constructor(stream, changes) {
    this.stream = stream;
    /** @type {Token[]} */
    this.tokens = [];
    this.changes = changes;
  }

  /** The temperature of the next token. */
  get temperature() {
    return /** @type {[number, number]} */ (this.changes.at(-1))[1];
  }

  /** @param {number} temperature */
  setTemperature(temperature) {
    const index = this.tokens.length;
    const earlier = this.changes.filter(([first]) => first < index);
    this.changes = earlier.concat([[index, temperature]]);
    this.stream.settings = { ...this.stream.settings, temperature };
  }

  /** Take the temperature that a link has for the next token. */
  follow() {
    const change = this.changes.find(([index]) => index === this.tokens.length);
    if (change && change[1] !== this.stream.settings.temperature) {
      this.stream.settings = { ...this.stream.settings, temperature: change[1] };
    }
  }
}

/** Columns that are written side by side. */
export class Sweep {
  /**
   * @param {import("./playing.mjs").Playing} play
   * @param {() => void} onChange
   */
  constructor(play, onChange) {
    this.play = play;
    this.onChange = onChange;
    /** @type {Column[]} */
    this.columns = [];
    this.clock = new Clock(() => this.step(), () => play.speed);
  }

  /**
   * Begin again, from the first seed of the passage.
   * @param {Changes[]} changes those of each column, the first at 0
   */
  begin(changes) {
    const { passage, settings } = this.play;
    this.clock.stop();
    const streams = passage.sweep(settings, changes.map(([[, temperature]]) => temperature));
    this.columns = streams.map((stream, n) => new Column(stream, changes[n]));
    this.clock.start();
  }

  /** Write a token in each column. Returns false if all have ended. */
  step() {
    const live = this.columns.filter(({ stream }) => !stream.done);
    live.forEach((column) => column.follow());
    const streams = live.map(({ stream }) => stream);
    const tokens = this.play.readings.follow(streams, () => this.play.engine.step(streams));
    tokens.forEach((token, n) => token && live[n].tokens.push(token));
    this.onChange();
    return live.some(({ stream }) => !stream.done);
  }

  /** The columns as a link has them. @returns {Changes[] | null} */
  get changes() {
    return this.columns.length ? this.columns.map(({ changes }) => changes) : null;
  }
}
