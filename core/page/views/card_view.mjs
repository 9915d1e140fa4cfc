// The model card at the bottom: what the model was made from, and how well it predicts.

import { byId, element } from "./dom.mjs";

const LN2 = Math.log(2);

/** Shows the card. */
export class CardView {
  /** @param {import("./app.mjs").Page} page */
  constructor({ words, play, facts }) {
    const { card, architecture } = play.engine.file;
    const { layers, width, vocabulary } = architecture;
    const bits = card.nats_per_char_stateful;
    const rows = [
      ["card_name", facts.name],
      ["card_corpus", card.corpus && words.say("card_characters", { corpus: card.corpus, n: words.number(card.characters, 0) })],
      ["card_licence", card.licence],
      ["card_size", words.say("card_units", { layers, width, vocabulary: words.number(vocabulary, 0) })],
      ["card_bits", typeof bits === "number" ? words.number(bits / LN2, 2) : ""],
      ["card_copied", card.copied_in_runs_of_16 ? `${words.number(100 * card.copied_in_runs_of_16, 0)} %` : ""],
      ["card_made", card.made],
      ["card_command", card.command],
    ];
    for (const [name, value] of rows.filter(([, value]) => value)) byId("card").append(element("dt", {}, words.say(name)), element("dd", {}, value));
  }
}
