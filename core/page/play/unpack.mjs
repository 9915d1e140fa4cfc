// The model that is packed into the page: gzip in base64.

/**
 * Return the bytes of a packed model. Throws an Error if the browser cannot unpack.
 * @param {string} packed
 * @returns {Promise<ArrayBuffer>}
 */
export async function unpack(packed) {
  if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old: it has no DecompressionStream");
  const stream = new Blob([fromBase64(packed)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

/**
 * Return the bytes of a text in base64.
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function fromBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let n = 0; n < bytes.length; n++) bytes[n] = binary.charCodeAt(n);
  return bytes;
}
