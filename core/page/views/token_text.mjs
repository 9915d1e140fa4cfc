// A text of tokens: each a span in the color of its heat, one of them marked.

/** @typedef {import("../play/heat.mjs").Heat} Heat */
/** @typedef {import("../play/heat.mjs").Figures} Figures */

/**
 * What a text is made of. `source` tells a piece from another one. `n` is a token's number, -1 for what is no token.
 * @typedef {object} TextPiece
 * @property {string} text
 * @property {object} source
 * @property {Figures | null} token
 * @property {number} n
 * @property {boolean} seed
 */

/** Shows pieces, and keeps the elements of those that are still there. */
export class TokenText {
  /**
   * @param {HTMLElement} root
   * @param {Heat} heat
   * @param {(source: any) => import("../play/unit_step.mjs").Reading | undefined} readingOf
   * @param {(n: number) => void} onSelect is called with the number of a token that is clicked
   */
  constructor(root, heat, readingOf, onSelect) {
    this.root = root;
    this.heat = heat;
    this.readingOf = readingOf;
    /** @type {{piece: TextPiece, element: HTMLElement}[]} */
    this.shown = [];
    this.heatShown = "off";
    /** @type {HTMLElement | undefined} */
    this.marked = undefined;
    root.addEventListener("click", (event) => {
      const n = this.numberAt(event);
      if (n !== null) onSelect(n);
    });
  }

  /**
   * Return the number of the token that an event is about; null if it is about none.
   * @param {Event} event
   */
  numberAt({ target }) {
    const n = target instanceof HTMLElement ? target.dataset.n : undefined;
    return n === undefined ? null : Number(n);
  }

  /**
   * @param {TextPiece[]} pieces
   * @param {string} heat
   * @param {number | null} selected the number of the token that is marked
   */
  show(pieces, heat, selected) {
    const atEnd = this.root.scrollHeight - this.root.scrollTop - this.root.clientHeight < 40;
    this.keepFirst(heat === this.heatShown ? this.countEqual(pieces) : 0);
    this.heatShown = heat;
    const added = pieces.slice(this.shown.length).map((piece) => ({ piece, element: this.make(piece) }));
    this.root.append(...added.map(({ element }) => element));
    this.shown.push(...added);
    this.mark(selected);
    if (added.length && atEnd && selected === null) this.root.scrollTop = this.root.scrollHeight;
  }

  /** @param {TextPiece[]} pieces */
  countEqual(pieces) {
    const differs = this.shown.findIndex(({ piece }, n) => piece.source !== pieces[n]?.source || piece.text !== pieces[n].text);
    return differs < 0 ? this.shown.length : differs;
  }

  /** @param {number} count */
  keepFirst(count) {
    for (const { element } of this.shown.splice(count)) element.remove();
  }

  /**
   * @param {TextPiece} piece
   * @returns {HTMLElement}
   */
  make({ text, token, source, n, seed }) {
    const made = document.createElement(seed ? "b" : "span");
    made.textContent = text;
    if (!token) return made;
    made.className = this.heat.look(this.heatShown, token, this.readingOf(source));
    if (/^\n+$/.test(text)) made.classList.add("line");
    made.dataset.n = String(n);
    return made;
  }

  /** @param {number | null} selected */
  mark(selected) {
    const wanted = selected === null ? undefined : this.shown.find(({ piece }) => piece.n === selected)?.element;
    if (wanted === this.marked) return;
    this.marked?.classList.remove("at");
    wanted?.classList.add("at");
    wanted?.scrollIntoView({ block: "nearest" });
    this.marked = wanted;
  }
}
