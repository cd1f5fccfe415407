// Draws docs/screens/*.svg, terminals with what the tools print, with their colours:
//
//     node docs/screens.mjs target/debug/nest-wire            writes them
//     node docs/screens.mjs target/debug/nest-wire --check    fails if one is not what is printed now
//
// `inspect` reads the captures in `fixtures`. `tap` and `replay` work on real Nest 12: the HTTP service of node-harness asks
// the conformance service. Pictures of these two are not stale if they differ in times alone.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { coloured, draw } from './terminal.mjs';

const [program, check] = process.argv.slice(2);
const nestWire = resolve(program);
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'nest-wire-screens-'));
const env = { ...process.env, CLICOLOR_FORCE: '1', NO_COLOR: undefined };
const running = new Set();

/** Pictures of captures: the command, the capture, and the number of lines that are shown. */
const CAPTURES = {
  inspect: ['inspect', 'byte-counted.pcap', 12],
  pairs: ['inspect --pairs', 'calls.pcap', 12],
  summary: ['inspect --summary', 'calls.pcap', 20],
};

/** Starts a program. Both its outputs are one text, in the order in which they come. `port` is where it listens. */
function start(command, args) {
  const child = spawn('sh', ['-c', 'exec "$@" 2>&1', 'sh', command, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  const started = { child, printed: '' };
  started.ended = new Promise((done) => child.on('close', done)).then(() => running.delete(child));
  started.port = new Promise((found, failed) => {
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      started.printed += chunk;
      const port = /^listening \S+:(\d+)$/m.exec(started.printed)?.[1];
      if (port !== undefined) found(port);
    });
    child.on('close', () => failed(new Error(`${command} ${args.join(' ')}: ${started.printed}`)));
  });
  // Commands that do not listen have no port, and nobody asks for it.
  started.port.catch(() => {});
  return started;
}

/** Stops a program as Ctrl-C does. Returns what it has printed. */
async function stop(started) {
  started.child.kill('SIGINT');
  await started.ended;
  return started.printed;
}

/** Runs a command to its end. Returns what it has printed. */
async function run(...args) {
  const started = start(nestWire, args);
  await started.ended;
  return started.printed;
}

const app = (name, ...args) => start('node', [join(root, 'node-harness/apps', name), '--nest', '12', '--host', '127.0.0.1', '--port', '0', ...args]);
const proxy = (command, to, ...args) => start(nestWire, [command, '--listen', '127.0.0.1:0', '--to', `127.0.0.1:${to}`, ...args]);

/** Lets Nest's HTTP service ask, through a proxy, for each page in turn. */
async function ask(proxy, pages) {
  const main = app('microservice-test-main.mjs', '--user-host', '127.0.0.1', '--user-port', await proxy.port);
  const port = await main.port;
  for (const page of pages) await (await fetch(`http://127.0.0.1:${port}/${page}`)).text();
  main.child.kill();
  await main.ended;
}

async function screens() {
  const shown = {};
  for (const [name, [command, capture, count]] of Object.entries(CAPTURES)) {
    const printed = await run(...command.split(' '), join(root, 'fixtures/captures', capture));
    shown[name] = `$ nest-wire ${command} ${capture}\n${printed.split('\n').slice(0, count).join('\n')}`;
  }
  const service = app('conformance-service.mjs');
  const to = await service.port;
  const tap = proxy('tap', to);
  await ask(tap, ['sum?num=3,5,6', 'object', 'stream', 'error']);
  const [live, summary] = (await stop(tap)).split(/^(?=\d+ packets on )/m);
  shown.tap = `$ nest-wire tap --listen 8889 --to localhost:8888\n${live}^C\n${summary}`.replace(/^listening .*$/m, 'listening 127.0.0.1:8889');

  // The user in Rust knows `sum` alone.
  const record = proxy('record', to, '-q', '-o', 'orders.jsonl');
  await ask(record, ['sum?num=3,5,6', 'object', 'sum?num=1,2,3']);
  await stop(record);
  const rust = start(nestWire, ['demo-service', 'user', '--host', '127.0.0.1', '--port', '0']);
  const replayed = await run('replay', 'orders.jsonl', '--to', `127.0.0.1:${await rust.port}`);
  shown.replay = `$ nest-wire replay orders.jsonl --to localhost:8888\n${replayed}`;
  await Promise.all([stop(service), stop(rust)]);
  return shown;
}

/** Without what differs from run to run. */
const masked = (svg) => svg.replace(/ *\d+\.\d{6}/g, ' T').replace(/ *\d+(\.\d+)? (us|ms|s)\b/g, ' T');

let isStale = false;
try {
  for (const [name, printed] of Object.entries(await screens())) {
    const svg = draw(coloured(printed), `what nest-wire ${name} prints`);
    const file = join(root, 'docs/screens', `${name}.svg`);
    const compared = name in CAPTURES ? (svg) => svg : masked;
    const isSame = existsSync(file) && compared(readFileSync(file, 'utf8')) === compared(svg);
    if (isSame) continue;
    if (check !== '--check') {
      writeFileSync(file, svg);
    } else {
      console.error(`docs/screens/${name}.svg is not what is printed now: draw it again`);
      isStale = true;
    }
  }
} finally {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
process.exit(isStale ? 1 : 0);
