// Runs the page's modules for tests: reads calls as JSON from stdin, writes their results as JSON.
// A call is {"do": name, ...arguments}; `model` is a path. Bytes are in hexadecimal.

import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { Engine } from "../core/page/engine.mjs";
import { PositionRng } from "../core/page/rng.mjs";
import { settingsFrom } from "../core/page/settings.mjs";

const engines = new Map();

/** Return the engine of a model file, opened once. */
async function engineOf({ model }) {
  if (!engines.has(model)) {
    const bytes = readFileSync(model);
    engines.set(model, await Engine.open(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)));
  }
  return engines.get(model);
}

const ACTIONS = {
  /** Texts that continue a seed, side by side: lists of tokens. */
  async write(call) {
    const engine = await engineOf(call);
    const start = engine.read(call.seed).snapshot;
    const streams = call.settings.map((values) => engine.open(start, optionsOf(values, call.rng)));
    const texts = streams.map(() => []);
    while (streams.some((stream) => !stream.done)) {
      engine.step(streams).forEach((token, n) => token && texts[n].push(token));
    }
    return texts;
  },
};

function optionsOf(values, rng) {
  return { settings: settingsFrom(values), rng: new PositionRng(rng) };
}

const calls = JSON.parse(await text(process.stdin));
const results = [];
for (const call of calls) results.push(await ACTIONS[call.do](call));
process.stdout.write(JSON.stringify(results, (_, value) => (value === -Infinity ? "-inf" : value)));
