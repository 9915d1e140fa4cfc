// The declarations of the settings, which the program that made the page takes from core/settings.py.

import { settingsFrom } from "../settings.mjs";

/**
 * The declaration of a setting: `kind` is "number", "whole", "choice", "flag", "texts", "numbers", "temperature" or "style",
 * `range` the permitted values in words.
 * @typedef {{name: string, label: string, help: string, range: string, kind: string, low?: number, high?: number, choices?: string[]}} SettingSpec
 */

/** Checks values of settings. */
export class SettingSpecs {
  /**
   * @param {SettingSpec[]} specs
   * @param {string[]} styles names of the model's styles
   */
  constructor(specs, styles) {
    this.specs = specs;
    this.byName = new Map(specs.map((spec) => [spec.name, spec]));
    this.styles = styles;
  }

  /** @param {string} name */
  has(name) {
    return this.byName.has(name);
  }

  /**
   * Return the value of a setting. Throws an Error, one line, if it is not permitted.
   * @param {string} name
   * @param {any} value JSON as files store it
   */
  check(name, value) {
    const spec = this.byName.get(name);
    if (!spec) throw new Error(`there is no setting ${name}`);
    const read = /** @type {Record<string, any>} */ (settingsFrom({ [name]: value }))[name];
    if (!this.permits(spec, read)) throw new Error(`${spec.label} cannot be ${String(value).slice(0, 40)}: it must be ${spec.range}`);
    return read;
  }

  /**
   * @param {SettingSpec} spec
   * @param {any} value
   * @returns {boolean}
   */
  permits(spec, value) {
    const isNumber = typeof value === "number" && value >= (spec.low ?? -Infinity) && value <= (spec.high ?? Infinity);
    const pairs = Array.isArray(value) && value.every((pair) => Array.isArray(pair) && typeof pair[0] === "string" && Number.isFinite(pair[1]));
    const knows = (/** @type {[string, number][]} */ mix) => mix.every(([name]) => this.styles.includes(name));
    switch (spec.kind) {
      case "number":
        return isNumber;
      case "whole":
        return isNumber && Number.isInteger(value);
      case "choice":
        return spec.choices?.includes(value) ?? false;
      case "flag":
        return typeof value === "boolean";
      case "texts":
        return Array.isArray(value) && value.length <= 1000 && value.every((text) => typeof text === "string" && text !== "");
      case "numbers":
        return pairs && value.every(([, number]) => Math.abs(number) <= 100);
      case "style":
        return pairs && knows(value);
      default:
        return isNumber || [value?.start, value?.end].every((edge) => edge >= 0 && edge <= 5);
    }
  }
}
