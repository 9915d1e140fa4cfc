// Heat: the level of a token by a figure that it has, or by a unit of the network. As core/render/heat.py.

import { unitStep } from "./unit_step.mjs";

export const FIGURES = ["surprise", "rank", "entropy", "temperature"];
export const PARTS = ["cell", "hidden", "input", "forget", "output", "candidate"];
/** @type {Record<string, string>} */
const GATE_LETTERS = { input: "i", forget: "f", output: "o", candidate: "g" };

/**
 * Lowest values of levels 1 to 4: of figures by name, of c, h and the candidate (`signed`), and of gates (`gate`).
 * @typedef {{figures: Record<string, number[]>, signed: number[], gate: number[]}} HeatThresholds
 */

/**
 * A part of a unit. Layers are counted from 1, the units of a layer from 0.
 * @typedef {{part: string, layer: number, index: number}} Unit
 */

/**
 * What has a level: a drawn token, or one of a text that was read.
 * @typedef {{logprob: number, rank: number, entropy: number, temperature: number}} Figures
 */

/**
 * Return the unit that a heat such as "cell 2.118" names; null if it is another heat, or the model has no such unit.
 * @param {string} heat
 * @param {import("../weights.mjs").Architecture} architecture
 * @returns {Unit | null}
 */
export function unitOf(heat, { layers, width }) {
  const [, part, layer, index] = /^([a-z]+) (\d+)\.(\d+)$/.exec(heat) ?? [];
  const unit = { part, layer: Number(layer), index: Number(index) };
  return PARTS.includes(part) && unit.layer >= 1 && unit.layer <= layers && unit.index < width ? unit : null;
}

/**
 * Return the value of a unit at the reading of a token.
 * @param {import("../weights.mjs").ModelFile} file
 * @param {Unit} unit
 * @param {import("./unit_step.mjs").Reading} reading
 */
export function unitValue(file, { part, layer, index }, reading) {
  const at = (layer - 1) * file.architecture.width + index;
  if (part === "cell") return reading.after.c[at];
  const step = unitStep(file, reading, layer, index);
  return part === "hidden" ? step.h : step.gates[GATE_LETTERS[part]].value;
}

/** Return the surprisal of a token in bits. @param {{logprob: number}} token */
export function surprisal({ logprob }) {
  return -logprob / Math.log(2);
}

/** The levels and colors of a text. */
export class Heat {
  /**
   * @param {import("../weights.mjs").ModelFile} file
   * @param {HeatThresholds} thresholds
   */
  constructor(file, thresholds) {
    this.file = file;
    this.thresholds = thresholds;
  }

  /**
   * Return the lowest values of levels 1 to 4 of a heat; null if it is off.
   * @param {string} heat
   */
  levelsOf(heat) {
    if (FIGURES.includes(heat)) return this.thresholds.figures[heat];
    const unit = unitOf(heat, this.file.architecture);
    if (!unit) return null;
    return ["input", "forget", "output"].includes(unit.part) ? this.thresholds.gate : this.thresholds.signed;
  }

  /**
   * Return the class of a token, "h0" to "h4" or, of a unit, "u0" to "u4"; "" if it has none.
   * @param {string} heat
   * @param {Figures} token
   * @param {import("./unit_step.mjs").Reading | undefined} reading needed for a unit
   */
  look(heat, token, reading) {
    const levels = this.levelsOf(heat);
    if (!levels) return "";
    const unit = unitOf(heat, this.file.architecture);
    if (!unit) return `h${levelOf(figureOf(heat, token), levels)}`;
    return reading ? `u${levelOf(unitValue(this.file, unit, reading), levels)}` : "";
  }
}

/**
 * @param {string} heat
 * @param {Figures} token
 */
function figureOf(heat, token) {
  if (heat === "surprise") return surprisal(token);
  return heat === "rank" ? token.rank : heat === "entropy" ? token.entropy : token.temperature;
}

/**
 * Return the number of thresholds that a value reaches.
 * @param {number} value
 * @param {number[]} levels
 */
export function levelOf(value, levels) {
  return levels.filter((level) => value >= level).length;
}
