// Nest's client under steady load: a number of calls and events a second, and one slow call, while
// its service receives SIGTERM.
//
//     node apps/chaos-load.mjs --port P [--nest 12] [--host 127.0.0.1] [--ca F] [--rate 100] [--slow 3000]
//
// Prints `{"ready":true}` once it is connected. A line `slow` on standard input makes the slow
// call, and `{"slow":NUMBER}` is printed at once. The load ends a second after its connection has
// closed. Two seconds later one line reports the outcomes, with times in milliseconds:
//     {"closed":T,"records":[[N,KIND,BEGUN,ENDED,ERROR],…]}   KIND: call, event, slow; ENDED or ERROR may be null

import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import { answer } from '../chaos.mjs';
import { printLine, readLines } from '../lines.mjs';
import { loadNest } from '../nest.mjs';
import { readOptions } from '../options.mjs';
import { logger } from '../service.mjs';
import { transportFlags, transportOptions } from '../transport.mjs';

const TICK_MS = 10;
const AFTERWARDS_MS = 1000;
const LAST_ANSWERS_MS = 2000;

const { nest, host, port, rate, slow, ...wanted } = readOptions({ host: '127.0.0.1', port: 0, rate: 100, slow: 3000, ...transportFlags });
const { common, microservices } = await loadNest(nest);
const { ClientProxyFactory, Transport } = microservices;
common.Logger.overrideLogger({ ...logger, error() {} });
process.on('uncaughtException', (error) => console.error('uncaught', error));
process.on('unhandledRejection', (error) => console.error('unhandled', error));

const options = { host, port, ...(await transportOptions({ nest, ...wanted })) };
const client = ClientProxyFactory.create({ transport: Transport.TCP, options });
await client.connect();

const records = [];
let number = 0;
let isOver = false;
let closed = null;

printLine({ ready: true });
load();
listenForSlow();
// All majors have Node's socket in this member.
await once(client.socket.netSocket, 'close');
closed = performance.now();
await sleep(AFTERWARDS_MS);
isOver = true;
await sleep(LAST_ANSWERS_MS);
printLine({ closed, records });
process.stdout.end(() => process.exit(0));

/** Makes up for ticks that a busy machine has left out. */
async function load() {
  const start = performance.now();
  for (let made = 0; !isOver; await sleep(TICK_MS)) {
    for (const due = ((performance.now() - start) / 1000) * rate; made < due; made += 1) {
      make('call');
      make('event');
    }
  }
}

async function listenForSlow() {
  for await (const line of readLines()) {
    if (line === 'slow') {
      make('slow');
      printLine({ slow: number });
    }
  }
}

function make(kind) {
  number += 1;
  const n = number;
  const record = [n, kind, performance.now(), null, null];
  records.push(record);
  const data = { n, pad: '', ms: slow };
  let value;
  const end = (error) => {
    record[3] = performance.now();
    record[4] = error;
  };
  const calls = {
    call: () => client.send('ask', data),
    slow: () => client.send('slow', data),
    event: () => client.emit('note', data),
  };
  calls[kind]().subscribe({
    next: (next) => { value = next; },
    error: (error) => end(error?.message ?? String(error)),
    complete: () => end(kind === 'event' || value?.answer === answer(n) ? null : `wrong answer: ${JSON.stringify(value)}`),
  });
}
