// Copies of the text: its link, its words, and its picture.

import { byId, element } from "./dom.mjs";
import { pictureOf, pngOf, save } from "./picture.mjs";

/** Wires the buttons that copy and save. */
export class ShareView {
  /** @param {import("./app.mjs").Page} page */
  constructor(page) {
    this.page = page;
    /** @type {Record<string, () => void | Promise<void>>} */
    const actions = {
      copy_link: () => this.copy(this.link()),
      copy_text: () => this.copy(page.play.passage.text),
      copy_png: () => this.copyPicture(),
      save_svg: () => save(this.name("svg"), new Blob([this.picture().source], { type: "image/svg+xml" })),
      save_png: async () => save(this.name("png"), await pngOf(this.picture())),
      save_text: () => save(this.name("txt"), new Blob([page.play.passage.text], { type: "text/plain" })),
    };
    const buttons = Object.entries(actions).map(([name, act]) => element("button", { id: name, onclick: () => page.attempt(act) }, page.words.say(name)));
    byId("share").append(...buttons);
  }

  link() {
    this.page.keepLink();
    return location.href.replace(/#.*$/, "") + this.page.link;
  }

  /** @param {string} ending */
  name(ending) {
    return `${this.page.facts.name}-${this.page.play.passage.rng}.${ending}`;
  }

  picture() {
    const { play, facts } = this.page;
    const note = `${facts.name} · T ${JSON.stringify(play.settings.temperature)} · rng ${play.passage.rng} · ${play.heat}`;
    return pictureOf(byId("text"), note);
  }

  /** @param {string} text */
  async copy(text) {
    await this.offer(() => navigator.clipboard.writeText(text));
  }

  async copyPicture() {
    const picture = pngOf(this.picture());
    await this.offer(() => navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]));
  }

  /**
   * Copy, and say so, or that the browser does not permit it.
   * @param {() => Promise<void>} write
   */
  async offer(write) {
    const { words } = this.page;
    try {
      await write();
    } catch {
      throw new Error(words.say("copy_refused"));
    }
    this.page.tell(words.say("copied"));
  }
}
