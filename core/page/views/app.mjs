// The page: opens the model that is packed into it, makes the views, and keeps its state in the address.

import { Engine } from "../engine.mjs";
import { Heat } from "../play/heat.mjs";
import { changedSettings, readLink, readValue, writeLink, writePath } from "../play/link.mjs";
import { Playing } from "../play/playing.mjs";
import { SettingSpecs } from "../play/setting_specs.mjs";
import { fromBase64, unpack } from "../play/unpack.mjs";
import { Words } from "../play/words.mjs";
import { randomRng } from "../rng.mjs";
import { CardView } from "./card_view.mjs";
import { CellsView } from "./cells_view.mjs";
import { ColumnsView } from "./columns_view.mjs";
import { ControlsView } from "./controls_view.mjs";
import { byId, setText, visible } from "./dom.mjs";
import { NextView } from "./next_view.mjs";
import { ReadView } from "./read_view.mjs";
import { SettingsView } from "./settings_view.mjs";
import { ShareView } from "./share_view.mjs";
import { SoftmaxView } from "./softmax_view.mjs";
import { TextView } from "./text_view.mjs";

const LINK_MS = 500; // from one change of the address to the next: browsers bound their number
const SHOWN_UNKNOWN = 20; // characters that the model does not know, at most so many are named

/**
 * What the program that made the page knows: its version's names and numbers.
 * @typedef {object} Facts
 * @property {string} name of the model
 * @property {import("../play/heat.mjs").HeatThresholds} heat
 * @property {import("../play/setting_specs.mjs").SettingSpec[]} settings
 * @property {Record<string, any>} defaults
 */

/** The page, as its views see it. */
export class Page {
  /**
   * @param {Engine} engine
   * @param {Facts} facts
   * @param {Words} words
   */
  constructor(engine, facts, words) {
    this.facts = facts;
    this.words = words;
    this.play = new Playing(engine, facts.defaults);
    this.heat = new Heat(engine.file, facts.heat);
    this.specs = new SettingSpecs(facts.settings, engine.file.styles);
    this.cells = cellsOf(engine.file.card.cells ?? "");
    this.link = ""; // the latest that was written
    this.linkTimer = 0;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.play.speed = 0;
    const next = new NextView(this);
    this.controls = new ControlsView(this);
    this.columns = new ColumnsView(this);
    this.softmax = new SoftmaxView(this);
    new ShareView(this);
    new CardView(this);
    this.views = [
      this.controls, new TextView(this, next), next, new CellsView(this), new SettingsView(this), this.columns, new ReadView(this), this.softmax,
    ];
    this.play.listeners.add(() => this.draw());
  }

  draw() {
    for (const view of this.views) view.draw();
    if (this.play.hasEnded) this.tellEnd();
    if (!this.linkTimer) this.linkTimer = window.setTimeout(() => this.keepLink(), LINK_MS);
  }

  tellEnd() {
    const { passage } = this.play;
    this.play.hasEnded = false;
    const characters = Array.from(passage.current.tokens.map((token) => token.text).join("")).length;
    this.tell(this.words.say("ended", { n: characters, rng: passage.rng }));
  }

  /**
   * Do what a person asks for; say why if it cannot be done.
   * @param {() => void | Promise<void>} act
   */
  async attempt(act) {
    this.tell("");
    try {
      await act();
    } catch (error) {
      const isExpected = error instanceof RangeError || (error instanceof Error && error.constructor === Error);
      if (!isExpected) throw error;
      this.tell(error.message, true);
    }
    this.play.changed();
  }

  /**
   * Show a line, which screen readers read.
   * @param {string} text
   * @param {boolean} isError
   */
  tell(text, isError = false) {
    setText(byId("status"), text);
    byId("status").classList.toggle("error", isError);
  }

  /** @param {string[]} characters that the model has never seen */
  tellUnknown(characters) {
    if (!characters.length) return;
    const more = characters.length > SHOWN_UNKNOWN ? " …" : "";
    this.tell(this.words.say("unknown", { characters: characters.slice(0, SHOWN_UNKNOWN).map(visible).join(" ") + more }));
  }

