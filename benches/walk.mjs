// Prints which files of `src/client` run for one call over an open connection, and which of
// `src/server` for one request: what a reader of the two walks in docs/ARCHITECTURE.md opens.
//
//     cargo build -p nest-wire-benches --bins && node benches/walk.mjs
//
// Valgrind counts the instructions of each file for some calls and for three times as many. A file
// belongs to the walk if the difference is at least one instruction for each call.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const CALLS = 200;
const BINARIES = new URL('../target/debug/', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'walk-'));

print('client', await walk('client'));
print('server', await walk('server'));

async function walk(side) {
  const few = await costs(side, CALLS);
  const many = await costs(side, 3 * CALLS);
  const grows = ([file, cost]) => file.includes(`src/${side}/`) && cost - (few.get(file) ?? 0) >= 2 * CALLS;
  return [...many].filter(grows).map(([file]) => file.slice(file.indexOf('src/'))).sort();
}

function print(side, files) {
  console.log(`${files.length} files of src/${side}:`);
  files.forEach((file) => console.log(`  ${file}`));
}

/** Instructions by file of one side of this many calls. */
async function costs(side, calls) {
  const out = join(folder, `${side}-${calls}`);
  const counted = ['valgrind', '--tool=callgrind', `--callgrind-out-file=${out}`];
  const server = start(...(side === 'server' ? counted : []), `${BINARIES}bench-server`, '--with-parent');
  const [line] = await once(createInterface(server.stdout), 'line');
  const port = line.split(':').at(-1);
  const client = start(...(side === 'client' ? counted : []), `${BINARIES}bench-client`, '--port', port, '--in-flight', '1');
  client.stdin.end(`${calls}\n`);
  await once(client, 'exit');
  server.stdin.end();
  await once(server, 'exit');
  return byFile(readFileSync(out, 'utf8'));
}

function start(program, ...args) {
  return spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'] });
}

/** Sums callgrind's own costs. Lines of calls and their inclusive costs are passed over. */
function byFile(text) {
  const names = new Map();
  const costs = new Map();
  let file = '';
  let isInclusive = false;
  for (const line of text.split('\n')) {
    const [, id, name] = /^f[lie]=\((\d+)\)(?: (.*))?$/.exec(line) ?? [];
    if (id) {
      if (name) names.set(id, name);
      file = names.get(id);
    } else if (line.startsWith('calls=')) {
      isInclusive = true;
    } else if (/^[+*\-\d]/.test(line)) {
      if (!isInclusive) costs.set(file, (costs.get(file) ?? 0) + Number(line.split(' ')[1]));
      isInclusive = false;
    } else {
      const [, called, calledName] = /^cf[il]=\((\d+)\)(?: (.*))?$/.exec(line) ?? [];
      if (called && calledName) names.set(called, calledName);
    }
  }
  return costs;
}
