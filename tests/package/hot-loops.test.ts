// The vector instructions of the kernel's hot loops in the built modules. Browsers run what the compiler made of the loops,
// so a loop that has lost its vectors, loads a value twice, or calls a function shows here and not in other tests.
//
// After an intended change: node --test --test-update-snapshots tests/package/hot-loops.test.ts
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../conformance.ts";

/** A loop with its own instructions, without those of loops inside. */
type Loop = { instructions: string[]; loads: number; calls: number };

/** Loops by instructions that no other loop has. */
const LOOPS = {
  "sums of a run of rows on one day (Pass::add_run)": ["i32x4.dot_i16x8_s"],
  "sums of a group of rows (Pass::add_group)": ["i32x4.extend_low_i16x8_u", "v128.store"],
  "members of a row (RowScanner::read_expected)": ["v128.any_true", "i8x16.bitmask"],
  "the end of a text (plain_length)": ["i8x16.lt_u", "i8x16.bitmask"],
};

const VECTOR = /^(v128|[if]\d+x\d+)\./;

/** Returns all loops of a module with vector instructions. */
function loopsOf(module: string): Loop[] {
  const wat = execFileSync(
    join(root, "node_modules/.bin/wasm-dis"),
    [join(root, "browser/dist", module), "--enable-exception-handling", "--enable-simd"],
    { encoding: "utf8", maxBuffer: 1 << 28 },
  );
  const found: Loop[] = [];
  const open: (Loop | undefined)[] = [];
  for (const [token, keyword = ""] of wat.matchAll(/"(?:[^"\\]|\\.)*"|\(([\w.$]*)|\)/g)) {
    if (token === ")") {
      const closed = open.pop();
      if (closed && closed.instructions.length > 0) found.push(closed);
    } else if (token.startsWith("(")) {
      const loop = open.findLast((each) => each !== undefined);
      if (VECTOR.test(keyword)) loop?.instructions.push(keyword);
      // A panic is a call that does not return.
      if (loop && keyword.startsWith("call")) loop.calls += 1;
      if (loop && keyword === "unreachable") loop.calls -= 1;
      if (loop && keyword === "v128.load") loop.loads += 1;
      open.push(keyword === "loop" ? { instructions: [], loads: 0, calls: 0 } : undefined);
    }
  }
  return found;
}

function describe({ instructions, loads, calls }: Loop): string {
  // The compiler chooses among the instructions that load a vector.
  const kinds = new Set(instructions.filter((name) => !name.startsWith("v128.load") && name !== "v128.const"));
  return [`  loads of vectors: ${loads}, calls: ${calls}`, ...[...kinds].sort().map((name) => `  ${name}`)].join("\n");
}

test("hot loops keep their vector instructions", (t) => {
  const lines: string[] = [];
  for (const module of ["streamgage_bg.wasm", "streamgage-lists_bg.wasm"]) {
    const loops = loopsOf(module);
    for (const [name, marks] of Object.entries(LOOPS)) {
      const matching = loops.filter(({ instructions }) => marks.every((mark) => instructions.includes(mark)));
      assert.ok(matching.length > 0, `${module} has no loop with ${marks.join(" and ")}: ${name}`);
      const texts = new Set(matching.map(describe));
      lines.push(`${module}: ${name}`, ...texts, "");
    }
  }
  t.assert.fileSnapshot(lines.join("\n"), join(import.meta.dirname, "hot-loops.txt"), { serializers: [String] });
});
