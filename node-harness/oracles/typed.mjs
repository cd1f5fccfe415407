// Returns the values of `JSON.parse` that a Rust type of four members reads.
//
//     node oracles/typed.mjs
//
// An input line is a JSON object. An output line is `[name, count, ratio, counts]`: the text `name`
// with U+FFFD for each half of a surrogate pair, the numbers `count` and `ratio` as JavaScript
// writes them, and the object `counts` as sorted pairs of these. `null` stands for a `count` that
// is not an integer or is beyond 2^53, and for keys that differ only in halves of pairs.

import { printLine, readLines } from '../lines.mjs';

for await (const line of readLines()) {
  const { name, count, ratio, counts } = JSON.parse(line);
  const pairs = Object.entries(counts).map(([key, value]) => [key.toWellFormed(), String(value)]);
  const isOneToOne = new Set(pairs.map(([key]) => key)).size === pairs.length;
  printLine([
    name.toWellFormed(),
    Number.isSafeInteger(count) ? String(count === 0 ? 0 : count) : null,
    String(ratio),
    isOneToOne ? pairs.sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other))) : null,
  ]);
}
