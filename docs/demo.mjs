// Draws docs/demo.svg, a terminal with the first part of what the demo prints:
//
//     cargo run --release -- demo | node docs/demo.mjs > docs/demo.svg

const PART = /^1\. /m;
const [LINE, CHARACTER, MARGIN] = [20, 8.4, 20];

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
const colour = (line) => COLOURS.find(([pattern]) => pattern.test(line))?.[1] ?? '#c0caf5';
const escaped = (line) => line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const columns = Math.max(...lines.map((line) => line.length));
const width = Math.ceil(columns * CHARACTER + 2 * MARGIN);
const height = lines.length * LINE + 2 * MARGIN;
const rows = lines.map((line, index) => {
  const y = MARGIN + (index + 0.75) * LINE;
  return `  <text x="${MARGIN}" y="${y}" fill="${colour(line)}" xml:space="preserve">${escaped(line)}</text>`;
});
process.stdout.write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="what nest-wire demo prints">
  <rect width="${width}" height="${height}" rx="8" fill="#1a1b26"/>
  <g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">
${rows.join('\n')}
  </g>
</svg>
`);
