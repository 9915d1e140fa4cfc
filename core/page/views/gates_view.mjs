// One unit of the LSTM as a diagram with its real numbers: what its gates let through at a token, stage by stage.

import { unitStep } from "../play/unit_step.mjs";
import { element, setText, svg, visible } from "./dom.mjs";

const STAGES = ["gates", "keep", "write", "cell", "show"];

/** Shows a unit. */
export class GatesView {
  /** @param {import("./app.mjs").Page} page */
  constructor(page) {
    const { words } = page;
    this.words = words;
    this.file = page.play.engine.file;
    this.stage = STAGES.length; // all
    this.title = element("h2");
    this.drawing = svg("svg", { viewBox: "0 0 420 230", role: "img", class: "gates" });
    this.parts = makeParts();
    this.drawing.append(...this.parts.groups.values());
    this.lines = element("ol", { class: "note" });
    const next = element("button", { onclick: () => this.nextStage() }, words.say("stage_next"));
    const all = element("button", { onclick: () => this.setStage(STAGES.length) }, words.say("stage_all"));
    this.elements = [this.title, this.drawing, element("div", { class: "row" }, next, all), this.lines];
  }

  nextStage() {
    this.setStage(this.stage >= STAGES.length - 1 ? 0 : this.stage + 1);
  }

  /** @param {number} stage */
  setStage(stage) {
    this.stage = stage;
    this.drawing.classList.toggle("staged", stage < STAGES.length);
    STAGES.forEach((name, n) => {
      this.parts.groups.get(name)?.classList.toggle("lit", n === stage || stage === STAGES.length);
      this.parts.groups.get(name)?.classList.toggle("past", n < stage);
      this.lines.children[n]?.classList.toggle("lit", n === stage);
    });
  }

  /**
   * @param {import("../play/unit_step.mjs").Reading} reading
   * @param {string} text of the token
   * @param {number} layer
   * @param {number} index
   */
  show(reading, text, layer, index) {
    const { words } = this;
    const { gates, before, c, h } = unitStep(this.file, reading, layer, index);
    const [i, f, g, o] = ["i", "f", "g", "o"].map((name) => gates[name].value);
    const values = { i, f, g, o, before, kept: f * before, written: i * g, c, tanh: Math.tanh(c), h };
    const shown = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, words.number(value, 3)]));
    setText(this.title, words.say("unit_title", { unit: `${layer}.${index}`, token: visible(text) }));
    for (const [name, place] of this.parts.numbers) setText(place, shown[name]);
    for (const [name, bar] of this.parts.levels) bar.setAttribute("width", (40 * Math.min(1, Math.abs(values[/** @type {"i"} */ (name)]))).toFixed(1));
    const sums = ["i", "f", "g", "o"].map((name) => sumOf(name, gates[name], words)).join("; ");
    const lines = [sums, ...["keep", "write", "cell", "show"].map((stage) => words.say(`stage_${stage}`, shown))];
    while (this.lines.children.length < lines.length) this.lines.append(element("li"));
    lines.forEach((line, n) => setText(this.lines.children[n], line));
    this.drawing.setAttribute("aria-label", [words.say("unit_title", { unit: `${layer}.${index}`, token: visible(text) }), ...lines].join(". "));
  }
}

/**
 * Return the sum of a gate in words: "i = σ(0.12 + 0.31 - 0.05) = 0.594".
 * @param {string} name
 * @param {import("../play/unit_step.mjs").Gate} gate
 * @param {import("../play/words.mjs").Words} words
 */
function sumOf(name, { input, recurrent, bias, value }, words) {
  const [first, ...others] = [input, recurrent, bias].map((number) => words.number(number, 2));
  const sum = [first, ...others.map((each) => (each.startsWith("-") ? `− ${each.slice(1)}` : `+ ${each}`))].join(" ");
  return `${name} = ${name === "g" ? "tanh" : "σ"}(${sum}) = ${words.number(value, 3)}`;
}

/**
 * Return the groups of the diagram by their stage, the places of its numbers and the bars of its gates by their names.
 * @returns {{groups: Map<string, Element>, numbers: Map<string, Element>, levels: Map<string, Element>}}
 */
function makeParts() {
  /** @type {Map<string, Element>} */
  const numbers = new Map();
  /** @type {Map<string, Element>} */
  const levels = new Map();
  const number = (/** @type {string} */ name, /** @type {number} */ x, /** @type {number} */ y) => {
    const made = svg("text", { x, y, "text-anchor": "middle", "font-size": 13 });
    numbers.set(name, made);
    return made;
  };
  const gate = (/** @type {string} */ name, /** @type {string} */ label, /** @type {number} */ x) => {
    const level = svg("rect", { x: x + 2, y: 172, width: 0, height: 26, class: "level" });
    levels.set(name, level);
    return [svg("rect", { x, y: 170, width: 44, height: 30, rx: 4 }), level, number(name, x + 22, 190), svg("text", { x: x + 22, y: 218, "text-anchor": "middle", "font-size": 13 }, label)];
  };
  const join = (/** @type {string} */ sign, /** @type {number} */ x, /** @type {number} */ y) => [
    svg("circle", { cx: x, cy: y, r: 12 }), svg("text", { x, y: y + 5, "text-anchor": "middle", "font-size": 15 }, sign)];
  const flow = (/** @type {string} */ d) => svg("path", { d, class: "flow" });
  const group = (/** @type {Element[]} */ ...children) => svg("g", { class: "lit" }, ...children);
  const label = (/** @type {string} */ text, /** @type {number} */ x, /** @type {number} */ y) => svg("text", { x, y, "text-anchor": "middle", "font-size": 13 }, text);
  const groups = new Map([
    ["gates", group(...gate("f", "f", 70), ...gate("i", "i", 150), ...gate("g", "g", 215), ...gate("o", "o", 305))],
    ["keep", group(label("c", 20, 42), number("before", 24, 66), flow("M48 50H80"), flow("M92 170V62"), ...join("×", 92, 50), number("kept", 140, 42), flow("M104 50H188"))],
    ["write", group(flow("M172 170V142H188"), flow("M237 170V142H212"), ...join("×", 200, 142), flow("M200 130V62"), number("written", 172, 104))],
    ["cell", group(...join("+", 200, 50), flow("M212 50H390"), label("c", 400, 42), number("c", 392, 66))],
    ["show", group(flow("M327 170V122"), flow("M280 50V110H315"), ...join("×", 327, 110), label("tanh", 306, 76), number("tanh", 308, 92), flow("M339 110H376"), label("h", 400, 102), number("h", 394, 124))],
  ]);
  return { groups, numbers, levels };
}
