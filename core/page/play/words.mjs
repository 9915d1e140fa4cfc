// The words of the page, in the language that the reader prefers.

/** @typedef {Record<string, string>} Table */

/** Words by their names. */
export class Words {
  /**
   * @param {Record<string, Table>} tables by language, "en" among them
   * @param {readonly string[]} preferred languages such as "de-CH", the best first
   */
  constructor(tables, preferred) {
    const known = preferred.map((each) => each.slice(0, 2)).find((each) => Object.hasOwn(tables, each));
    this.languages = Object.keys(tables);
    this.language = known ?? "en";
    this.table = { ...tables.en, ...tables[this.language] };
  }

  /**
   * Return a phrase with its {names} replaced.
   * @param {string} name
   * @param {Record<string, string | number>} values
   */
  say(name, values = {}) {
    const phrase = this.table[name];
    if (phrase === undefined) throw new Error(`the page has no words for ${name}`);
    return phrase.replace(/\{(\w+)\}/g, (_, key) => String(values[key]));
  }

  /**
   * Return a number with so many decimals.
   * @param {number} value
   * @param {number} decimals
   */
  number(value, decimals) {
    return value.toLocaleString(this.language, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  }

  /**
   * Put the phrases into the elements that ask for them: `data-say` names that of the text, `data-label` of aria-label.
   * @param {ParentNode} root
   */
  fill(root) {
    for (const each of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-say]"))) {
      each.textContent = this.say(each.dataset.say ?? "");
    }
    for (const each of /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-label]"))) {
      each.setAttribute("aria-label", this.say(each.dataset.label ?? ""));
    }
  }
}
