// The text that is played: its colors, their legend, and the keys that work in it.

import { FIGURES } from "../play/heat.mjs";
import { byId, control, element, visible } from "./dom.mjs";
import { TokenText } from "./token_text.mjs";

const TEMPERATURE_STEP = 0.05;

/** Shows the passage. */
export class TextView {
  /**
   * @param {import("./app.mjs").Page} page
   * @param {import("./next_view.mjs").NextView} next
   */
  constructor(page, next) {
    const { play, heat } = page;
    this.page = page;
    this.next = next;
    this.root = byId("text");
    this.text = new TokenText(this.root, heat, (token) => play.readings.of(token), (n) => play.select(n === play.selected ? null : n));
    this.choice = /** @type {HTMLSelectElement} */ (byId("heat"));
    this.choice.addEventListener("change", () => {
      play.heat = this.choice.value;
      play.changed();
    });
    this.root.addEventListener("keydown", (event) => this.onKey(event));
    this.root.addEventListener("pointerover", (event) => next.preview(this.text.numberAt(event)));
    this.root.addEventListener("pointerleave", () => next.preview(null));
    this.legendShown = "";
    this.choicesShown = "";
  }

  draw() {
    const { play, heat } = this.page;
    this.text.show(play.pieces(), play.heat, play.selected);
    this.root.classList.toggle("units", play.heat.includes(" "));
    this.root.classList.toggle("still", play.selected !== null);
    this.root.setAttribute("aria-busy", String(play.running));
    this.drawChoices();
    if (this.legendShown === play.heat) return;
    this.legendShown = play.heat;
    byId("legend").replaceChildren(...legendOf(heat, play.heat, this.page.words));
  }

  /** Show the kinds of heat that can be chosen: figures, the cells of the card, and the one that is shown. */
  drawChoices() {
    const { play, words, cells } = this.page;
    const units = new Map(cells.map(({ heat, follows }) => [heat, `${heat}: ${follows}`]));
    if (play.heat.includes(" ") && !units.has(play.heat)) units.set(play.heat, play.heat);
    const names = ["off", ...FIGURES].map((name) => [name, words.say(`heat_${name}`)]);
    const choices = [...names, ...units];
    const key = JSON.stringify(choices);
    if (key !== this.choicesShown) {
      this.choice.replaceChildren(...choices.map(([value, label]) => element("option", { value }, label)));
      this.choicesShown = key;
    }
    this.choice.value = play.heat;
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = this.keys()[event.key];
    if (!act) return;
    event.preventDefault();
    this.page.attempt(act);
    if (/^Arrow|Home|End/.test(event.key)) this.announce();
  }

  /** @returns {Record<string, () => void>} */
  keys() {
    const { play } = this.page;
    const last = play.passage.tokens.length;
    const at = play.selected ?? last;
    return {
      ArrowLeft: () => play.select(Math.max(0, at - 1)),
      ArrowRight: () => play.select(at + 1),
      Home: () => play.select(0),
      End: () => play.select(null),
      Escape: () => play.select(null),
      ArrowUp: () => this.next.move(-1),
      ArrowDown: () => this.next.move(1),
      Enter: () => this.next.take(),
      " ": () => play.toggle(),
      ".": () => play.stepOnce(),
      r: () => play.retry(),
      u: () => play.undo(),
      y: () => play.redo(),
      "<": () => play.showVersion(-1),
      ">": () => play.showVersion(1),
      "+": () => this.changeTemperature(TEMPERATURE_STEP),
      "-": () => this.changeTemperature(-TEMPERATURE_STEP),
    };
  }

  /** @param {number} by */
  changeTemperature(by) {
    const slider = control("temperature");
    slider.valueAsNumber += by;
    slider.dispatchEvent(new Event("input"));
  }

  /** Tell a screen reader what is at the cursor. */
  announce() {
    const place = this.next.place();
    if (place?.token) this.page.tell(visible(place.token.text) + ": " + this.next.describe(place));
  }
}

/**
 * Return the elements of a legend.
 * @param {import("../play/heat.mjs").Heat} heat
 * @param {string} name
 * @param {import("../play/words.mjs").Words} words
 */
export function legendOf(heat, name, words) {
  const levels = heat.levelsOf(name);
  if (!levels) return [];
  const scale = name.includes(" ") ? "u" : "h";
  const labels = [`< ${levels[0]}`, ...levels.slice(0, 3).map(String), words.say("and_more", { value: levels[3] })];
  const title = name.includes(" ") ? name : words.say(`unit_${name}`);
  return [element("span", {}, `${title}:`), ...labels.map((label, level) => element("span", { class: `${scale}${level}` }, label))];
}
