// Compares the command line with the reference on 2,000 random requests.

import { equal } from "node:assert/strict";
import { test } from "node:test";
import { compareRandom, describeDifference } from "./compare.mjs";

test("the command line agrees with the reference on random dumps and requests", () => {
  for (let seed = 1; seed <= 40; seed += 1) {
    const difference = compareRandom(seed, 50);
    equal(difference && describeDifference(difference), null);
  }
});
