// The state of an LSTM, and the kernel that steps it: WebAssembly where it runs, else JavaScript.

import { HIDDEN_ZERO, PlainKernel } from "./kernel/plain_step.mjs";
import { WasmKernel } from "./kernel/wasm_step.mjs";

/**
 * The state of one text: h of all layers in turn, bytes (layers x H,) with the zero point 128; c likewise, float32; and the
 * logits (V,) of the next token, undefined before the first step.
 * @typedef {{h: Uint8Array, c: Float32Array, logits: Float32Array}} State
 */

/**
 * `step` reads a token for each of several states, which it changes. `ids` has one number for each state, from 0 to V - 1, and
 * `shifts` for each state the vector (4H,) that a style adds to the gates of layer 0, or null. `softmax` is that of logits (V,).
 * @typedef {object} Kernel
 * @property {(states: State[], ids: ArrayLike<number>, shifts: (Float32Array | null)[]) => void} step
 * @property {(logits: Float64Array) => import("./kernel/softmax.mjs").Softmax} softmax
 */

/** Holds a model's weights and steps its states. */
export class Runtime {
  /**
   * @param {import("./weights.mjs").ModelFile} file
   * @param {Kernel} kernel
   */
  constructor(file, kernel) {
    this.architecture = file.architecture;
    this.kernel = kernel;
  }

  /** True if WebAssembly steps. */
  get isFast() {
    return this.kernel instanceof WasmKernel;
  }

  /**
   * Return the state before any token.
   * @returns {State}
   */
  zeros() {
    const { layers, width, vocabulary } = this.architecture;
    const h = new Uint8Array(layers * width).fill(HIDDEN_ZERO);
    return { h, c: new Float32Array(layers * width), logits: new Float32Array(vocabulary) };
  }

  /**
   * Read a token for each state, which is changed. Throws a RangeError, having read nothing, if an id is no token.
   * @param {State[]} states
   * @param {ArrayLike<number>} ids
   * @param {(Float32Array | null)[]} shifts see Kernel
   */
  step(states, ids, shifts = []) {
    const { vocabulary } = this.architecture;
    for (let n = 0; n < states.length; n++) {
      if (!(ids[n] >= 0 && ids[n] < vocabulary)) {
        throw new RangeError(`there is no token ${ids[n]}; ids are 0 to ${vocabulary - 1}`);
      }
    }
    this.kernel.step(states, ids, shifts);
  }
}

/**
 * Return a runtime for a model. `wasm` are the bytes of kernel/step.wasm. Without them, and in a browser that lacks WebAssembly's
 * vectors or must not compile (its page's policy lacks 'wasm-unsafe-eval'), it steps in JavaScript, with the same results.
 * @param {import("./weights.mjs").ModelFile} file
 * @param {BufferSource | null} wasm
 * @returns {Promise<Runtime>}
 */
export async function openRuntime(file, wasm = null) {
  return new Runtime(file, (await openWasmKernel(file, wasm)) ?? new PlainKernel(file));
}

/**
 * Return null if WebAssembly cannot run it.
 * @param {import("./weights.mjs").ModelFile} file
 * @param {BufferSource | null} wasm
 */
async function openWasmKernel(file, wasm) {
  if (!wasm || typeof WebAssembly !== "object" || !WebAssembly.validate(wasm)) return null;
  try {
    return await WasmKernel.open(file, wasm);
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return null;
    throw error;
  }
}

/**
 * Return a copy of a state.
 * @param {State} state
 * @returns {State}
 */
export function copyState({ h, c, logits }) {
  return { h: h.slice(), c: c.slice(), logits: logits.slice() };
}
