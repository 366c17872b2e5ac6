// Seeded random numbers for tests.

/** The generator mulberry32: a seed gives the same numbers on every platform and in every version. */
export class Random {
  #state;
  constructor(/** @type {number} */ seed) {
    this.#state = seed | 0;
  }
  /** Returns a number in [0, 1). */
  unit() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }
  /** Returns an integer between two bounds, inclusive. */
  int(/** @type {number} */ low, /** @type {number} */ high) {
    return low + Math.floor(this.unit() * (high - low + 1));
  }
  chance(/** @type {number} */ probability) {
    return this.unit() < probability;
  }
  /** @template T @param {readonly T[]} items @returns {T} */
  pick(items) {
    return /** @type {T} */ (items[this.int(0, items.length - 1)]);
  }
  /** Selects each item with the given probability. @template T @param {readonly T[]} items @param {number} probability @returns {T[]} */
  some(items, probability) {
    return items.filter(() => this.chance(probability));
  }
  /** @template T @param {readonly T[]} items @returns {T[]} */
  shuffle(items) {
    const shuffled = [...items];
    for (let at = shuffled.length - 1; at > 0; at -= 1) {
      const other = this.int(0, at);
      [shuffled[at], shuffled[other]] = /** @type {[T, T]} */ ([shuffled[other], shuffled[at]]);
    }
    return shuffled;
  }
}
