// Doc comments start with a verb or a noun phrase, not with a question word. The limit is the share in rustls.
import assert from "node:assert/strict";
import { test } from "node:test";
import { files, read } from "./files.ts";

const MAX_SHARE = 0.013;
const QUESTION_WORD = /^(What|Which|Whether|How|Where|Who)\b/;

test("at most 1.3 % of doc texts start with a question word", () => {
  const texts: string[] = [];
  for (const file of files("*.rs")) {
    let previous = false;
    for (const [index, line] of read(file).split("\n").entries()) {
      const [, text] = /^\s*\/\/[/!]\s?(.*)$/.exec(line) ?? [];
      if (text !== undefined && !previous) texts.push(`${file}:${index + 1}: ${text}`);
      previous = text !== undefined;
    }
  }
  assert.ok(texts.length > 500, "doc texts are recognized");
  const questions = texts.filter((text) => QUESTION_WORD.test(text.replace(/^\S+ /, "")));
  assert.ok(
    questions.length <= texts.length * MAX_SHARE,
    `${questions.length} of ${texts.length}:\n${questions.join("\n")}`,
  );
});
