// Draws docs/screens/*.svg, terminals with what the tools print of the captures in `fixtures`:
//
//     cargo build -p nest-wire-cli
//     node docs/screens.mjs target/debug/nest-wire            writes them
//     node docs/screens.mjs target/debug/nest-wire --check    fails if one is not what is printed now

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

const [binary, check] = process.argv.slice(2);
const root = new URL('..', import.meta.url).pathname;

const SCREENS = {
  inspect: ['inspect', 'byte-counted.pcap', 12],
  pairs: ['inspect --pairs', 'calls.pcap', 12],
  summary: ['inspect --summary', 'calls.pcap', 20],
};

const [LINE, CHARACTER, MARGIN, COLUMNS] = [20, 8.4, 20, 112];
const COLOURS = { 31: '#f7768e', 33: '#e0af68', 35: '#bb9af7', 36: '#7dcfff' };
const [INK, PROMPT] = ['#c0caf5', '#9ece6a'];

let stale = false;
for (const [name, [command, capture, count]] of Object.entries(SCREENS)) {
  const { stdout, stderr, status } = spawnSync(binary, [...command.split(' '), `${root}fixtures/captures/${capture}`], {
    encoding: 'utf8',
    env: { ...process.env, CLICOLOR_FORCE: '1', NO_COLOR: undefined },
  });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
  const lines = stdout.trimEnd().split('\n').slice(0, count);
  const svg = drawn(name, `nest-wire ${command} ${capture}`, lines);
  const file = `${root}docs/screens/${name}.svg`;
  if (check !== '--check') {
    writeFileSync(file, svg);
  } else if (readFileSync(file, 'utf8') !== svg) {
    console.error(`docs/screens/${name}.svg is not what is printed now: draw it again`);
    stale = true;
  }
}
process.exit(stale ? 1 : 0);

function drawn(name, command, lines) {
  const rows = [`<tspan fill="${PROMPT}">$ ${escaped(command)}</tspan>`, ...lines.map(colored)];
  const width = Math.ceil(COLUMNS * CHARACTER + 2 * MARGIN);
  const height = rows.length * LINE + 2 * MARGIN;
  const texts = rows.map((row, index) => {
    const y = MARGIN + (index + 0.75) * LINE;
    return `  <text x="${MARGIN}" y="${y}" fill="${INK}" xml:space="preserve">${row}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="what ${escaped(command)} prints">
  <title>${name}</title>
  <rect width="${width}" height="${height}" rx="8" fill="#1a1b26"/>
  <g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">
${texts.join('\n')}
  </g>
</svg>
`;
}

/** Returns a line as SVG, its colours as `tspan`, cut to the width of the picture. */
function colored(line) {
  let [out, left, fill] = ['', COLUMNS, null];
  for (const part of line.split(/(\x1b\[\d*m)/)) {
    const code = part.match(/^\x1b\[(\d*)m$/);
    if (code) {
      fill = COLOURS[code[1]] ?? null;
      continue;
    }
    const characters = [...part];
    const shown = characters.slice(0, left).join('');
    left -= Math.min(left, characters.length);
    if (shown !== '') out += fill ? `<tspan fill="${fill}">${escaped(shown)}</tspan>` : escaped(shown);
  }
  return left === 0 ? `${out}…` : out;
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
