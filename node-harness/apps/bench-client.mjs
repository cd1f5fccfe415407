// Nest's client, to be measured. Its twin is `benches/src/bin/bench-client.rs`.
//
//     node apps/bench-client.mjs --port P [--nest 12] [--host 127.0.0.1] [--in-flight 64] [--emit]
//
// For each line with a number, the client makes that many calls of `sum`, with a fixed number in
// flight, or emits that many events, and checks every reply. Then it prints `done` and the number.
// It ends with its standard input.

import { readLines } from '../lines.mjs';
import { loadNest } from '../nest.mjs';
import { readOptions } from '../options.mjs';
import { logger } from '../service.mjs';

const { nest, host, port, emit, 'in-flight': inFlight } = readOptions({ host: '127.0.0.1', port: 0, 'in-flight': 64, emit: false });
const { common, microservices } = await loadNest(nest);
const { ClientProxyFactory, Transport } = microservices;
common.Logger.overrideLogger(logger);

const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } });
await client.connect();

for await (const line of readLines()) {
  await calls(Number(line));
  process.stdout.write(`done ${line}\n`);
}
client.close();

function calls(count) {
  return new Promise((resolve) => {
    let begun = 0;
    let ended = 0;
    const next = () => {
      if (begun < count) {
        begun += 1;
        begin();
      }
    };
    const end = () => {
      ended += 1;
      return ended === count ? resolve() : next();
    };
    const begin = emit ? () => emitOne(end) : () => sendOne(end);
    for (let place = 0; place < inFlight; place += 1) {
      next();
    }
  });
}

// Subscribe to the observable directly: a promise around each call would be the caller's cost, not
// the client's.
function sendOne(complete) {
  client.send('sum', [1, 2, 3]).subscribe({ next: check, error: fail, complete });
}

// Nest sends an event when it is emitted, with or without a subscription.
function emitOne(complete) {
  client.emit('log', 'hello').subscribe({ error: fail, complete });
}

function check(value) {
  if (value !== 6) {
    fail(new Error(`wrong answer: ${value}`));
  }
}

function fail(error) {
  console.error(error);
  process.exit(1);
}
