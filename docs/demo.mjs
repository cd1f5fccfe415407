// Draws docs/demo.svg, a terminal with the first part of what the demo prints:
//
//     cargo run -- demo | node docs/demo.mjs > docs/demo.svg

import { PLAIN, draw } from './terminal.mjs';

const PART = /^1\. /m;

let text = '';
for await (const chunk of process.stdin.setEncoding('utf8')) {
  text += chunk;
}
const start = text.search(PART);
const end = text.search(/^2\. /m);
if (start < 0 || end < 0) {
  console.error('this is not what the demo prints');
  process.exit(1);
}
const lines = ['$ nest-wire demo', '', ...text.slice(start, end).trimEnd().split('\n')];

const COLOURS = [
  [/^\$ /, '#9ece6a'],
  [/^\d\. /, '#e0af68'],
  [/^ +\w+ -> \w+/, '#7dcfff'],
  [/^ {16}/, '#565f89'],
  [/^ +\w+ (answers|prints)/, '#9ece6a'],
];
const colour = (line) => COLOURS.find(([pattern]) => pattern.test(line))?.[1] ?? PLAIN;
process.stdout.write(draw(lines.map((line) => [[line, colour(line)]]), 'what nest-wire demo prints'));
