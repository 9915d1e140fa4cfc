// The text as a picture, SVG or PNG, with the colors of heat and a line about how it was made.

import { element, svg } from "./dom.mjs";

const [COLUMNS, ADVANCE, LINE, EDGE] = [76, 8.4, 20, 16]; // characters of a line, then pixels

/** A run of text in one color. @typedef {{text: string, color: string, bold: boolean}} Run */

/**
 * Return an SVG of the spans of a text in the colors that they have on the screen.
 * @param {HTMLElement} root
 * @param {string} note
 */
export function pictureOf(root, note) {
  const { backgroundColor: back, color: dim } = getComputedStyle(document.body);
  const runs = /** @type {HTMLElement[]} */ ([...root.children]).map((each) => ({ text: each.textContent ?? "", color: getComputedStyle(each).color, bold: each.tagName === "B" }));
  const lines = [...wrap(runs), [], [{ text: note, color: dim, bold: false }]];
  const [width, height] = [COLUMNS * ADVANCE + 2 * EDGE, lines.length * LINE + 2 * EDGE];
  const box = { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height };
  const font = { "font-family": "ui-monospace, DejaVu Sans Mono, Menlo, Consolas, monospace", "font-size": 14, "xml:space": "preserve" };
  const texts = lines.map((line, n) => svg("text", { x: EDGE, y: EDGE + LINE * (n + 0.75), ...font }, ...line.map(spanOf)));
  const picture = svg("svg", box, svg("rect", { width, height, fill: back }), ...texts);
  return { width, height, source: new XMLSerializer().serializeToString(picture) };
}

/** @param {Run} run */
function spanOf({ text, color, bold }) {
  return svg("tspan", { fill: color, ...(bold && { "font-weight": "bold" }) }, text.replace(/[\u0000-\u001f\ufffe\uffff]/g, " "));
}

/**
 * Return the lines of a text, each a list of runs.
 * @param {Run[]} runs
 */
function wrap(runs) {
  /** @type {Run[][]} */
  const lines = [[]];
  let room = COLUMNS;
  for (const { text, color, bold } of runs) {
    for (const character of text) {
      if (character === "\n" || room === 0) {
        lines.push([]);
        room = COLUMNS;
      }
      if (character === "\n") continue;
      append(/** @type {Run[]} */ (lines.at(-1)), { text: character, color, bold });
      room -= 1;
    }
  }
  return lines;
}

/**
 * @param {Run[]} line
 * @param {Run} run
 */
function append(line, run) {
  const last = line.at(-1);
  if (last && last.color === run.color && last.bold === run.bold) last.text += run.text;
  else line.push({ ...run });
}

/**
 * Return a PNG of an SVG, at twice its size.
 * @param {{width: number, height: number, source: string}} picture
 * @returns {Promise<Blob>}
 */
export async function pngOf({ width, height, source }) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(source)}`;
  await image.decode();
  const canvas = /** @type {HTMLCanvasElement} */ (element("canvas", { width: 2 * width, height: 2 * height }));
  canvas.getContext("2d")?.drawImage(image, 0, 0, 2 * width, 2 * height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("no picture could be made"))), "image/png"));
}

/**
 * Save a file as the browser does.
 * @param {string} name
 * @param {Blob} content
 */
export function save(name, content) {
  const address = URL.createObjectURL(content);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
