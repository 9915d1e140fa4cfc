// Steps the LSTM in plain JavaScript: the same bits as step.c, and slower.

import { float32Tensor, int8Tensor } from "../weights.mjs";
import { sigmoid32, tanh32 } from "./floats.mjs";
import { InputRows } from "./input_rows.mjs";
import { softmax } from "./softmax.mjs";

const { fround } = Math;

export const HIDDEN_SCALE = fround(1 / 127); // size of a step of h: quantization.py
export const HIDDEN_ZERO = 128; // zero point of h, which is stored as unsigned bytes

/**
 * Weights int8 (rows, inputs) with a scale for each row, (rows,), which includes that of h, and a bias.
 * @typedef {{weights: Int8Array, inputs: number, scale: Float32Array, bias: Float32Array}} Matrix
 */

/** Steps states of a model, one after the other. */
export class PlainKernel {
  /** @param {import("../weights.mjs").ModelFile} file */
  constructor(file) {
    const { layers, width } = file.architecture;
    this.width = width;
    this.layers = layers;
    this.rows = new InputRows(file);
    this.recurrent = Array.from({ length: layers }, (_, n) => matrixOf(file, `lstm.${n}`, "weight_hh", width));
    this.inputs = Array.from({ length: layers }, (_, n) => matrixOf(file, `lstm.${n}`, "weight_ih", width));
    this.projection = matrixOf(file, "projection", "weight", width);
    this.hidden = new Int32Array(2 * width); // h of the layer below, and this layer's own, without the zero point
    this.gates = new Float32Array(4 * width);
    this.softmax = softmax;
  }

  /**
   * Read a token for each state, which is changed.
   * @param {import("../step.mjs").State[]} states
   * @param {ArrayLike<number>} ids
   * @param {(Float32Array | null)[]} shifts (4H,), added to the gates of layer 0
   */
  step(states, ids, shifts) {
    states.forEach((state, n) => this.stepOne(state, ids[n], shifts[n] ?? null));
  }

  /**
   * @param {import("../step.mjs").State} state
   * @param {number} token
   * @param {Float32Array | null} shift
   */
  stepOne(state, token, shift) {
    for (let layer = 0; layer < this.layers; layer++) {
      this.takeHidden(state, layer);
      this.computeGates(layer, token);
      if (shift && layer === 0) shift.forEach((value, n) => (this.gates[n] += value));
      this.updateState(state, layer);
    }
    this.takeHidden(state, this.layers);
    const { scale, bias } = this.projection;
    for (let v = 0; v < bias.length; v++) {
      state.logits[v] = fround(fround(this.multiply(this.projection, v, 0)) * scale[v]) + bias[v];
    }
  }

  /**
   * Take h of the layer below, and of this layer if there is one.
   * @param {import("../step.mjs").State} state
   * @param {number} layer
   */
  takeHidden({ h }, layer) {
    const { hidden, width } = this;
    for (let n = 0; layer && n < width; n++) hidden[n] = h[(layer - 1) * width + n] - HIDDEN_ZERO;
    for (let n = 0; layer < this.layers && n < width; n++) hidden[width + n] = h[layer * width + n] - HIDDEN_ZERO;
  }

  /**
   * @param {number} layer
   * @param {number} token
   */
  computeGates(layer, token) {
    const { scale, bias } = this.recurrent[layer];
    const addend = layer ? bias : this.rows.row(token);
    for (let gate = 0; gate < this.gates.length; gate++) {
      let sum = this.multiply(this.recurrent[layer], gate, this.width);
      if (layer) sum += this.multiply(this.inputs[layer], gate, 0);
      this.gates[gate] = fround(fround(sum) * scale[gate]) + addend[gate];
    }
  }

  /**
   * Return the product of a row of weights with the hidden values from an offset on. Sums of whole numbers are exact.
   * @param {Matrix} matrix
   * @param {number} row
   * @param {number} offset
   */
  multiply({ weights, inputs }, row, offset) {
    const { hidden } = this;
    let sum = 0;
    for (let k = 0, w = row * inputs; k < inputs; k++, w++) sum = (sum + weights[w] * hidden[offset + k]) | 0;
    return sum;
  }

  /**
   * Compute c and h of a layer from its gates.
   * @param {import("../step.mjs").State} state
   * @param {number} layer
   */
  updateState({ h, c }, layer) {
    const { gates, width } = this;
    for (let unit = 0, at = layer * width; unit < width; unit++, at++) {
      const input = sigmoid32(gates[unit]);
      const forget = sigmoid32(gates[width + unit]);
      const candidate = tanh32(gates[2 * width + unit]);
      const output = sigmoid32(gates[3 * width + unit]);
      c[at] = fround(input * candidate) + fround(forget * c[at]);
      h[at] = roundToEven(fround(fround(output * tanh32(c[at])) / HIDDEN_SCALE)) + HIDDEN_ZERO;
    }
  }
}

/**
 * @param {import("../weights.mjs").ModelFile} file
 * @param {string} name
 * @param {string} weights
 * @param {number} inputs
 * @returns {Matrix}
 */
function matrixOf(file, name, weights, inputs) {
  const scale = float32Tensor(file, `${name}.scale`).map((value) => value * HIDDEN_SCALE);
  return { weights: int8Tensor(file, `${name}.${weights}`), inputs, scale, bias: float32Tensor(file, `${name}.bias`) };
}

/** @param {number} x */
function roundToEven(x) {
  return x + 6755399441055744 - 6755399441055744;
}
