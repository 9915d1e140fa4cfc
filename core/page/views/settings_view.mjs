// A field for each setting that decides how tokens are drawn and when a text ends, but for those with controls of their own.

import { byId, element } from "./dom.mjs";

const ELSEWHERE = ["temperature"]; // settings that have a control of their own

/** @typedef {import("../play/setting_specs.mjs").SettingSpec} SettingSpec */

/** Shows the settings. */
export class SettingsView {
  /** @param {import("./app.mjs").Page} page */
  constructor(page) {
    this.page = page;
    const { specs, words, play } = page;
    const specsShown = specs.specs.filter(({ name }) => !ELSEWHERE.includes(name) && (specs.styles.length || !name.startsWith("style")));
    this.fields = specsShown.map((spec) => ({ spec, input: this.makeInput(spec) }));
    const reset = element("button", { type: "button", onclick: () => play.set(play.defaults) }, words.say("settings_reset"));
    byId("settings").append(...this.fields.map(({ spec, input }) => fieldOf(spec, input)), reset);
    this.shown = "";
  }

  /**
   * @param {SettingSpec} spec
   * @returns {HTMLInputElement}
   */
  makeInput(spec) {
    const id = `setting-${spec.name}`;
    const made = /** @type {HTMLInputElement} */ (inputOf(spec, id));
    made.setAttribute("aria-describedby", `${id}-help`);
    made.addEventListener("change", () => this.page.attempt(() => this.set(spec, made)));
    return made;
  }

  /**
   * @param {SettingSpec} spec
   * @param {HTMLInputElement} input
   */
  set(spec, input) {
    try {
      this.page.play.set({ [spec.name]: this.page.specs.check(spec.name, readInput(spec, input)) });
    } finally {
      this.shown = ""; // a value that is refused goes back to the one before
    }
  }

  draw() {
    const { settings } = this.page.play;
    const key = JSON.stringify(settings);
    if (key === this.shown) return;
    this.shown = key;
    for (const { spec, input } of this.fields) {
      if (document.activeElement !== input || input.type !== "text") showValue(spec, input, /** @type {Record<string, any>} */ (settings)[spec.name]);
    }
  }
}

/**
 * @param {SettingSpec} spec
 * @param {HTMLInputElement} input
 */
function fieldOf(spec, input) {
  const label = element("label", { class: spec.kind === "flag" ? "check" : "" }, element("span", {}, spec.label), input);
  return element("div", { class: "field" }, label, element("p", { class: "note", id: `${input.id}-help` }, spec.help));
}

/**
 * @param {SettingSpec} spec
 * @param {string} id
 */
function inputOf(spec, id) {
  if (spec.kind === "choice") return element("select", { id }, ...(spec.choices ?? []).map((each) => element("option", {}, each)));
  if (spec.kind === "flag") return element("input", { id, type: "checkbox" });
  if (spec.kind === "number" || spec.kind === "whole") {
    return element("input", { id, type: "number", min: spec.low, max: spec.high, step: spec.kind === "whole" ? 1 : "any" });
  }
  return element("textarea", { id, rows: 2, spellcheck: "false" });
}

/**
 * Return the value that an input has. Lists have an entry in each line, in which \n is a line end.
 * @param {SettingSpec} spec
 * @param {HTMLInputElement} input
 * @returns {any}
 */
function readInput({ kind, name }, input) {
  if (kind === "flag") return input.checked;
  if (kind === "number" || kind === "whole") return input.value === "" ? NaN : input.valueAsNumber;
  if (kind === "choice") return input.value;
  const lines = input.value.split("\n").filter(Boolean).map((line) => line.replace(/\\n/g, "\n").replace(/\\t/g, "\t"));
  return kind === "texts" ? lines : lines.map((line) => readPair(line, name === "style" ? 1 : NaN));
}

/**
 * Return the text and the number of a line such as "e -2.3".
 * @param {string} line
 * @param {number} usual
 * @returns {[string, number]}
 */
function readPair(line, usual) {
  const [, text, number] = /^([^]*?)(?: (-?[\d.]+))?$/.exec(line) ?? [];
  return [text, number === undefined ? usual : Number(number)];
}

/**
 * @param {SettingSpec} spec
 * @param {HTMLInputElement} input
 * @param {any} value
 */
function showValue({ kind }, input, value) {
  if (kind === "flag") input.checked = value;
  else if (!Array.isArray(value)) input.value = typeof value === "object" ? JSON.stringify(value) : String(value);
  else input.value = value.map((each) => (Array.isArray(each) ? each.join(" ") : each).replace(/\n/g, "\\n").replace(/\t/g, "\\t")).join("\n");
}
