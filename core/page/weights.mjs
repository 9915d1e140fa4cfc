// Reads a model file: int8 weights with row scales in safetensors' format, as core/inference/model_file.py writes it.

const WEIGHT_LIMIT = 64; // largest absolute value of a weight: quantization.py
const FLOAT_LIMIT = 1e6; // largest scale or bias: model_file.py
const NEWEST_FORMAT = 4;
const LARGEST = { vocabulary: 1 << 20, embedding: 1 << 14, layers: 64, width: 1 << 14 };

/**
 * The sizes of a model: V tokens, embedding size E, LSTM layers, and H hidden units in each.
 * @typedef {{vocabulary: number, embedding: number, layers: number, width: number}} Architecture
 */

/** @typedef {Int8Array | Float32Array} Tensor */

/**
 * The content of a model file. Tensors have the names of the file, without its index of copies: "lstm.0.weight_hh",
 * int8 (4H, H), and so on, with gates in the order i f g o. `card` is what the file says about the model's making, and
 * `styles` are the names of its styles, none for most models.
 * @typedef {object} ModelFile
 * @property {Architecture} architecture
 * @property {Record<string, any>} tokenizer
 * @property {Record<string, any>} card
 * @property {string[]} styles
 * @property {Map<string, Tensor>} tensors
 */

/** @typedef {{dtype: string, shape: number[], data_offsets: [number, number]}} Entry */

/**
 * Return the model in the bytes of a file. Throws an Error, one line, if it is damaged or of a later release.
 * @param {ArrayBuffer} bytes
 * @returns {ModelFile}
 */
export function readModel(bytes) {
  const { entries, header, start } = readHeader(bytes);
  if (!(header.format >= 1 && header.format <= NEWEST_FORMAT)) throw damaged("its format is of another release");
  const architecture = readArchitecture(header.architecture);
  const styles = Array.isArray(header.styles) ? header.styles : [];
  const tensors = new Map();
  for (const [name, dtype, shape] of tensorSpecs(architecture, styles.length)) {
    tensors.set(name, readTensor(bytes, start, name, dtype, shape, entries[name]));
  }
  return { architecture, tokenizer: header.tokenizer, card: header.card ?? {}, styles, tensors };
}

/**
 * Return an int8 tensor of a model.
 * @param {ModelFile} file
 * @param {string} name
 */
export function int8Tensor(file, name) {
  return /** @type {Int8Array} */ (file.tensors.get(name));
}

/**
 * Return a float32 tensor of a model.
 * @param {ModelFile} file
 * @param {string} name
 */
export function float32Tensor(file, name) {
  return /** @type {Float32Array} */ (file.tensors.get(name));
}

/**
 * @param {ArrayBuffer} bytes
 * @returns {{entries: Record<string, Entry>, header: Record<string, any>, start: number}}
 */
function readHeader(bytes) {
  if (bytes.byteLength < 10) throw damaged("it is cut short");
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  if (8 + length > bytes.byteLength) throw damaged("it is cut short");
  try {
    const { __metadata__, ...entries } = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
    return { entries, header: JSON.parse(__metadata__.afterglow), start: 8 + length };
  } catch {
    throw damaged("it has no afterglow header");
  }
}

/**
 * @param {any} values
 * @returns {Architecture}
 */
function readArchitecture(values) {
  for (const [name, largest] of Object.entries(LARGEST)) {
    const value = values?.[name];
    if (!Number.isInteger(value) || value < 1 || value > largest) throw damaged(`its ${name} is ${value}`);
  }
  const { vocabulary, embedding, layers, width } = values;
  return { vocabulary, embedding, layers, width };
}

/**
 * Return name, type and shape of every tensor that is read.
 * @param {Architecture} architecture
 * @param {number} styles
 * @returns {[string, string, number[]][]}
 */
function tensorSpecs({ vocabulary, embedding, layers, width }, styles) {
  /** @type {[string, string, number[]][]} */
  const specs = [["embedding.weight", "I8", [vocabulary, embedding]], ["embedding.scale", "F32", [vocabulary]]];
  for (let layer = 0; layer < layers; layer++) {
    specs.push([`lstm.${layer}.weight_ih`, "I8", [4 * width, layer ? width : embedding]]);
    specs.push([`lstm.${layer}.weight_hh`, "I8", [4 * width, width]]);
    specs.push([`lstm.${layer}.scale`, "F32", [4 * width]], [`lstm.${layer}.bias`, "F32", [4 * width]]);
  }
  specs.push(["projection.weight", "I8", [vocabulary, width]]);
  specs.push(["projection.scale", "F32", [vocabulary]], ["projection.bias", "F32", [vocabulary]]);
  if (styles) specs.push(["styles.weight", "I8", [styles, 4 * width]], ["styles.scale", "F32", [styles]]);
  return specs;
}

/**
 * @param {ArrayBuffer} bytes
 * @param {number} start offset of the first tensor
 * @param {string} name
 * @param {string} dtype
 * @param {number[]} shape
 * @param {Entry | undefined} entry
 * @returns {Tensor}
 */
function readTensor(bytes, start, name, dtype, shape, entry) {
  const size = shape.reduce((product, n) => product * n, dtype === "I8" ? 1 : 4);
  const [begin, end] = entry?.data_offsets ?? [0, 0];
  if (entry?.dtype !== dtype || String(entry.shape) !== String(shape) || end - begin !== size || begin < 0) {
    throw damaged(`its tensor ${name} is missing or does not have the shape ${shape}`);
  }
  if (start + end > bytes.byteLength) throw damaged("it is cut short");
  const data = bytes.slice(start + begin, start + end);
  const tensor = dtype === "I8" ? new Int8Array(data) : new Float32Array(data);
  const limit = dtype === "I8" ? WEIGHT_LIMIT : FLOAT_LIMIT;
  for (const value of tensor) if (!(Math.abs(value) <= limit)) throw damaged(`${name} has values beyond ±${limit}`);
  return tensor;
}

/** @param {string} what */
function damaged(what) {
  return new Error(`this model cannot be used: ${what}; export it again`);
}
