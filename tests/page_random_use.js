// Uses the page at random, as its arguments say: a seed and the number of actions. Gives the errors that it has seen.

const [seed, count, done] = arguments;
let state = seed; const random = (n) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
const errors = []; addEventListener("error", (e) => errors.push(e.message + e.filename + e.lineno)); addEventListener("unhandledrejection", (e) => errors.push(String(e.reason) + (e.reason?.stack||'')));
const keys = ["ArrowLeft","ArrowRight","ArrowUp","ArrowDown","Enter"," ",".","r","u","y","<",">","+","-","Home","End","Escape"];
HTMLAnchorElement.prototype.click = () => {};
(async () => {
  for (let n = 0; n < count; n++) {
    const all = [...document.querySelectorAll("button, select, input, textarea, summary, .text, .text span, canvas")].filter(
      (e) => e.checkVisibility() && !e.disabled && e.id !== "language",
    );
    const each = all[random(all.length)];
    if (each.tagName === "SELECT") { each.selectedIndex = random(each.options.length); each.dispatchEvent(new Event("change")); }
    else if (each.type === "range") { each.value = random(8) / 4; each.dispatchEvent(new Event("input")); }
    else if (each.type === "number") { each.value = ["", "0.5", "-3", "2", "1e9"][random(5)]; each.dispatchEvent(new Event("input")); each.dispatchEvent(new Event("change")); }
    else if (each.tagName === "TEXTAREA" || each.type === "text") { each.value = ["", "a", "The lamp", "€\\n", "\\\\n 3"][random(5)]; each.dispatchEvent(new Event("change")); }
    else if (each.classList.contains("text") || each.tagName === "CANVAS") { each.dispatchEvent(new KeyboardEvent("keydown", {key: keys[random(keys.length)], bubbles: true})); }
    else { each.dispatchEvent(new PointerEvent("pointerover", {bubbles: true})); each.click(); }
    await new Promise((r) => requestAnimationFrame(r));
  }
  await new Promise((r) => setTimeout(r, 100));
  done(errors);
})();
