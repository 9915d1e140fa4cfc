// The input of layer 0 for each token: its embedding times the input weights, plus the bias. Computed once for a token.

import { float32Tensor, int8Tensor } from "../weights.mjs";

const { fround } = Math;

const MAX_CACHED_BYTES = 1 << 24;

/** Gives the input of layer 0 for any token, float32 (4H,), or in the order of a kernel. */
export class InputRows {
  /**
   * @param {import("../weights.mjs").ModelFile} file
   * @param {Int32Array | null} order numbers of the gates as a kernel has them, -1 where it is padded; null: i f g o
   */
  constructor(file, order = null) {
    const { embedding, width } = file.architecture;
    this.embedding = int8Tensor(file, "embedding.weight");
    this.tokenScale = float32Tensor(file, "embedding.scale");
    this.weights = int8Tensor(file, "lstm.0.weight_ih");
    this.scale = float32Tensor(file, "lstm.0.scale");
    this.bias = float32Tensor(file, "lstm.0.bias");
    this.size = embedding;
    this.order = order ?? Int32Array.from({ length: 4 * width }, (_, gate) => gate);
    /** @type {Map<number, Float32Array>} */
    this.cache = new Map();
  }

  /**
   * Return the row of a token.
   * @param {number} token
   */
  row(token) {
    let row = this.cache.get(token);
    if (!row) {
      if (this.cache.size * this.order.length * 4 >= MAX_CACHED_BYTES) this.cache.clear();
      row = this.compute(token);
      this.cache.set(token, row);
    }
    return row;
  }

  /**
   * @param {number} token
   * @returns {Float32Array}
   */
  compute(token) {
    const embedding = this.embedding.subarray(token * this.size, (token + 1) * this.size);
    return Float32Array.from(this.order, (gate) => (gate < 0 ? 0 : this.gate(token, embedding, gate)));
  }

  /**
   * @param {number} token
   * @param {Int8Array} embedding
   * @param {number} gate
   */
  gate(token, embedding, gate) {
    const scaled = fround(fround(fround(this.sum(embedding, gate)) * this.tokenScale[token]) * this.scale[gate]);
    return fround(scaled + this.bias[gate]);
  }

  /**
   * @param {Int8Array} embedding
   * @param {number} gate
   */
  sum(embedding, gate) {
    let sum = 0;
    for (let k = 0, w = gate * this.size; k < embedding.length; k++, w++) {
      sum = (sum + embedding[k] * this.weights[w]) | 0;
    }
    return sum;
  }
}
