// Tabs, the seed, temperature, speed, and the buttons above the text.

import { randomRng } from "../rng.mjs";
import { byId, control, element, setText } from "./dom.mjs";

const SPEEDS = [3, 10, 20, 40, 80, 160, 500, 0]; // tokens a second, by the places of the slider; 0 is full speed
const TABS = ["write", "columns", "read", "softmax"];
const LARGEST_RNG = 2 ** 32 - 1;

/** Wires the controls of the page. */
export class ControlsView {
  /** @param {import("./app.mjs").Page} page */
  constructor(page) {
    this.page = page;
    this.tab = "write";
    /** @type {string | null} */
    this.theme = null;
    /** @type {string | null} */
    this.language = new URLSearchParams(location.hash.slice(1)).get("lang");
    this.wireTabs();
    this.wireSeed();
    this.wireButtons();
    this.wireSliders();
    this.wireLooks();
  }

  wireTabs() {
    for (const name of TABS) byId(`tab-${name}`).addEventListener("click", () => this.page.openTab(name));
    byId("tabs").addEventListener("keydown", ({ key }) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[key];
      if (!by) return;
      this.page.openTab(TABS[(TABS.indexOf(this.tab) + by + TABS.length) % TABS.length]);
      byId(`tab-${this.tab}`).focus();
    });
  }

  /** @param {string} wanted */
  openTab(wanted) {
    this.tab = TABS.includes(wanted) ? wanted : "write";
    for (const name of TABS) {
      const isOpen = name === this.tab;
      byId(name).hidden = !isOpen;
      byId(`tab-${name}`).setAttribute("aria-selected", String(isOpen));
      byId(`tab-${name}`).tabIndex = isOpen ? 0 : -1;
    }
    for (const slot of /** @type {NodeListOf<HTMLElement>} */ (byId(this.tab).querySelectorAll("[data-slot]"))) {
      slot.append(byId(slot.dataset.slot ?? ""));
    }
  }

  wireSeed() {
    const seed = byId("seed");
    byId("seed-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.page.attempt(() => this.begin());
    });
    seed.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.page.attempt(() => this.begin());
    });
    byId("append").addEventListener("click", () => this.page.attempt(() => this.append()));
  }

  /** Write from the seed: text, or in their tab columns. Without a number in its field, each time with another rng. */
  begin() {
    const { seed, rng } = this.chosen();
    if (this.tab === "columns") return this.page.columns.begin();
    this.page.tellUnknown(this.page.play.begin(seed, rng ?? randomRng()).unknown);
  }

  append() {
    const { play } = this.page;
    const seed = control("seed").value;
    if (!seed) throw new Error(this.page.words.say("append_empty"));
    this.page.tellUnknown(play.append(seed).unknown);
  }

  /**
   * Return the seed and the rng in the fields; the rng is null if its field is empty. Throws an Error if it is no rng.
   * @returns {{seed: string, rng: number | null}}
   */
  chosen() {
    const text = control("rng").value.trim();
    const rng = text === "" ? null : Number(text);
    if (rng !== null && !(Number.isInteger(rng) && rng >= 0 && rng <= LARGEST_RNG)) {
      throw new Error(this.page.words.say("rng_invalid", { most: LARGEST_RNG }));
    }
    return { seed: control("seed").value, rng };
  }

  /** Show the seed of the text in its box, for a link. */
  showSeed() {
    const { passage } = this.page.play;
    control("seed").value = passage.nodes[passage.pathIndices()[0][0]].seed ?? "";
  }

  wireButtons() {
    const { play } = this.page;
    /** @type {Record<string, () => void>} */
    const actions = {
      toggle: () => play.toggle(),
      step: () => play.stepOnce(),
      retry: () => play.retry(),
      undo: () => play.undo(),
      redo: () => play.redo(),
      "version-before": () => play.showVersion(-1),
      "version-after": () => play.showVersion(1),
    };
    for (const [id, act] of Object.entries(actions)) byId(id).addEventListener("click", () => this.page.attempt(act));
  }

  wireSliders() {
    const { play } = this.page;
    control("temperature").addEventListener("input", () => play.set({ temperature: control("temperature").valueAsNumber }));
    control("speed").addEventListener("input", () => {
      play.speed = SPEEDS[control("speed").valueAsNumber];
      play.changed();
    });
  }

  wireLooks() {
    const { words } = this.page;
    const names = new Intl.DisplayNames([words.language], { type: "language" });
    const options = words.languages.map((each) => element("option", { value: each, lang: each }, names.of(each) ?? each));
    byId("language").append(...options);
    control("language").value = words.language;
    byId("language").addEventListener("change", () => this.changeLanguage(control("language").value));
    byId("theme").addEventListener("change", () => {
      this.setTheme(control("theme").value);
      this.page.play.changed();
    });
  }

  /**
   * Open the page again in another language, with the same state.
   * @param {string} language
   */
  changeLanguage(language) {
    this.language = language;
    this.page.keepLink();
    location.reload();
  }

  /** @param {string | null} [theme] "light", "dark" or, as the system has it, another value */
  setTheme(theme) {
    this.theme = theme === "light" || theme === "dark" ? theme : null;
    control("theme").value = this.theme ?? "light dark";
    document.documentElement.style.colorScheme = this.theme ?? "light dark";
  }

  draw() {
    const { play, words } = this.page;
    const { temperature } = play.settings;
    const shown = typeof temperature === "number" ? words.number(temperature, 2) : `${temperature.start}..${temperature.end}`;
    setText(byId("temperature-value"), shown);
    if (typeof temperature === "number") control("temperature").valueAsNumber = temperature;
    const place = SPEEDS.indexOf(play.speed);
    if (place >= 0) control("speed").valueAsNumber = place;
    setText(byId("speed-value"), play.speed ? words.say("per_second", { n: play.speed }) : words.say("full_speed"));
    control("speed").setAttribute("aria-valuetext", byId("speed-value").textContent ?? "");
    setText(byId("toggle"), words.say(play.running ? "pause" : play.passage.stream ? "go_on" : "write_on"));
    control("rng").placeholder = String(play.passage.rng);
    this.drawVersions();
  }

  drawVersions() {
    const { passage } = this.page.play;
    const { versions, cursor } = passage;
    const place = versions.indexOf(cursor ?? -1);
    setText(byId("version"), versions.length ? `${place + 1} / ${versions.length}` : "–");
    control("version-before").disabled = place <= 0;
    control("version-after").disabled = place < 0 || place >= versions.length - 1;
    control("undo").disabled = cursor === null || passage.current.parent === null;
    control("redo").disabled = cursor === null || passage.current.visited === null;
  }
}
