// Steps the LSTM in WebAssembly: step.wasm, which `make wasm` makes of step.c. This module lays out the arrays that it reads.

import { float32Tensor, int8Tensor } from "../weights.mjs";
import { InputRows } from "./input_rows.mjs";
import { HIDDEN_SCALE, HIDDEN_ZERO } from "./plain_step.mjs";
import { WasmMemory } from "./wasm_memory.mjs";

const LANES = 4;
const BLOCK = 16; // gates of four units, or tokens, in a block
const MAX_ROWS = 8; // rows that are stepped at once

/** @typedef {import("../weights.mjs").ModelFile} ModelFile */
/** @typedef {import("../step.mjs").State} State */

/**
 * The fields of `Phase` in step.c, in its order: numbers, and addresses in the module's memory; 0 is none.
 * @typedef {object} Phase
 * @property {number} inputs
 * @property {number} blocks
 * @property {number} weights
 * @property {number} scale
 * @property {number} addend
 * @property {number} addendRow
 * @property {number} shift
 * @property {number} input
 * @property {number} nextInput
 * @property {number} nextInputs
 * @property {number} output
 */

/**
 * The functions of step.c. Arrays are given by their addresses.
 * @typedef {object} Functions
 * @property {(phase: number, rows: number) => void} run
 * @property {(logits: number, count: number, weights: number, result: number) => void} softmax
 */

/** Steps states of a model together. */
export class WasmKernel {
  /**
   * Return a kernel for a model; `wasm` are the bytes of step.wasm.
   * @param {ModelFile} file
   * @param {BufferSource} wasm
   */
  static async open(file, wasm) {
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { instance } = await WebAssembly.instantiate(wasm, { env: { memory } });
    const exported = /** @type {any} */ (instance.exports);
    return new WasmKernel(file, new WasmMemory(memory, exported.__heap_base.value), exported);
  }

  /**
   * @param {ModelFile} file
   * @param {WasmMemory} memory
   * @param {Functions} functions
   */
  constructor(file, memory, functions) {
    const { layers, width, vocabulary } = file.architecture;
    this.functions = functions;
    this.memory = memory;
    this.layers = layers;
    this.width = width;
    this.vocabulary = vocabulary;
    this.units = roundUp(width, LANES); // with those that fill the last block
    const order = gateOrder(width);
    this.order = order;
    this.rows = new InputRows(file, order);
    this.phases = Array.from({ length: layers }, (_, layer) => storeLayer(memory, file, layer, order));
    this.phases.push(storeProjection(memory, file));
    this.linkPhases();
    this.shift = memory.take(4 * MAX_ROWS * order.length);
    const draw = roundUp(vocabulary, 8);
    this.draw = memory.take(8 * (2 * draw + 3)); // logits, weights, and max, sum and moment
    this.structs = this.phases.map((phase) => memory.store(Int32Array.from(Object.values(phase))));
    this.inputs = this.phases.map(({ input, inputs }) => memory.int16(input, MAX_ROWS * inputs));
    this.outputs = this.phases.map(({ output, blocks }, n) =>
      memory.float32(output, MAX_ROWS * blocks * (n < layers ? LANES : BLOCK)),
    );
    this.addends = memory.float32(this.phases[0].addend, MAX_ROWS * order.length);
    this.draws = memory.float64(this.draw, 2 * draw + 3);
    this.shifts = memory.float32(this.shift, MAX_ROWS * order.length);
  }

  /** Let each layer write its h into the input of the next phase. */
  linkPhases() {
    for (let n = 0; n < this.layers; n++) {
      const { input, inputs } = this.phases[n + 1];
      Object.assign(this.phases[n], { nextInput: input, nextInputs: inputs });
    }
  }

  /**
   * Read a token for each state, which is changed.
   * @param {State[]} states
   * @param {ArrayLike<number>} ids
   * @param {(Float32Array | null)[]} shifts (4H,), added to the gates of layer 0
   */
  step(states, ids, shifts) {
    for (let first = 0; first < states.length; first += MAX_ROWS) {
      const some = states.slice(first, first + MAX_ROWS);
      some.forEach((state, row) => this.load(state, row, ids[first + row]));
      this.loadShifts(some.map((_, row) => shifts[first + row] ?? null));
      for (const struct of this.structs) this.functions.run(struct, some.length);
      some.forEach((state, row) => this.save(state, row));
    }
  }

  /**
   * Return the softmax of logits (V,).
   * @param {Float64Array} logits
   * @returns {import("./softmax.mjs").Softmax}
   */
  softmax(logits) {
    const { draw, draws, vocabulary } = this;
    const size = roundUp(vocabulary, 8);
    draws.set(logits);
    this.functions.softmax(draw, vocabulary, draw + 8 * size, draw + 16 * size);
    const [max, sum, moment] = draws.subarray(2 * size);
    return { max, sum, moment, weights: draws.slice(size, size + vocabulary) };
  }

  /**
   * Copy a state, and the input for a token, into a row of the memory.
   * @param {State} state
   * @param {number} row
   * @param {number} token
   */
  load({ h, c }, row, token) {
    const { width, units, order } = this;
    this.addends.set(this.rows.row(token), row * order.length);
    for (let layer = 0; layer < this.layers; layer++) {
      const input = this.inputs[layer];
      const own = row * this.phases[layer].inputs + (layer ? units : 0);
      for (let n = 0, at = layer * width; n < width; n++, at++) input[own + n] = h[at] - HIDDEN_ZERO;
      this.outputs[layer].set(c.subarray(layer * width, (layer + 1) * width), row * units);
    }
  }

