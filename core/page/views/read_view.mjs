// A text from elsewhere, in the colors of how well the model predicts it.

import { drawToken } from "../sampler.mjs";
import { surprisal } from "../play/heat.mjs";
import { byId, element, setText, visible } from "./dom.mjs";
import { percent } from "./next_view.mjs";
import { TokenText } from "./token_text.mjs";

const FRAME_MS = 20; // time for which is read before the page is drawn again
const SHOWN = 5; // likeliest tokens of which is told

/** @typedef {import("../play/unit_step.mjs").Reading} Reading */

/**
 * A token of the text, with its figures and the likeliest ones in its place.
 * @typedef {import("../play/heat.mjs").Figures & {id: number, text: string, likeliest: [number, number][]}} ReadToken
 */

/** Shows a text that was read. */
export class ReadView {
  /** @param {import("./app.mjs").Page} page */
  constructor(page) {
    this.page = page;
    const { words } = page;
    /** @type {ReadToken[]} */
    this.tokens = [];
    /** @type {WeakMap<ReadToken, Reading>} */
    this.readings = new WeakMap();
    /** @type {number | null} */
    this.selected = null;
    this.turn = 0;
    this.box = /** @type {HTMLTextAreaElement} */ (element("textarea", { rows: 4, maxlength: 20_000, spellcheck: "false" }));
    const label = element("label", { class: "wide" }, element("span", {}, words.say("read_box")), this.box);
    const button = element("button", { class: "main", onclick: () => page.attempt(() => this.begin()) }, words.say("read_button"));
    this.figures = element("p", { class: "figures" });
    this.root = element("div", { class: "text still", role: "textbox", "aria-readonly": true, "aria-multiline": true, tabindex: 0 });
    this.root.setAttribute("aria-label", words.say("read_result"));
    this.detail = element("p", { class: "note", role: "status" });
    this.text = new TokenText(this.root, page.heat, (token) => this.readings.get(token), (n) => this.select(n));
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.root.addEventListener("pointerover", (event) => this.tell(this.text.numberAt(event) ?? this.selected));
    byId("read-part").append(element("div", { class: "row" }, label, button), this.figures, this.root, this.detail);
    this.setShown(false);
  }

  /** @param {boolean} shown */
  setShown(shown) {
    for (const each of [this.figures, this.root, this.detail]) each.hidden = !shown;
  }

  /** Read the text in the box. */
  async begin() {
    const { engine } = this.page.play;
    const turn = ++this.turn;
    this.tokens = [];
    this.selected = null;
    this.setShown(true);
    const text = this.box.value;
    if (!text) throw new Error(this.page.words.say("read_empty"));
    const unknown = engine.tokenizer.unknownCharacters(engine.file.card.lower ? text.toLowerCase() : text);
    this.page.tellUnknown(unknown);
    let end = performance.now() + FRAME_MS;
    for (const token of this.readAll(text)) {
      this.tokens.push(token);
      if (performance.now() < end) continue;
      this.page.play.changed();
      await new Promise((resume) => setTimeout(resume));
      if (turn !== this.turn) return;
      end = performance.now() + FRAME_MS;
    }
    this.page.play.changed();
  }

  /**
   * Yield the tokens of a text, read from the zero state; before the first, what an empty seed reads is read.
   * @param {string} text
   */
  *readAll(text) {
    const { engine } = this.page.play;
    const [state] = engine.read("").snapshot.states;
    const decoder = engine.tokenizer.decoder();
    for (const id of engine.tokenizer.encode(engine.file.card.lower ? text.toLowerCase() : text)) {
      const logits = Float64Array.from(state.logits);
      const stats = drawToken(logits, logits, 0, id);
      const likeliest = likeliestOf(logits, stats.logprob - logits[id]);
      const before = { h: state.h.slice(), c: state.c.slice() };
      engine.runtime.step([state], [id]);
      const token = { ...stats, text: decoder.push(id), temperature: 1, likeliest };
      this.readings.set(token, { id, before, after: { h: state.h.slice(), c: state.c.slice() }, shift: null });
      yield token;
    }
  }

  draw() {
    if (!this.tokens.length) return;
    const { words, play } = this.page;
    const pieces = this.tokens.map((token, n) => ({ text: token.text, source: token, token, n, seed: false }));
    this.text.show(pieces, play.heat, this.selected);
    const bits = this.tokens.reduce((sum, token) => sum + surprisal(token), 0);
    const characters = this.tokens.reduce((sum, token) => sum + token.text.length, 0);
    const perCharacter = bits / Math.max(1, characters);
    const share = this.tokens.filter((token) => token.rank === 1).length / this.tokens.length;
    setText(this.figures, words.say("read_figures", {
      bits: words.number(perCharacter, 2), perplexity: words.number(2 ** perCharacter, 2), first: percent(share, words), n: characters,
    }));
  }

  /** @param {number | null} n */
  select(n) {
    this.selected = n;
    this.tell(n);
    this.page.play.changed();
  }

  /** @param {number | null} n */
  tell(n) {
    if (n === null || !this.tokens[n]) return;
    const { words, play } = this.page;
    const { text, rank, likeliest, logprob } = this.tokens[n];
    const others = likeliest.map(([id, p]) => `${visible(play.engine.tokenizer.decode([id]))} ${percent(p, words)}`).join(", ");
    setText(this.detail, words.say("read_token", { token: visible(text), p: percent(Math.exp(logprob), words), rank, others }));
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const last = this.tokens.length - 1;
    const at = this.selected ?? (event.key === "ArrowLeft" ? last + 1 : -1);
    const places = new Map([["ArrowLeft", Math.max(0, at - 1)], ["ArrowRight", Math.min(last, at + 1)], ["Home", 0], ["End", last]]);
    const n = places.get(event.key);
    if (n === undefined || last < 0) return;
    event.preventDefault();
    this.select(n);
  }
}

/**
 * Return the ids of the likeliest tokens with their probabilities.
 * @param {Float64Array} logits
 * @param {number} shift the number that makes a logit a natural log-probability
 * @returns {[number, number][]}
 */
function likeliestOf(logits, shift) {
  const ids = [...logits.keys()].sort((a, b) => logits[b] - logits[a]).slice(0, SHOWN);
  return ids.map((id) => [id, Math.exp(logits[id] + shift)]);
}
