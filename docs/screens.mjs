// Draws docs/screens/{tap,inspect,replay,shadow}.svg: what the tools print about real Nest, with their colours.
//
//     node docs/screens.mjs target/debug/nest-wire [--check]
//
// The services are those of node-harness, Nest 12: the HTTP service asks the conformance service through `tap` and `record`.
// A picture that differs in times alone stays. With --check nothing is written; the status is 1 if a picture is stale.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { coloured, draw } from './terminal.mjs';

const [program, flag] = process.argv.slice(2);
const nestWire = resolve(program);
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'nest-wire-screens-'));
const env = { ...process.env, CLICOLOR_FORCE: '1', NO_COLOR: undefined };
const running = new Set();

/** Starts a program that listens. Both its outputs are one text, in the order in which they come. */
function start(command, args) {
  const child = spawn('sh', ['-c', 'exec "$@" 2>&1', 'sh', command, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  const process = { child, printed: '' };
  process.ended = new Promise((done) => child.on('close', done)).then(() => running.delete(child));
  process.port = new Promise((found, failed) => {
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      process.printed += chunk;
      const port = /^listening \S+:(\d+)$/m.exec(process.printed)?.[1];
      if (port !== undefined) found(port);
    });
    child.on('close', () => failed(new Error(`${command} ${args.join(' ')}: ${process.printed}`)));
  });
  return process;
}

/** Stops a program as Ctrl-C does. Returns what it has printed. */
async function stop(process) {
  process.child.kill('SIGINT');
  await process.ended;
  return process.printed;
}

/** Runs a command to its end. Returns what it has printed. */
async function run(...args) {
  const process = start(nestWire, args);
  process.port.catch(() => {});
  await process.ended;
  return process.printed;
}

const app = (name, ...args) => start('node', [join(root, 'node-harness/apps', name), '--nest', '12', '--host', '127.0.0.1', '--port', '0', ...args]);

/** Lets Nest's HTTP service ask, through a proxy at this port, for each page in turn. */
async function ask(port, pages) {
  const main = app('microservice-test-main.mjs', '--user-host', '127.0.0.1', '--user-port', port);
  const at = await main.port;
  for (const page of pages) await (await fetch(`http://127.0.0.1:${at}/${page}`)).text();
  main.child.kill();
  await main.ended;
}

/** Sends bytes on a connection of their own, and waits until the other side has read them. */
function sendBytes(port, bytes) {
  return new Promise((done) => connect(port, '127.0.0.1').on('close', done).resume().end(bytes));
}

const proxy = (command, to, ...args) => start(nestWire, [command, '--listen', '127.0.0.1:0', '--to', `127.0.0.1:${to}`, ...args]);

async function screens() {
  const service = app('conformance-service.mjs');
  const to = await service.port;
  const rust = start(nestWire, ['demo-service', 'user', '--host', '127.0.0.1', '--port', '0']);

  const tap = proxy('tap', to);
  await ask(await tap.port, ['sum?num=3,5,6', 'object', 'stream', 'error']);
  const [live, summary] = (await stop(tap)).split(/^(?=\d+ packets on )/m);
  const tapped = `$ nest-wire tap --listen 8889 --to localhost:8888\n${live}^C\n${summary}`;

  const record = proxy('record', to, '-q', '-o', 'orders.jsonl');
  await ask(await record.port, ['sum?num=3,5,6', 'object', 'error', 'missing']);
  await sendBytes(await record.port, '33#{"pattern":"log","data":"求和"}');
  await stop(record);

  const inspect = ['inspect', 'orders.jsonl', '--pairs'];
  const errors = ['inspect', 'orders.jsonl', '--errors'];
  const inspected = `$ nest-wire ${inspect.join(' ')}\n${await run(...inspect)}\n$ nest-wire ${errors.join(' ')}\n${await run(...errors)}`;

  const replay = ['replay', 'orders.jsonl', '--skip-broken', '--to'];
  const replayed = `$ nest-wire ${replay.join(' ')} localhost:8888\n${await run(...replay, `127.0.0.1:${await rust.port}`)}`;

  // A candidate that is right about one sum and wrong about the other.
  const rules = [{ pattern: 'sum', value: '{{ data | sum }}' }, { pattern: { cmd: 'sum' }, value: 7 }];
  writeFileSync(join(folder, 'rules.json'), JSON.stringify(rules));
  const candidate = start(nestWire, ['serve', '--listen', '127.0.0.1:0', '--replies', 'rules.json']);
  const shadow = start(nestWire, ['shadow', '--listen', '127.0.0.1:0', '--primary', `127.0.0.1:${to}`, '--candidate', `127.0.0.1:${await candidate.port}`]);
  await ask(await shadow.port, ['sum?num=3,5,6', 'object', 'sum?num=1,2']);
  const [found, verdict] = (await stop(shadow)).split(/^(?=sum {2})/m);
  const shadowed = `$ nest-wire shadow --listen 8889 --primary localhost:8888 --candidate localhost:9000\n${found}^C\n${verdict}`;

  await Promise.all([stop(service), stop(rust), stop(candidate)]);
  return { tap: tapped, inspect: inspected, replay: replayed, shadow: shadowed };
}

/** Without what differs from run to run: times, and ports. */
const masked = (svg) => svg.replace(/ *\d+\.\d{6}/g, ' T').replace(/ *\d+(\.\d+)? (us|ms|s)\b/g, ' T');

let stale = 0;
try {
  for (const [name, printed] of Object.entries(await screens())) {
    const shown = printed.replace(/^listening .*$/m, 'listening 127.0.0.1:8889');
    const lines = coloured(shown).map((line) => (/^\$ /.test(line[0]?.[0] ?? '') ? [[line[0][0], '#9ece6a']] : line));
    const svg = draw(lines, `what nest-wire ${name} prints`);
    const path = join(root, 'docs/screens', `${name}.svg`);
    if (existsSync(path) && masked(readFileSync(path, 'utf8')) === masked(svg)) continue;
    stale += 1;
    console.error(`docs/screens/${name}.svg is stale`);
    if (flag !== '--check') {
      mkdirSync(join(root, 'docs/screens'), { recursive: true });
      writeFileSync(path, svg);
    }
  }
} finally {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
process.exit(flag === '--check' && stale > 0 ? 1 : 0);
