// The next draw, or that of a token in the text: the model's chances, those after the temperature, and the number that falls.

import { probabilities } from "../sampler.mjs";
import { byId, element, setText, svg, visible } from "./dom.mjs";

const SHOWN = 10; // likeliest tokens that have bars
const THINNEST = 0.002; // share of the bar below which a part is not drawn

/** @typedef {import("../play/playing.mjs").Place} Place */

/** A place with the chances of all tokens: the model's, and those drawn from. @typedef {Place & {raw: Float64Array, drawn: Float64Array, ids: number[]}} Chances */

/** Shows the chances at a place. */
export class NextView {
  /** @param {import("./app.mjs").Page} page */
  constructor(page) {
    this.page = page;
    /** @type {number | null} */
    this.hovered = null;
    this.held = false; // while a pointer or the focus is on the bars, they stay
    this.row = -1; // the row that the arrow keys have chosen
    /** @type {Chances | null} */
    this.chances = null;
    this.title = element("p", { class: "note" });
    this.list = element("ol", { class: "chances" });
    this.dice = new DiceView();
    byId("next").append(this.title, this.list, ...this.dice.elements);
    this.rows = Array.from({ length: SHOWN }, (_, n) => new ChanceRow(() => this.take(n)));
    this.head = element("li", { class: "head" }, element("span"), element("span"), element("span"));
    this.others = element("li", { class: "others" }, element("span"), element("span"), element("span"));
    this.list.append(this.head, ...this.rows.map((row) => row.item), this.others);
    for (const [event, held] of /** @type {[string, boolean][]} */ ([["pointerenter", true], ["pointerleave", false]])) {
      this.list.addEventListener(event, () => this.hold(held));
    }
    this.list.addEventListener("focusin", () => this.hold(true));
    this.list.addEventListener("focusout", () => this.hold(false));
  }

  /** @param {boolean} held */
  hold(held) {
    this.held = held;
    this.page.play.changed();
  }

  /**
   * Look at another token while the pointer is on it.
   * @param {number | null} n
   */
  preview(n) {
    if (this.hovered === n) return;
    this.hovered = n;
    this.page.play.changed();
  }

  /** @returns {Chances | null} */
  place() {
    const { play } = this.page;
    const n = play.selected ?? this.hovered;
    if (n !== null && this.chances?.token === play.tokenAt(n)) return this.chances; // nothing of a written token changes
    const place = play.placeAt(n);
    if (!place) return null;
    const raw = probabilities(place.draw.raw);
    const ids = [...raw.keys()].sort((a, b) => raw[b] - raw[a]).slice(0, SHOWN);
    return { ...place, raw, drawn: probabilities(place.draw.shaped), ids };
  }

  draw() {
    if (this.held && this.chances) return;
    const { play } = this.page;
    if (this.hovered !== null && this.hovered >= play.passage.tokens.length) this.hovered = null;
    const count = this.chances?.count;
    this.chances = this.place();
    if (this.chances?.count !== count) this.row = -1;
    if (this.chances) this.show(this.chances);
  }

  /** @param {Chances} chances */
  show(chances) {
    const { words } = this.page;
    const { token, count, draw, raw, drawn, ids } = chances;
    const name = token ? visible(token.text) : "";
    setText(this.title, token ? words.say("place_written", { n: count + 1, token: name, figures: this.describe(chances) }) : words.say("place_next", { n: count + 1 }));
    setText(this.head.children[1], words.say("bar_raw"));
    setText(this.head.children[2], words.say("bar_drawn", { t: words.number(draw.temperature, 2) }));
    this.rows.forEach((row, n) => row.show(this.rowOf(chances, n), n === this.row || (this.row < 0 && token !== null && ids[n] === token.id)));
    const rest = [raw, drawn].map((p) => percent(Math.max(0, 1 - ids.reduce((sum, id) => sum + p[id], 0)), words));
    [words.say("others", { n: raw.length - ids.length }), ...rest].forEach((text, n) => setText(this.others.children[n], text));
    this.dice.show(chances, (id) => this.label(id), words);
  }

  /**
   * @param {Chances} chances
   * @param {number} n
   */
  rowOf({ ids, raw, drawn }, n) {
    const { words } = this.page;
    if (n >= ids.length) return null;
    const [id, name] = [ids[n], this.label(ids[n])];
    const texts = [raw[id], drawn[id]].map((p) => percent(p, words));
    const label = words.say("chance", { token: name, raw: texts[0], drawn: texts[1] });
    return { name, label, raw: raw[id], drawn: drawn[id], texts };
  }

