// Several columns at once: the same seed and the same random numbers at other temperatures.

import { Sweep } from "../play/sweep.mjs";
import { byId, element, setText } from "./dom.mjs";
import { TokenText } from "./token_text.mjs";

const [LOWEST, HIGHEST] = [0.2, 1.4]; // of the temperatures at the beginning

/** A column on the screen. @typedef {{root: HTMLElement, name: HTMLElement, slider: HTMLInputElement, label: HTMLElement, text: TokenText}} ShownColumn */

/** Shows a sweep. */
export class ColumnsView {
  /** @param {import("./app.mjs").Page} page */
  constructor(page) {
    this.page = page;
    const { words } = page;
    this.sweep = new Sweep(page.play, () => page.play.changed());
    this.blind = false;
    /** @type {ShownColumn[]} */
    this.shown = [];
    this.count = element("select", {}, ...[2, 3, 4, 5, 6, 7, 8].map((n) => element("option", { value: n, selected: n === 4 }, String(n))));
    this.toggle = element("button", { class: "main", onclick: () => page.attempt(() => this.startOrPause()) });
    this.reveal = element("button", { onclick: () => this.setBlind(!this.blind) });
    this.count.addEventListener("change", () => page.attempt(() => this.begin()));
    this.note = element("p", { class: "note" });
    this.root = element("div", { class: "columns" });
    const count = element("label", {}, element("span", {}, words.say("columns_count")), this.count);
    byId("columns-row").append(count, this.toggle, this.reveal);
    byId("columns-part").append(this.note, this.root);
  }

  /** Write columns at temperatures that are evenly spaced, from the seed in the box. */
  begin() {
    this.page.takeSeed();
    const count = Number(/** @type {HTMLSelectElement} */ (this.count).value);
    const at = (/** @type {number} */ n) => Math.round((LOWEST + ((HIGHEST - LOWEST) * n) / (count - 1)) * 20) / 20;
    const temperatures = Array.from({ length: count }, (_, n) => at(n));
    this.open((this.blind ? shuffled(temperatures) : temperatures).map((temperature) => [[0, temperature]]));
  }

  /** @param {import("../play/sweep.mjs").Changes[]} changes */
  open(changes) {
    /** @type {HTMLSelectElement} */ (this.count).value = String(changes.length);
    this.sweep.begin(changes);
    this.shown = this.sweep.columns.map((_, n) => this.makeColumn(n));
    this.root.replaceChildren(...this.shown.map(({ root }) => root));
    this.page.play.changed();
  }

  startOrPause() {
    if (!this.sweep.columns.length) this.begin();
    else if (this.sweep.clock.running) this.sweep.clock.stop();
    else this.sweep.clock.start();
    this.page.play.changed();
  }

  /** @param {boolean} blind */
  setBlind(blind) {
    this.blind = blind;
    if (blind) this.page.attempt(() => this.begin());
    this.page.play.changed();
  }

  /**
   * @param {number} n
   * @returns {ShownColumn}
   */
  makeColumn(n) {
    const { words, heat, play } = this.page;
    const name = element("h2");
    const label = element("span");
    const onSlide = () => this.slide(n);
    const slider = /** @type {HTMLInputElement} */ (element("input", { type: "range", min: 0, max: 2, step: 0.05, oninput: onSlide }));
    const take = element("button", { onclick: () => this.page.attempt(() => this.take(n)) }, words.say("columns_take"));
    const text = element("div", { class: "text", tabindex: 0, role: "textbox", "aria-readonly": true, "aria-multiline": true });
    text.setAttribute("aria-label", words.say("columns_text", { n: n + 1 }));
    const root = element("div", {}, name, element("label", { class: "slider" }, label, slider), text, take);
    return { root, name, slider, label, text: new TokenText(text, heat, (token) => play.readings.of(token), () => {}) };
  }

  /** @param {number} n */
  slide(n) {
    this.sweep.columns[n].setTemperature(this.shown[n].slider.valueAsNumber);
    this.page.play.changed();
  }

  /**
   * Take a column as the text of the passage.
   * @param {number} n
   */
  take(n) {
    const { play } = this.page;
    const { stream, tokens, temperature } = this.sweep.columns[n];
    this.sweep.clock.stop();
    play.settle();
    play.passage.pick(stream, tokens);
    play.set({ temperature });
    this.sweep.columns = [];
    this.shown = [];
    this.root.replaceChildren();
    this.page.openTab("write");
  }

  draw() {
    const { words, play } = this.page;
    const { columns, clock } = this.sweep;
    setText(this.toggle, words.say(clock.running ? "pause" : columns.length ? "go_on" : "write"));
    this.toggle.hidden = columns.length > 0 && columns.every(({ stream }) => stream.done);
    setText(this.reveal, words.say(this.blind ? "columns_reveal" : "columns_hide"));
    const seed = play.passage.cursor === null ? "" : play.passage.nodes[play.passage.pathIndices()[0][0]].seed;
    setText(this.note, words.say("columns_note", { seed: seed || words.say("empty_seed") }));
    this.shown.forEach((column, n) => this.drawColumn(column, n));
  }

  /**
   * @param {ShownColumn} column
   * @param {number} n
   */
  drawColumn({ name, slider, label, text }, n) {
    const { words, play } = this.page;
    const { tokens, temperature } = this.sweep.columns[n];
    const t = `T ${words.number(temperature, 2)}`;
    setText(name, this.blind ? words.say("columns_hidden", { n: n + 1 }) : t);
    setText(label, words.say("temperature"));
    slider.valueAsNumber = temperature;
    /** @type {HTMLElement} */ (slider.parentElement).hidden = this.blind;
    const heat = this.blind && play.heat === "temperature" ? "off" : play.heat;
    text.show(tokens.map((token, place) => ({ text: token.text, source: token, token, n: place, seed: false })), heat, null);
  }
}

/**
 * Return the values in another order.
 * @template T
 * @param {T[]} values
 */
function shuffled(values) {
  const keyed = values.map((value) => ({ value, key: Math.random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ value }) => value);
}