  /**
   * Copy the shifts of all rows into the memory. Without any, nothing is added to the gates.
   * @param {(Float32Array | null)[]} shifts
   */
  loadShifts(shifts) {
    const any = shifts.some((shift) => shift);
    this.memory.int32(this.structs[0], SHIFT_FIELD + 1)[SHIFT_FIELD] = any ? this.shift : 0;
    if (!any) return;
    const { order } = this;
    shifts.forEach((shift, row) => {
      const values = Float32Array.from(order, (gate) => (shift && gate >= 0 ? shift[gate] : -0)); // -0 changes no bit
      this.shifts.set(values, row * order.length);
    });
  }

  /**
   * Copy a row of the memory into a state.
   * @param {State} state
   * @param {number} row
   */
  save({ h, c, logits }, row) {
    const { width, units } = this;
    for (let layer = 0; layer < this.layers; layer++) {
      const input = this.inputs[layer + 1];
      const below = row * this.phases[layer + 1].inputs;
      for (let n = 0, at = layer * width; n < width; n++, at++) h[at] = input[below + n] + HIDDEN_ZERO;
      c.set(this.outputs[layer].subarray(row * units, row * units + width), layer * width);
    }
    const first = row * this.phases[this.layers].blocks * BLOCK;
    logits.set(this.outputs[this.layers].subarray(first, first + this.vocabulary));
  }
}

const SHIFT_FIELD = 6; // of `Phase`

/**
 * Return the numbers of the gates in the order of the kernel: for each block of four units i f g o; -1 where it is padded.
 * @param {number} width
 */
function gateOrder(width) {
  return Int32Array.from({ length: 4 * roundUp(width, LANES) }, (_, place) => {
    const unit = LANES * Math.floor(place / BLOCK) + (place % LANES);
    const gate = Math.floor(place / LANES) % 4;
    return unit < width ? gate * width + unit : -1;
  });
}

/**
 * Store the arrays of a layer.
 * @param {WasmMemory} memory
 * @param {ModelFile} file
 * @param {number} layer
 * @param {Int32Array} order
 * @returns {Phase}
 */
function storeLayer(memory, file, layer, order) {
  const name = `lstm.${layer}`;
  const parts = (layer ? ["ih", "hh"] : ["hh"]).map((kind) => int8Tensor(file, `${name}.weight_${kind}`));
  const phase = storeMatrix(memory, file, name, order, parts);
  const addend = layer ? phase.addend : memory.take(4 * MAX_ROWS * order.length); // of layer 0, a row for each token
  const output = memory.take(4 * MAX_ROWS * phase.blocks * LANES);
  return { ...phase, addend, addendRow: layer ? 0 : order.length, output };
}

/**
 * Store the arrays of the projection.
 * @param {WasmMemory} memory
 * @param {ModelFile} file
 * @returns {Phase}
 */
function storeProjection(memory, file) {
  const { vocabulary } = file.architecture;
  const order = Int32Array.from({ length: roundUp(vocabulary, BLOCK) }, (_, v) => (v < vocabulary ? v : -1));
  const phase = storeMatrix(memory, file, "projection", order, [int8Tensor(file, "projection.weight")]);
  return { ...phase, output: memory.take(4 * MAX_ROWS * phase.blocks * BLOCK) };
}

/**
 * Store what every matrix has. `order` are the numbers of its rows, and `parts` its columns, H in each.
 * @param {WasmMemory} memory
 * @param {ModelFile} file
 * @param {string} name
 * @param {Int32Array} order
 * @param {Int8Array[]} parts
 * @returns {Phase}
 */
function storeMatrix(memory, file, name, order, parts) {
  const { width } = file.architecture;
  const inputs = parts.length * roundUp(width, LANES);
  const [scale, bias] = [float32Tensor(file, `${name}.scale`), float32Tensor(file, `${name}.bias`)];
  const weights = memory.store(packWeights(order, parts, width));
  const scales = memory.store(Float32Array.from(order, (row) => (row < 0 ? 0 : scale[row] * HIDDEN_SCALE)));
  const addend = memory.store(Float32Array.from(order, (row) => (row < 0 ? 0 : bias[row])));
  const input = memory.take(2 * MAX_ROWS * inputs);
  const links = { input, nextInput: 0, nextInputs: 0, output: 0 };
  return { inputs, blocks: order.length / BLOCK, weights, scale: scales, addend, addendRow: 0, shift: 0, ...links };
}

/**
 * Return weights as (blocks, inputs / 2, 16, 2): two adjacent inputs of 16 rows beside each other, 0 where it is padded.
 * @param {Int32Array} order
 * @param {Int8Array[]} parts
 * @param {number} width
 */
function packWeights(order, parts, width) {
  const units = roundUp(width, LANES);
  const packed = new Int8Array(order.length * parts.length * units);
  order.forEach((row, place) => {
    const first = Math.floor(place / BLOCK) * BLOCK * parts.length * units + 2 * (place % BLOCK);
    parts.forEach((weights, part) => {
      for (let k = 0, column = part * units; row >= 0 && k < width; k++, column++) {
        packed[first + (column >> 1) * 2 * BLOCK + (column & 1)] = weights[row * width + k];
      }
    });
  });
  return packed;
}

/**
 * @param {number} n
 * @param {number} multiple
 */
function roundUp(n, multiple) {
  return Math.ceil(n / multiple) * multiple;
}
