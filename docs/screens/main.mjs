// Draws the pictures beside this file: what each command prints, mostly about real Nest, with its colours.
//
//     node docs/screens/main.mjs target/release/nest-wire [--check]
//
// A picture that differs in times and measurements alone stays. With --check nothing is written; the status is 1 if a picture
// is stale.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { coloured, draw } from '../terminal.mjs';
import { scenes } from './scenes.mjs';
import { Shell } from './shell.mjs';

const [program, flag] = process.argv.slice(2);
const PROMPT = '#9ece6a';

/** What a user types has a colour of its own. */
const lines = (screen) => coloured(screen).map((line) => (/^\$ /.test(line[0]?.[0] ?? '') ? [[line[0][0], PROMPT]] : line));

/** Without what differs from run to run: times, ids, and all that is measured. */
function masked(svg, isMeasured) {
  const same = svg
    .replace(/viewBox="[^"]*"|<rect [^>]*>/g, '')
    .replace(/ *\d+\.\d{6}/g, ' T')
    .replace(/ *[+]?\d+(\.\d+)? (us|ms|s)\b/g, ' T')
    .replace(/("id":")[0-9a-f]+/g, '$1I');
  if (!isMeasured) return same;
  const numbers = same.replace(/[█▉▊▋▌▍▎▏]+/g, '').replace(/[+-]?\d[\d.,]*/g, 'N').replace(/N( [kMG]B)/g, 'N B').replace(/ +/g, ' ');
  // A histogram has more rows on one day than on another.
  return numbers.replace(/(<text [^>]*> (N|T)( N)? %<\/text>\n *)+/g, 'HISTOGRAM\n');
}

let stale = 0;
const shell = new Shell(resolve(program));
try {
  for (const [name, { screen, isMeasured }] of Object.entries(await scenes(shell))) {
    const svg = draw(lines(screen), `what nest-wire ${name} prints`);
    const path = fileURLToPath(new URL(`${name}.svg`, import.meta.url));
    if (existsSync(path) && masked(readFileSync(path, 'utf8'), isMeasured) === masked(svg, isMeasured)) continue;
    stale += 1;
    console.error(`docs/screens/${name}.svg is stale`);
    if (flag === '--check') console.error(screen);
    else writeFileSync(path, svg);
  }
} finally {
  shell.close();
}
process.exit(flag === '--check' && stale > 0 ? 1 : 0);