  /** @param {number} id */
  label(id) {
    return visible(this.page.play.engine.tokenizer.decode([id]));
  }

  /**
   * Return the figures of a written token.
   * @param {Place} place
   */
  describe({ token }) {
    const { words } = this.page;
    if (!token) return "";
    const values = { t: words.number(token.temperature, 2), rank: token.rank, bits: words.number(-token.logprob / Math.log(2), 1) };
    return words.say("figures", values);
  }

  /**
   * Choose the row by so many further.
   * @param {number} by
   */
  move(by) {
    if (!this.chances) return;
    this.row = Math.min(this.chances.ids.length - 1, Math.max(0, this.row + by));
    this.show(this.chances);
    this.page.tell(this.rowOf(this.chances, this.row)?.label ?? "");
  }

  /**
   * Write on with the token of a row, at the place that the bars show.
   * @param {number} n
   */
  take(n = this.row) {
    const { play } = this.page;
    if (!this.chances || n < 0) return play.toggle();
    const { count, ids } = this.chances;
    this.held = false;
    this.row = -1;
    this.page.attempt(() => play.branch(count, ids[n]));
  }
}

/** A token with its two bars. */
class ChanceRow {
  /** @param {() => void} onTake */
  constructor(onTake) {
    this.name = element("span", { class: "token" });
    this.bars = ["raw", "drawn"].map((kind) => element("span", { class: `bar ${kind}` }, element("i"), element("span")));
    this.button = element("button", { type: "button", onclick: onTake }, this.name, ...this.bars);
    this.item = element("li", {}, this.button);
  }

  /**
   * @param {{name: string, label: string, raw: number, drawn: number, texts: string[]} | null} row
   * @param {boolean} chosen
   */
  show(row, chosen) {
    this.item.hidden = row === null;
    if (!row) return;
    setText(this.name, row.name);
    this.button.classList.toggle("chosen", chosen);
    [row.raw, row.drawn].forEach((p, n) => {
      const [bar, text] = this.bars[n].children;
      /** @type {HTMLElement} */ (bar).style.width = `${Math.max(0.5, p * 100).toFixed(1)}%`;
      setText(text, row.texts[n]);
    });
  }
}

/** The number from 0 to 1 that falls on the bar of all chances, laid side by side in the order of the tokens. */
class DiceView {
  constructor() {
    this.pointer = element("span", { class: "pointer", "aria-hidden": "true" }, "▼");
    this.bar = svg("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", role: "img" });
    this.note = element("p", { class: "note" });
    this.elements = [element("div", { class: "dice" }, this.pointer, this.bar), this.note];
  }

  /**
   * @param {Chances} chances
   * @param {(id: number) => string} label
   * @param {import("../play/words.mjs").Words} words
   */
  show({ drawn, draw }, label, words) {
    const parts = partsOf(drawn, draw.uniform);
    this.bar.replaceChildren(...parts.map(({ from, to, hit }, n) =>
      svg("rect", { x: from, y: 0, width: to - from, height: 1, class: hit ? "part hit" : n % 2 ? "part odd" : "part" })));
    const hit = parts.find((part) => part.hit);
    this.pointer.style.left = `${(draw.uniform * 100).toFixed(2)}%`;
    const [number, from, to] = [draw.uniform, hit?.from ?? 0, hit?.to ?? 1].map((value) => words.number(value, 3));
    const text = words.say("dice", { number, token: label(hit?.id ?? 0), from, to });
    this.bar.setAttribute("aria-label", text);
    setText(this.note, text);
  }
}

/**
 * Return the parts of the bar that can be seen, and that on which the number falls.
 * @param {Float64Array} drawn
 * @param {number} uniform
 */
function partsOf(drawn, uniform) {
  let to = 0;
  const parts = [...drawn].map((p, id) => ({ id, from: to, to: (to += p), hit: false }));
  const hit = parts.find((part) => part.to > uniform) ?? parts[drawn.indexOf(Math.max(...drawn))];
  hit.hit = true;
  return parts.filter((part) => part.hit || part.to - part.from > THINNEST);
}

/**
 * Return a probability in percent; with more decimals the smaller it is.
 * @param {number} p
 * @param {import("../play/words.mjs").Words} words
 */
export function percent(p, words) {
  return `${words.number(100 * p, p >= 0.1 ? 0 : p >= 0.01 ? 1 : 2)} %`;
}
