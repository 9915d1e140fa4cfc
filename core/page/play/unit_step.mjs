// One unit of the LSTM at one token, with what its gates add up: as core/cells/worked_step.py, unrounded.

import { HIDDEN_SCALE, HIDDEN_ZERO } from "../kernel/plain_step.mjs";
import { float32Tensor, int8Tensor } from "../weights.mjs";

export const GATES = "ifgo"; // in the order of the model file

/**
 * The hidden states, bytes (layers x H,), and cells, float32 (layers x H,), of a text at one place.
 * @typedef {{h: Uint8Array, c: Float32Array}} Memory
 */

/**
 * The reading of the token `id`: the memory before and after it, and the vector (4H,) that a style adds, or null.
 * @typedef {{id: number, before: Memory, after: Memory, shift: Float32Array | null}} Reading
 */

/**
 * A gate: what the input, the unit's own layer and the bias add, their sum, and σ or tanh of it.
 * @typedef {{input: number, recurrent: number, bias: number, sum: number, value: number}} Gate
 */

/**
 * A unit: its gates by their letters, the cell before and after the token, and the hidden state.
 * @typedef {{gates: Record<string, Gate>, before: number, c: number, h: number}} UnitStep
 */

/**
 * Return a unit at the reading of a token. Layers are counted from 1, units from 0.
 * @param {import("../weights.mjs").ModelFile} file
 * @param {Reading} reading
 * @param {number} layer
 * @param {number} index
 * @returns {UnitStep}
 */
export function unitStep(file, reading, layer, index) {
  const { width } = file.architecture;
  const at = (layer - 1) * width + index;
  const gates = Object.fromEntries(
    [...GATES].map((name, row) => [name, gateOf(file, reading, layer - 1, name, row * width + index)]),
  );
  const h = (reading.after.h[at] - HIDDEN_ZERO) * HIDDEN_SCALE;
  return { gates, before: reading.before.c[at], c: reading.after.c[at], h };
}

/**
 * @param {import("../weights.mjs").ModelFile} file
 * @param {Reading} reading
 * @param {number} layer counted from 0
 * @param {string} name
 * @param {number} row of the weights
 * @returns {Gate}
 */
function gateOf(file, { id, before, after, shift }, layer, name, row) {
  const { width } = file.architecture;
  const scale = float32Tensor(file, `lstm.${layer}.scale`)[row];
  const inputs = layer ? hiddenOf(after.h, layer - 1, width) : embeddingOf(file, id);
  const input = scale * product(int8Tensor(file, `lstm.${layer}.weight_ih`), row, inputs);
  const recurrent = scale * product(int8Tensor(file, `lstm.${layer}.weight_hh`), row, hiddenOf(before.h, layer, width));
  const bias = float32Tensor(file, `lstm.${layer}.bias`)[row] + (layer === 0 && shift ? shift[row] : 0);
  const sum = input + recurrent + bias;
  return { input, recurrent, bias, sum, value: name === "g" ? Math.tanh(sum) : 1 / (1 + Math.exp(-sum)) };
}

/**
 * @param {Uint8Array} h
 * @param {number} layer
 * @param {number} width
 */
function hiddenOf(h, layer, width) {
  return Float64Array.from(h.subarray(layer * width, (layer + 1) * width), (value) => (value - HIDDEN_ZERO) * HIDDEN_SCALE);
}

/**
 * @param {import("../weights.mjs").ModelFile} file
 * @param {number} id
 */
function embeddingOf(file, id) {
  const size = file.architecture.embedding;
  const scale = float32Tensor(file, "embedding.scale")[id];
  return Float64Array.from(int8Tensor(file, "embedding.weight").subarray(id * size, (id + 1) * size), (value) => value * scale);
}

/**
 * @param {Int8Array} weights
 * @param {number} row
 * @param {Float64Array} inputs
 */
function product(weights, row, inputs) {
  return inputs.reduce((sum, value, k) => sum + weights[row * inputs.length + k] * value, 0);
}
