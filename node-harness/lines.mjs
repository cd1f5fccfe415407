// The protocol of the oracles: one JSON text per line, on standard input and on standard output.

/** The lines of standard input. Not `node:readline`, which also cuts at U+2028, and that may stand in a JSON text. */
export async function* readLines() {
  process.stdin.setEncoding('utf8');
  let rest = '';
  for await (const chunk of process.stdin) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop();
    yield* lines.filter((line) => line !== '');
  }
  if (rest !== '') {
    yield rest;
  }
}

export function printLine(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
