// The memory of a WebAssembly module, of which arrays get their parts.

const PAGE = 1 << 16; // bytes
const ALIGNMENT = 16; // bytes of a vector

/** Gives out parts of a memory, which grows. Views must be made after the last part: growing makes them empty. */
export class WasmMemory {
  /**
   * @param {WebAssembly.Memory} memory
   * @param {number} start address of the first free byte
   */
  constructor(memory, start) {
    this.memory = memory;
    this.end = start;
  }

  /**
   * Return the address of a number of bytes, all 0.
   * @param {number} bytes
   */
  take(bytes) {
    const address = Math.ceil(this.end / ALIGNMENT) * ALIGNMENT;
    this.end = address + bytes;
    const missing = this.end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return address;
  }

  /**
   * Return the address of a copy of an array.
   * @param {Int8Array | Int32Array | Float32Array} array
   */
  store(array) {
    const address = this.take(array.byteLength);
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    new Uint8Array(this.memory.buffer).set(bytes, address);
    return address;
  }

  /**
   * @param {number} address
   * @param {number} length
   */
  int16(address, length) {
    return new Int16Array(this.memory.buffer, address, length);
  }

  /**
   * @param {number} address
   * @param {number} length
   */
  int32(address, length) {
    return new Int32Array(this.memory.buffer, address, length);
  }

  /**
   * @param {number} address
   * @param {number} length
   */
  float32(address, length) {
    return new Float32Array(this.memory.buffer, address, length);
  }

  /**
   * @param {number} address
   * @param {number} length
   */
  float64(address, length) {
    return new Float64Array(this.memory.buffer, address, length);
  }
}
