// The random numbers of the draws. Each depends on its token's position, but not on earlier draws.

const MASK = (1n << 64n) - 1n;

/**
 * Uniform random numbers by position: Philox4x64-10 with the rng as key and (position, take) as counter (Salmon et al., SC
 * 2011, section 4.4), as core/sampling/rng.py.
 */
export class PositionRng {
  /**
   * @param {number} key the setting rng, from 0 to 2^32 - 1
   * @param {number} take another one gives other numbers at every position
   */
  constructor(key, take = 0) {
    this.key = key;
    this.take = take;
    this.block = -1;
    /** @type {bigint[]} */
    this.words = [];
  }

  /**
   * Return the number for the token at `position`: from 0 to below 1, a multiple of 2^-32.
   * @param {number} position
   */
  uniform(position) {
    const block = Math.floor(position / 4);
    if (block !== this.block) {
      this.block = block;
      this.words = philox(BigInt(this.key), [BigInt(block + 1), BigInt(this.take), 0n, 0n]);
    }
    return Number(this.words[position % 4] >> 32n) / 2 ** 32;
  }
}

/**
 * Return four 64-bit numbers.
 * @param {bigint} key
 * @param {bigint[]} counter four 64-bit numbers
 */
export function philox(key, [a, b, c, d]) {
  let [key0, key1] = [key, 0n];
  for (let round = 0; round < 10; round++) {
    const first = 0xd2e7470ee14c6c93n * a;
    const second = 0xca5a826395121157n * c;
    [a, b, c, d] = [(second >> 64n) ^ b ^ key0, second & MASK, (first >> 64n) ^ d ^ key1, first & MASK];
    key0 = (key0 + 0x9e3779b97f4a7c15n) & MASK;
    key1 = (key1 + 0xbb67ae8584caa73bn) & MASK;
  }
  return [a, b, c, d];
}

/** Return a new rng of 32 bits. */
export function randomRng() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}
