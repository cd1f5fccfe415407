// Draws a terminal as SVG. A line is a list of pieces, `[text, colour]`.

const [LINE, CHARACTER, MARGIN] = [20, 8.4, 20];
export const PLAIN = '#c0caf5';

/** The colours that programs ask for by number (SGR). */
const COLOURS = { 31: '#f7768e', 32: '#9ece6a', 33: '#e0af68', 34: '#7aa2f7', 35: '#bb9af7', 36: '#7dcfff' };

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const text = (line) => line.map(([text]) => text).join('');
/** Columns: Chinese characters take two. */
const width = (text) => [...text].reduce((sum, character) => sum + (/[\u3000-\u9fff\uff00-\uff60]/.test(character) ? 2 : 1), 0);

/** Returns the lines of what a program prints with colours. */
export function coloured(printed) {
  return printed.trimEnd().split('\n').map((line) => {
    let colour = PLAIN;
    const pieces = [];
    line.split(/\x1b\[([\d;]*)m/).forEach((part, index) => {
      if (index % 2 === 1) {
        colour = COLOURS[part] ?? PLAIN;
      } else if (part !== '') {
        pieces.push([part, colour]);
      }
    });
    return pieces;
  });
}

/** Returns a picture of these lines. */
export function draw(lines, label) {
  const columns = Math.max(...lines.map((line) => width(text(line))));
  const size = [Math.ceil(columns * CHARACTER + 2 * MARGIN), lines.length * LINE + 2 * MARGIN];
  const rows = lines.map((line, index) => {
    const y = MARGIN + (index + 0.75) * LINE;
    const [fill, content] = line.every(([, colour]) => colour === line[0][1])
      ? [line[0]?.[1] ?? PLAIN, escaped(text(line))]
      : [PLAIN, line.map(piece).join('')];
    return `  <text x="${MARGIN}" y="${y}" fill="${fill}" xml:space="preserve">${content}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.join(' ')}" role="img" aria-label="${label}">
  <rect width="${size[0]}" height="${size[1]}" rx="8" fill="#1a1b26"/>
  <g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14">
${rows.join('\n')}
  </g>
</svg>
`;
}

function piece([text, colour]) {
  return colour === PLAIN ? escaped(text) : `<tspan fill="${colour}">${escaped(text)}</tspan>`;
}
