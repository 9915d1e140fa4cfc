// The tree of a passage: what was typed and written, and where the text ends. As core/session/passage.py.

/** @typedef {import("./engine.mjs").Snapshot} Snapshot */
/** @typedef {import("./settings.mjs").Settings} Settings */
/** @typedef {import("./stream.mjs").Token} Token */

/**
 * A typed seed (`seed` is its text, no tokens) or a written text (`tokens`). It follows the first `at` tokens of the node
 * `parent`; a root has none. `take` is that of its random numbers, `tail` the text that was pending when it was stopped,
 * `visited` the child that redo goes to, `reason` that of `Done`, "" while it is written. `settings` are pairs of the index
 * of a token and the settings that drew it and those after it. `start` is the snapshot before the first token (of a seed:
 * after it), and `snapshots` are later ones by number of tokens.
 * @typedef {object} Node
 * @property {number | null} parent
 * @property {number} at
 * @property {string | null} seed
 * @property {Token[]} tokens
 * @property {number} take
 * @property {string} tail
 * @property {number[]} children
 * @property {number | null} visited
 * @property {"" | "length" | "stop" | "stopped"} reason
 * @property {[number, Settings][]} settings
 * @property {Snapshot} start
 * @property {Map<number, Snapshot>} snapshots
 */

/** A tree of nodes with a cursor on the node that the text ends with. */
export class PassageTree {
  constructor() {
    /** @type {Node[]} */
    this.nodes = [];
    /** @type {number | null} */
    this.cursor = null; // the index of the node that the text ends with, null in an empty passage
  }

  /** The node at the cursor. Throws an Error in an empty passage. */
  get current() {
    if (this.cursor === null) throw new Error("there is no text yet: type a seed first");
    return this.nodes[this.cursor];
  }

  /** Move the cursor to the parent. Throws an Error if there is none. */
  undo() {
    if (this.current.parent === null) throw new Error("there is nothing to undo");
    this.cursor = this.current.parent;
  }

  /** Move the cursor to the child visited last. Throws an Error if there is none. */
  redo() {
    if (this.current.visited === null) throw new Error("there is nothing to redo");
    this.cursor = this.current.visited;
  }

  /**
   * Move the cursor to a node. Redo from any of its ancestors then leads to it.
   * @param {number} index
   */
  moveTo(index) {
    this.cursor = index;
    for (let child = index, { parent } = this.nodes[index]; parent !== null; { parent } = this.nodes[parent]) {
      this.nodes[parent].visited = child;
      child = parent;
    }
  }

  /** The text up to the cursor, including seeds. */
  get text() {
    return this.pathIndices().map(([index, count]) => textOf(this.nodes[index], count)).join("");
  }

  /** The written tokens up to the cursor. */
  get tokens() {
    return this.pathIndices().flatMap(([index, count]) => this.nodes[index].tokens.slice(0, count));
  }

  /**
   * Return the nodes from the root to the cursor as [index, number of its tokens in the text; Infinity: all].
   * @returns {[number, number][]}
   */
  pathIndices() {
    /** @type {[number, number][]} */
    const upwards = [];
    for (let index = this.cursor, count = Infinity; index !== null; ) {
      upwards.push([index, count]);
      ({ parent: index, at: count } = this.nodes[index]);
    }
    return upwards.reverse();
  }

  /**
   * Return the place after the first `count` written tokens of the text as [node, number of its tokens]. The place before a
   * node's first token is given as its parent's, so that a text added there is a sibling. Throws a RangeError.
   * @param {number} count
   * @returns {[number, number]}
   */
  locateToken(count) {
    let before = 0;
    for (const [index, part] of this.pathIndices()) {
      const { parent, at, tokens } = this.nodes[index];
      const length = Math.min(part, tokens.length);
      if (count >= before && count < before + length) {
        return count === before && parent !== null ? [parent, at] : [index, count - before];
      }
      before += length;
    }
    if (count !== before) throw new RangeError(`the text has only ${before} tokens; cannot go to token ${count}`);
    return [this.cursor ?? 0, this.current.tokens.length];
  }

  /**
   * Return the node that has the written token `n` of the text, and the token's place there. Throws a RangeError.
   * @param {number} n
   * @returns {[Node, number]}
   */
  nodeOf(n) {
    let before = 0;
    for (const [index, part] of this.pathIndices()) {
      const node = this.nodes[index];
      const count = Math.min(part, node.tokens.length);
      if (n < before + count) return [node, n - before];
      before += count;
    }
    throw new RangeError(`the text has no token ${n}`);
  }

  /** The indices of the versions of the last text, in order of creation. The cursor is one of them. */
  get versions() {
    if (this.cursor === null) return [];
    const isSeed = this.current.seed !== null;
    let [index, before] = [this.cursor, this.current.parent];
    while (before !== null && !this.isAtEnd(index)) [index, before] = [before, this.nodes[before].parent];
    return this.writtenAfter(before, isSeed).sort((a, b) => a - b);
  }

  /**
   * Return the seeds, or the texts, of all versions that continue the whole text `before`; null is the beginning.
   * @param {number | null} before
   * @param {boolean} isSeed
   */
  writtenAfter(before, isSeed) {
    const found = [];
    const waiting = [...this.nodes.keys()].filter((n) => this.nodes[n].parent === before && this.isAtEnd(n));
    for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
      waiting.push(...this.nodes[index].children.filter((child) => !this.isAtEnd(child)));
      if ((this.nodes[index].seed !== null) === isSeed) found.push(index);
    }
    return found;
  }

  /**
   * Return true if a node begins the passage or continues all of a text.
   * @param {number} index
   */
  isAtEnd(index) {
    const { parent, at } = this.nodes[index];
    return parent === null || (this.nodes[parent].seed === null && at >= shownCount(this.nodes[parent]));
  }

  /**
   * Return the take of the random numbers for a new text after the first `at` tokens of a node.
   * @param {number} index
   * @param {number} at
   */
  nextFreeTake(index, at) {
    const { take, children, tokens } = this.nodes[index];
    const highest = Math.max(take, ...children.map((child) => this.nodes[child].take));
    return highest + (children.length || at < tokens.length ? 1 : 0);
  }

  /**
   * Append a node, link it to its parent, and move the cursor to it.
   * @param {Node} node
   */
  add(node) {
    this.nodes.push(node);
    const index = this.nodes.length - 1;
    if (node.parent !== null) this.nodes[node.parent].children.push(index);
    this.moveTo(index);
  }
}

/**
 * Return the number of a node's tokens without those that were drawn after its end, to see that it ends there.
 * @param {Node} node
 */
export function shownCount({ tokens, reason }) {
  return reason === "length" ? tokens.findLastIndex((token) => token.text) + 1 : tokens.length;
}

/**
 * Return the seed, or the text of the first `count` tokens. The tail belongs to the last one.
 * @param {Node} node
 * @param {number} count
 */
function textOf({ seed, tokens, tail }, count) {
  if (seed !== null) return seed;
  const text = tokens.slice(0, count).map((token) => token.text).join("");
  return count >= tokens.length ? text + tail : text;
}