  /** Begin a passage with the seed in the box, if that is another one than the text's. Does not write. */
  takeSeed() {
    const { passage } = this.play;
    const root = passage.cursor === null ? null : passage.nodes[passage.pathIndices()[0][0]].seed;
    const { seed, rng } = this.controls.chosen();
    if (root === seed && (rng === null || rng === passage.rng)) return;
    this.tellUnknown(this.play.begin(seed, rng ?? passage.rng).unknown);
    this.play.clock.stop();
  }

  /** @param {string} name */
  openTab(name) {
    this.controls.openTab(name);
    this.play.changed();
  }

  /** Put the state of the page into its address. */
  keepLink() {
    this.linkTimer = 0;
    this.link = `#${writeLink(this.state())}`;
    if (location.hash !== this.link) setHash(this.link);
  }

  /** What a link says: see ``readLink``. */
  state() {
    const { play, controls, columns } = this;
    const path = play.passage.cursor === null ? null : writePath(play.passage, play.defaults);
    const own = { view: controls.tab === "write" ? null : controls.tab, heat: play.heat, speed: play.speed, at: play.selected };
    const sums = controls.tab === "softmax" ? { p: this.softmax.numbers, t: this.softmax.temperature } : {};
    const looks = { lang: controls.language ?? null, theme: controls.theme };
    return { rng: play.passage.rng, ...changedSettings(play.settings, play.defaults), ...own, ...sums, ...looks, columns: columns.sweep.changes, path };
  }

  /**
   * Open the state of a link; begin without it, and throw, if it is damaged.
   * @param {string} hash
   */
  async openOrBegin(hash) {
    try {
      await this.open(hash);
    } catch (error) {
      this.play.begin("", randomRng());
      throw error;
    }
  }

  /**
   * Open the state of a link. Without one, text is written at once.
   * @param {string} hash
   */
  async open(hash) {
    const link = readLink(hash, this.specs);
    const { play } = this;
    play.settings = { ...play.defaults, ...link.settings };
    this.openOthers(link.others);
    if (link.path) await play.restore(link.rng ?? randomRng(), link.path);
    else this.tellUnknown(play.begin(link.seed ?? "", link.rng ?? randomRng()).unknown);
    this.controls.showSeed();
    if (link.columns) {
      play.clock.stop();
      this.columns.open(link.columns);
    }
    const at = Number(link.others.at ?? NaN);
    if (Number.isInteger(at)) play.select(at);
  }

  /** @param {Record<string, string>} others */
  openOthers({ heat, speed, view, theme, p, t }) {
    if (heat === "off" || (heat && this.heat.levelsOf(heat))) this.play.heat = heat;
    if (Number(speed) >= 0 && Number(speed) <= 100_000) this.play.speed = Number(speed);
    if (p) this.softmax.open(readValue(p), Number(t));
    this.controls.setTheme(theme);
    this.openTab(view ?? "write");
  }
}

/** @param {string} hash */
function setHash(hash) {
  try {
    history.replaceState(null, "", hash);
  } catch {
    // A frame of a learning platform may not permit it; "Copy link" works there as well.
  }
}

/**
 * Return the cells that the card names: the heat of each, and what it follows.
 * @param {string} cells
 */
function cellsOf(cells) {
  const found = [...cells.matchAll(/(\d{1,9}\.\d{1,9}) ([^(),]{1,80} \(r -?[\d.]{1,9}\))/g)];
  return found.map(([, place, follows]) => ({ heat: `cell ${place}`, follows }));
}

/** @param {string} id */
function contentOf(id) {
  return byId(id).textContent ?? "";
}

/** Open the page. */
async function main() {
  const lang = new URLSearchParams(location.hash.slice(1)).get("lang");
  const words = new Words(JSON.parse(contentOf("words")), [...(lang ? [lang] : []), ...navigator.languages]);
  words.fill(document);
  document.documentElement.lang = words.language;
  const status = byId("status");
  try {
    const engine = await Engine.open(await unpack(contentOf("model")), fromBase64(contentOf("kernel")));
    const page = new Page(engine, JSON.parse(contentOf("facts")), words);
    addEventListener("hashchange", () => location.hash !== page.link && page.attempt(() => page.openOrBegin(location.hash)));
    await page.attempt(() => page.openOrBegin(location.hash));
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : String(error);
    throw error;
  }
}

main();
