// The pace at which texts are written: so many characters a second, or as fast as frames allow.

const FRAME_MS = 10; // time in a frame that writing takes at most
const MAX_GAP_MS = 250; // of a longer gap between frames, as in a hidden tab, only so much is made up for

/** Calls `step` at a pace, at each frame of the screen, until it returns false. */
export class Clock {
  /**
   * @param {() => boolean} step writes once; returns false if there is nothing more to write
   * @param {() => number} speed steps a second; 0 is as fast as frames allow
   */
  constructor(step, speed) {
    this.step = step;
    this.speed = speed;
    this.running = false;
    this.due = 0; // steps
    this.latest = 0; // ms
  }

  start() {
    if (this.running) return;
    this.running = true;
    this.due = 1;
    this.latest = performance.now();
    this.tick(this.latest);
  }

  stop() {
    this.running = false;
  }

  /** @param {number} now */
  tick(now) {
    if (!this.running) return;
    const speed = this.speed();
    this.due += (Math.min(MAX_GAP_MS, Math.max(0, now - this.latest)) * speed) / 1000;
    this.latest = now;
    const end = performance.now() + FRAME_MS;
    while (this.running && (speed === 0 || this.due >= 1) && performance.now() < end) {
      this.due -= 1;
      this.running = this.step();
    }
    this.due = Math.min(this.due, 1 + speed / 10); // a machine that is too slow for the pace owes nothing
    if (this.running) requestAnimationFrame((time) => this.tick(time));
  }
}
