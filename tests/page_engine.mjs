// Runs the page's modules for tests: reads a list of calls as JSON from stdin and writes their results as JSON. A call is
// {"do": name, "model": path, "fast": use WebAssembly, ...}.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { Engine } from "../core/page/engine.mjs";
import { fma64 } from "../core/page/kernel/floats.mjs";
import { exp64 } from "../core/page/kernel/softmax.mjs";
import { Passage } from "../core/page/passage.mjs";
import { unitStep } from "../core/page/play/unit_step.mjs";
import { PositionRng } from "../core/page/rng.mjs";
import { SamplerChain, drawToken } from "../core/page/sampler.mjs";
import { DEFAULTS, settingsFrom } from "../core/page/settings.mjs";
import { openRuntime } from "../core/page/step.mjs";
import { tokenizerFrom } from "../core/page/tokenizer.mjs";
import { readModel } from "../core/page/weights.mjs";

const WASM = readFileSync(new URL("../core/page/kernel/step.wasm", import.meta.url));

const engines = new Map();

function bytesOf(path) {
  return new Uint8Array(readFileSync(path)).buffer;
}

function messageOf(run) {
  try {
    run();
    return "";
  } catch (error) {
    return error.message;
  }
}

/** Return the engine of a model file, opened once. */
async function engineOf({ model, fast }) {
  const key = `${model} ${fast}`;
  if (!engines.has(key)) {
    const engine = await Engine.open(bytesOf(model), fast ? WASM : null);
    if (engine.runtime.isFast !== fast) throw new Error("the kernel is not the one that was asked for");
    engines.set(key, engine);
  }
  return engines.get(key);
}

function optionsOf(engine, values, rng) {
  return { settings: settingsFrom(values, engine.settings), rng: new PositionRng(rng) };
}

