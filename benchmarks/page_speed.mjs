// Measures the page's engine in node: node benchmarks/page_speed.mjs [TOKENS]. Draws are included, with all statistics. The
// figures of a model are alternated, and the median of five rounds is printed.

import { readFileSync, readdirSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { Engine } from "../core/page/engine.mjs";
import { PositionRng } from "../core/page/rng.mjs";
import { settingsFrom } from "../core/page/settings.mjs";

const ROUNDS = 5;
const TOKENS = Number(process.argv[2] ?? 2000);
const MODELS = new URL("../models/", import.meta.url);
const WASM = readFileSync(new URL("../core/page/kernel/step.wasm", import.meta.url));

/** Return the engine of a model's bytes, and the milliseconds until its first token was written. */
async function open(bytes, wasm) {
  const began = performance.now();
  const engine = await Engine.open(bytes, wasm);
  write(engine, 1, 1);
  return { engine, milliseconds: performance.now() - began };
}

/** Return the tokens a second, in all, of texts that are written side by side at T 0.8. */
function write(engine, columns, tokens) {
  const start = engine.read("The ").snapshot;
  const settings = settingsFrom({ temperature: 0.8, length: 1e7 });
  const streams = Array.from({ length: columns }, (_, rng) => engine.open(start, { settings, rng: new PositionRng(rng) }));
  const began = performance.now();
  for (let n = 0; n < tokens; n++) engine.step(streams);
  return (columns * tokens * 1000) / (performance.now() - began);
}

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

console.log("model          first token   WebAssembly   8 columns, each   JavaScript");
for (const name of readdirSync(MODELS).filter((file) => file.endsWith(".safetensors")).sort()) {
  const bytes = new Uint8Array(readFileSync(new URL(name, MODELS))).buffer;
  const [fast, plain] = [await open(bytes, WASM), await open(bytes, null)];
  const rounds = Array.from({ length: ROUNDS }, () => [
    write(fast.engine, 1, TOKENS),
    write(fast.engine, 8, TOKENS / 8) / 8,
    write(plain.engine, 1, TOKENS / 10),
  ]);
  const [one, eight, slow] = [0, 1, 2].map((figure) => Math.round(median(rounds.map((round) => round[figure]))));
  const shown = [`${fast.milliseconds.toFixed(0)} ms`, `${one}/s`, `${eight}/s`, `${slow}/s`];
  const columns = shown.map((text, n) => text.padStart([11, 14, 18, 13][n]));
  console.log(name.replace(".safetensors", "").padEnd(15) + columns.join(""));
}
