// The arithmetic of a temperature on numbers that a person types, and on a bell curve.

import { byId, element, setText, svg } from "./dom.mjs";
import { percent } from "./next_view.mjs";

const START = [0.3, 0.5, 0.2];
const MOST = 8; // numbers
const EDGE = 5; // the curve is drawn from -5 to 5

/**
 * A row of the worked example: p, its logarithm, that divided by T, the exponential, and that divided by the sum of all.
 * @typedef {{p: number, log: number, divided: number, exp: number, result: number}} WorkedRow
 */

/**
 * Return the rows of numbers at a temperature. At 0 all goes to the first of the largest.
 * @param {number[]} numbers 0 or more, at least one above 0
 * @param {number} temperature
 * @returns {WorkedRow[]}
 */
export function workSoftmax(numbers, temperature) {
  const total = numbers.reduce((sum, p) => sum + p, 0);
  const rows = numbers.map((number) => {
    const p = number / total;
    const log = Math.log(p);
    const divided = temperature ? log / temperature : p === Math.max(...numbers) / total ? 0 : -Infinity;
    return { p, log, divided, exp: Math.exp(divided), result: 0 };
  });
  const sum = rows.reduce((total, row) => total + row.exp, 0);
  return rows.map((row) => ({ ...row, result: row.exp / sum }));
}

/** @param {any[]} numbers */
function areValid(numbers) {
  return numbers.every((number) => number >= 0 && number <= 1000) && numbers.some((number) => number > 0);
}

/**
 * Return the entropy of probabilities in bits.
 * @param {number[]} probabilities
 */
export function entropyBits(probabilities) {
  return probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log2(p) : sum), 0);
}