/** Return h, c and logits, float32 and bytes, in hexadecimal. */
function hexOf({ h, c, logits }) {
  return [h, c, logits].map((array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("hex"));
}

function hashOf(state) {
  return createHash("sha256").update(hexOf(state).join("")).digest("hex");
}

/** Return all of a snapshot as text. */
function fieldsOf({ states, ...others }) {
  return JSON.stringify([states.map(hashOf), others]);
}

const ACTIONS = {
  /** Texts that continue a seed, side by side: lists of tokens. */
  async write(call) {
    const engine = await engineOf(call);
    const start = engine.read(call.seed).snapshot;
    const streams = call.settings.map((values) => engine.open(start, optionsOf(engine, values, call.rng)));
    const texts = streams.map(() => []);
    while (streams.some((stream) => !stream.done)) {
      engine.step(streams).forEach((token, n) => token && texts[n].push(token));
    }
    return texts;
  },

  /** A unit at the last token of a text that is read from the zero state. */
  async unit(call) {
    const engine = await engineOf(call);
    const ids = engine.tokenizer.encode(call.text);
    const [before, after] = [ids.slice(0, -1), ids].map((read) => engine.advance(engine.initial(), read).states[0]);
    return unitStep(engine.file, { id: ids.at(-1), before, after, shift: null }, call.layer, call.index);
  },

  /** The ids of long texts side by side, and hashes of the state after every so many tokens. */
  async writeLong(call) {
    const engine = await engineOf(call);
    const start = engine.read(call.seed).snapshot;
    const streams = call.settings.map((values) => engine.open(start, optionsOf(engine, values, call.rng)));
    const texts = streams.map(() => ({ ids: [], hashes: {} }));
    for (let count = 0; count < call.tokens; count++) {
      engine.step(streams).forEach(({ id }, n) => {
        texts[n].ids.push(id);
        const [state] = streams[n].states;
        if (streams[n].position % call.every === 0) texts[n].hashes[streams[n].position] = hashOf(state);
      });
    }
    return texts;
  },

  /** The states after each step of rows of ids, which are read side by side under shifts. */
  async states(call) {
    const { runtime } = await engineOf(call);
    const states = call.rows.map(() => runtime.zeros());
    const shifts = (call.shifts ?? []).map((shift) => shift && Float32Array.from(shift));
    return call.rows[0].map((_, at) => {
      runtime.step(states, call.rows.map((ids) => ids[at]), shifts);
      return states.map(hexOf);
    });
  },

  /** The passages that steps of a session make: the text after each. */
  async passage(call) {
    const passage = new Passage(await engineOf(call), call.rng);
    return call.steps.map(([name, ...values]) => {
      STEPS[name](passage, ...values.map((value) => (isObject(value) ? settingsFrom(value, passage.engine.settings) : value)));
      return [passage.text, passage.cursor, passage.nodes.map((node) => node.take), passage.versions];
    });
  },

  /** The numbers of tokens after which a computed snapshot is not what the text was continued from. */
  async differences(call) {
    const engine = await engineOf(call);
    const passage = new Passage(engine, call.rng);
    passage.addSeed(call.seed);
    const stream = passage.write(settingsFrom(call.settings, engine.settings));
    const continued = [];
    for (let count = 0; passage.step() && passage.stream; count++) {
      continued.push(fieldsOf(stream.snapshot()));
      if (count === call.change.after) stream.settings = settingsFrom(call.change.settings, engine.settings);
    }
    return continued.flatMap((fields, n) => (fieldsOf(passage.snapshotAt(1, n + 1)) === fields ? [] : [n + 1]));
  },

  /** True for each of: the module, bytes that are none, a page that must not compile, if WebAssembly steps. */
  async fallbacks({ model }) {
    const file = readModel(bytesOf(model));
    const [whole, damaged] = [await openRuntime(file, WASM), await openRuntime(file, WASM.subarray(0, 100))];
    const { instantiate } = WebAssembly;
    WebAssembly.instantiate = () => Promise.reject(new WebAssembly.CompileError("blocked"));
    const blocked = await openRuntime(file, WASM);
    WebAssembly.instantiate = instantiate;
    return [whole, damaged, blocked].map((runtime) => runtime.isFast);
  },

  /** True for each row of logits if both kernels give the same softmax, bit for bit. */
  async softmaxes({ model, rows }) {
    const [fast, plain] = [await engineOf({ model, fast: true }), await engineOf({ model, fast: false })];
    return rows.map((values) => {
      const logits = Float64Array.from(values, (value) => value ?? -Infinity);
      const both = [fast, plain].map((engine) => {
        const { max, sum, moment, weights } = engine.runtime.kernel.softmax(logits);
        return [max, sum, moment, ...weights];
      });
      return both[0].every((value, n) => Object.is(value, both[1][n]));
    });
  },

  /** The messages of the errors of damaged files; "" for one that is read. */
  damages: ({ files }) => files.map((hex) => messageOf(() => readModel(new Uint8Array(Buffer.from(hex, "hex")).buffer))),

  uniforms: ({ places }) => places.map(([rng, take, position]) => new PositionRng(rng, take).uniform(position)),
  fma: ({ values }) => values.map((all) => fma64(...all)),
  exp: ({ values }) => values.map(exp64),
  defaults: () => DEFAULTS,
  settings: ({ values }) => settingsFrom(values),

  encode({ tokenizer, texts }) {
    const codec = tokenizerFrom(tokenizer);
    return texts.map((each) => [codec.encode(each), codec.unknownCharacters(each), codec.decode(codec.encode(each))]);
  },

  decode({ tokenizer, ids }) {
    const codec = tokenizerFrom(tokenizer);
    const decoder = codec.decoder();
    return [ids.map((id) => [decoder.push(id), [...decoder.remainder]]), codec.decode(ids)];
  },

  /** Logits after the chain, the drawn id, and its statistics. */
  chain({ tokenizer, cases }) {
    const codec = tokenizerFrom(tokenizer);
    return cases.map(({ logits, settings, ids, bound, uniform }) => {
      const chain = new SamplerChain(settingsFrom(settings), codec);
      const history = { recent: (n) => (n ? ids.slice(-n) : []), surpriseBound: bound };
      const raw = Float64Array.from(logits);
      const shaped = chain.apply(raw, settingsFrom(settings).temperature, history);
      return { logits: [...shaped], ...drawToken(raw, shaped, uniform) };
    });
  },
};

function isObject(value) {
  return typeof value === "object" && value !== null;
}

/** Write the text that was begun, up to a number of tokens if it is given, then stop it. */
function writeOut(passage, count = Infinity) {
  for (let n = 0; n < count && passage.step(); n++);
  passage.stop();
}

const STEPS = {
  seed: (passage, seed, append) => passage.addSeed(seed, { append }),
  write: (passage, settings, count) => (passage.write(settings), writeOut(passage, count ?? Infinity)),
  retry: (passage, settings) => (passage.retry(settings), writeOut(passage)),
  branch: (passage, settings, at, token) => (passage.branch(settings, at, token), writeOut(passage)),
  undo: (passage) => passage.undo(),
  redo: (passage) => passage.redo(),
  moveTo: (passage, index) => passage.moveTo(index),
  change: (passage, settings, count, others) => {
    const stream = passage.write(settings);
    for (let n = 0; n < count; n++) passage.step();
    stream.settings = others;
    writeOut(passage);
  },
};

const calls = JSON.parse(await text(process.stdin));
const results = [];
for (const call of calls) results.push(await ACTIONS[call.do](call));
process.stdout.write(JSON.stringify(results, (_, value) => (value === -Infinity ? "-inf" : value)));
