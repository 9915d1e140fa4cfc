// All cells of the network as a strip of boxes, and one unit with its gates. The text takes the colors of the chosen unit.

import { levelOf, PARTS, unitOf } from "../play/heat.mjs";
import { byId, element, setText } from "./dom.mjs";
import { GatesView } from "./gates_view.mjs";

const BOX = 9; // pixels of a cell

/** Shows the cells after the token that is looked at, or after the latest. */
export class CellsView {
  /** @param {import("./app.mjs").Page} page */
  constructor(page) {
    this.page = page;
    const { words, play, cells } = page;
    const { layers, width } = play.engine.file.architecture;
    this.layer = layers;
    this.index = 0;
    const first = unitOf(cells[0]?.heat ?? "", play.engine.file.architecture);
    if (first) [this.layer, this.index] = [first.layer, first.index];
    this.canvas = /** @type {HTMLCanvasElement} */ (element("canvas", { id: "strip", tabindex: 0, role: "slider" }));
    this.canvas.setAttribute("aria-label", words.say("strip"));
    this.canvas.setAttribute("aria-valuemin", "0");
    this.canvas.setAttribute("aria-valuemax", String(layers * width - 1));
    this.canvas.addEventListener("click", (event) => this.onClick(event));
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
    this.note = element("p", { class: "note" });
    const ready = cells.map(({ heat, follows }) => element("button", { onclick: () => this.color(heat) }, words.say("cell_ready", { cell: heat, follows })));
    this.part = /** @type {HTMLSelectElement} */ (element("select", { id: "part" }, ...PARTS.map((part) => element("option", { value: part }, words.say(`part_${part}`)))));
    this.part.addEventListener("change", () => this.colorChosen());
    const part = element("label", {}, element("span", {}, words.say("part")), this.part);
    const off = element("button", { onclick: () => this.color("surprise") }, words.say("cell_off"));
    const show = element("button", { class: "main", onclick: () => this.colorChosen() }, words.say("cell_color"));
    this.gates = new GatesView(page);
    byId("cells").append(element("p", { class: "note" }, words.say("cells_note")), element("div", { class: "row", id: "cell-choices" }, ...ready), this.canvas, this.note,
      element("div", { class: "row" }, part, show, off), ...this.gates.elements);
    byId("cells-part").addEventListener("toggle", () => play.changed());
    new ResizeObserver(() => play.changed()).observe(byId("cells"));
  }

  /**
   * Color the text by a heat.
   * @param {string} heat
   */
  color(heat) {
    this.page.play.heat = heat;
    this.page.play.changed();
  }

  /** Choose the unit that the text has the color of. */
  follow() {
    const { play } = this.page;
    const unit = unitOf(play.heat, play.engine.file.architecture);
    if (unit) [this.layer, this.index, this.part.value] = [unit.layer, unit.index, unit.part];
  }

  colorChosen() {
    this.color(`${this.part.value} ${this.layer}.${this.index}`);
  }

  /** @param {number} number the unit's place, layer after layer */
  choose(number) {
    const { layers, width } = this.page.play.engine.file.architecture;
    const place = Math.min(layers * width - 1, Math.max(0, number));
    [this.layer, this.index] = [Math.floor(place / width) + 1, place % width];
    this.colorChosen();
  }

  /** The place of the chosen unit, layer after layer. */
  get number() {
    return (this.layer - 1) * this.page.play.engine.file.architecture.width + this.index;
  }

  /** Boxes in a line of the strip. */
  get columns() {
    return Math.max(1, Math.floor(byId("cells").clientWidth / BOX));
  }

  /** @param {MouseEvent} event */
  onClick(event) {
    const column = Math.min(this.columns - 1, Math.floor(event.offsetX / BOX));
    this.choose(Math.floor(event.offsetY / BOX) * this.columns + column);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const by = new Map([["ArrowLeft", -1], ["ArrowRight", 1], ["ArrowUp", -this.columns], ["ArrowDown", this.columns], ["Home", -Infinity], ["End", Infinity]]).get(event.key);
    if (by === undefined) return;
    event.preventDefault();
    this.choose(this.number + by);
  }

  /** The reading of the token that is looked at, else of the latest. */
  reading() {
    const { play } = this.page;
    const last = play.passage.tokens.length - 1;
    const n = play.selected ?? last;
    return n < 0 ? undefined : { n, token: play.tokenAt(n), reading: play.readings.of(play.tokenAt(n)) };
  }

  draw() {
    this.follow();
    if (!(/** @type {HTMLDetailsElement} */ (byId("cells-part")).open)) return;
    const shown = this.page.play.passage.cursor === null ? undefined : this.reading();
    if (!shown?.reading) return;
    this.drawStrip(shown.reading.after.c);
    const { words } = this.page;
    const value = words.number(shown.reading.after.c[this.number], 2);
    const text = words.say("cell_value", { cell: `cell ${this.layer}.${this.index}`, value });
    this.canvas.setAttribute("aria-valuenow", String(this.number));
    this.canvas.setAttribute("aria-valuetext", text);
    setText(this.note, text);
    this.gates.show(shown.reading, shown.token.text, this.layer, this.index);
  }

  /** @param {Float32Array} values of all cells */
  drawStrip(values) {
    const { columns, canvas } = this;
    const [width, height, ratio] = [columns * BOX, Math.ceil(values.length / columns) * BOX, devicePixelRatio || 1];
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
      [canvas.style.width, canvas.style.height] = [`${width}px`, `${height}px`];
    }
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const colors = this.colors();
    values.forEach((value, n) => {
      context.fillStyle = colors[levelOf(value, this.page.heat.thresholds.signed)];
      context.fillRect((n % columns) * BOX, Math.floor(n / columns) * BOX, BOX - 1, BOX - 1);
    });
    context.strokeStyle = getComputedStyle(canvas).color;
    context.lineWidth = 2;
    context.strokeRect((this.number % columns) * BOX - 1, Math.floor(this.number / columns) * BOX - 1, BOX + 1, BOX + 1);
  }

  /** The colors of the five levels. The middle one is that of quiet boxes. */
  colors() {
    const samples = [0, 1, 2, 3, 4].map((level) => element("span", { class: `b${level}` }));
    byId("legend").append(...samples);
    const colors = samples.map((sample) => getComputedStyle(sample).color);
    samples.forEach((sample) => sample.remove());
    return colors;
  }
}