/** Shows the worked example and the bell curve. */
export class SoftmaxView {
  /** @param {import("./app.mjs").Page} page */
  constructor(page) {
    this.page = page;
    const { words } = page;
    /** @type {number[]} */
    this.numbers = START;
    this.temperature = 1.2;
    this.output = element("output");
    this.slider = /** @type {HTMLInputElement} */ (element("input", { type: "range", min: 0, max: 2, step: 0.05, value: 1.2 }));
    this.slider.addEventListener("input", () => this.set(this.numbers, this.slider.valueAsNumber));
    this.body = element("tbody");
    this.note = element("p", { class: "note" });
    this.rounding = element("p", { class: "note" }, words.say("softmax_rounding"));
    const heads = ["p", "ln p", "ln p / T", "exp", "÷ Σ", ""].map((head) => element("th", { scope: "col" }, head || "%"));
    const table = element("table", {}, element("caption", { class: "note" }, words.say("softmax_caption")), element("thead", {}, element("tr", {}, ...heads)), this.body);
    const more = element("button", { onclick: () => this.set([...this.numbers, 0.1].slice(0, MOST), this.temperature) }, words.say("softmax_more"));
    const less = element("button", { onclick: () => this.set(this.numbers.slice(0, Math.max(2, this.numbers.length - 1)), this.temperature) }, words.say("softmax_less"));
    const label = element("label", { class: "slider" }, element("span", {}, words.say("temperature")), this.output, this.slider);
    this.bell = svg("svg", { viewBox: "0 0 400 180", role: "img", class: "bell" });
    byId("softmax").append(
      element("div", { class: "row" }, label, more, less), element("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": words.say("softmax_caption") }, table),
      this.note, this.rounding, element("h2", {}, words.say("bell_title")), element("div", { class: "split" }, this.bell, element("p", {}, words.say("bell_note"))),
    );
    this.makeRows();
  }

  /**
   * Show other numbers or another temperature.
   * @param {number[]} numbers
   * @param {number} temperature
   */
  set(numbers, temperature) {
    const resized = numbers.length !== this.numbers.length;
    [this.numbers, this.temperature] = [numbers, temperature];
    if (resized) this.makeRows();
    this.page.play.changed();
  }

  /**
   * Show the numbers and the temperature of a link, if they are some.
   * @param {any} numbers
   * @param {number} temperature
   */
  open(numbers, temperature) {
    const valid = Array.isArray(numbers) && numbers.length >= 2 && numbers.length <= MOST && areValid(numbers);
    if (valid && temperature >= 0 && temperature <= 2) this.set(numbers, temperature);
  }

  makeRows() {
    const { words } = this.page;
    this.rows = this.numbers.map((number, n) => {
      const label = words.say("softmax_number", { n: n + 1 });
      const input = element("input", { type: "number", min: 0, max: 1000, step: "any", value: number, "aria-label": label });
      input.addEventListener("input", () => this.type(n, /** @type {HTMLInputElement} */ (input)));
      const cells = Array.from({ length: 5 }, () => element("td"));
      return { cells, row: element("tr", {}, element("td", {}, input), ...cells) };
    });
    this.sums = Array.from({ length: 6 }, () => element("td"));
    this.body.replaceChildren(...this.rows.map(({ row }) => row), element("tr", {}, ...this.sums));
  }

  /**
   * @param {number} n
   * @param {HTMLInputElement} input
   */
  type(n, input) {
    const numbers = this.numbers.map((number, place) => (place === n ? input.valueAsNumber : number));
    const valid = areValid(numbers);
    input.setAttribute("aria-invalid", String(!valid));
    if (valid) this.set(numbers, this.temperature);
    else this.page.tell(this.page.words.say("softmax_invalid"));
  }

  draw() {
    const { words } = this.page;
    this.slider.valueAsNumber = this.temperature;
    setText(this.output, words.number(this.temperature, 2));
    const worked = workSoftmax(this.numbers, this.temperature);
    worked.forEach(({ log, divided, exp, result }, n) => {
      const texts = [words.number(log, 4), words.number(divided, 4), words.number(exp, 4), words.number(result, 4), percent(result, words)];
      texts.forEach((text, column) => setText(/** @type {Element} */ (this.rows?.[n].cells[column]), text));
    });
    const total = worked.reduce((sum, row) => sum + row.exp, 0);
    const given = this.numbers.reduce((sum, number) => sum + number, 0);
    [words.number(given, 4), "", "Σ", words.number(total, 4), words.number(1, 4), percent(1, words)].forEach((text, n) => setText(/** @type {Element} */ (this.sums?.[n]), text));
    const bits = [worked.map((row) => row.p), worked.map((row) => row.result)].map(entropyBits);
    setText(this.note, words.say("softmax_entropy", { before: words.number(bits[0], 2), after: words.number(bits[1], 2), choices: words.number(2 ** bits[1], 2) }));
    this.drawBell();
  }

  /** The normal distribution, dashed, and raised to 1/T: again one, whose deviation is √T. */
  drawBell() {
    const { temperature } = this;
    const deviation = Math.sqrt(Math.max(0.01, temperature));
    const text = this.page.words.say("bell_label", { t: this.page.words.number(temperature, 2), d: this.page.words.number(deviation, 2) });
    this.bell.setAttribute("aria-label", text);
    const axis = svg("line", { x1: 0, x2: 400, y1: 150, y2: 150 });
    const ticks = [-4, -2, 0, 2, 4].map((x) => svg("text", { x: 200 + 40 * x, y: 168, "text-anchor": "middle", "font-size": 13 }, String(x)));
    const title = svg("text", { x: 6, y: 16, "font-size": 14 }, text);
    this.bell.replaceChildren(axis, ...ticks, title, svg("path", { d: curve(1), class: "model" }), svg("path", { d: curve(deviation) }));
  }
}

/**
 * Return the path of the normal distribution with a standard deviation; its height is cut at that of 0.4.
 * @param {number} deviation
 */
function curve(deviation) {
  const points = Array.from({ length: 201 }, (_, n) => {
    const x = (n / 200) * 2 * EDGE - EDGE;
    const density = Math.exp(-(x * x) / (2 * deviation * deviation)) / deviation;
    return `${(200 + 40 * x).toFixed(1)},${(150 - Math.min(90 * density, 125)).toFixed(1)}`;
  });
  return `M${points.join("L")}`;
}
