// A real ClientTCP, driven by lines on standard input.
//
//     node oracles/client-tcp.mjs --port P [--nest 12] [--host 127.0.0.1] [--path SOCKET]
//                                 [--ca F [--cert F --key F]] [--framing length-prefixed]
//
// Prints `{"ready":true}` first. An input line is one of
//     {"op":"send","key":K,"pattern":…,"data":…}    {"op":"emit","key":K,"pattern":…,"data":…}
//     {"op":"unsubscribe","key":K}                  {"op":"connect"}    {"op":"close"}
//     {"op":"metadata","metadata":M}                 for all packets (12.1 and later)
// and an output line is an event of the observable with that key:
//     {"key":K,"next":V}    {"key":K,"next_undefined":true}    {"key":K,"error":E}    {"key":K,"complete":true}
// `connect` and `close` have their own names as keys unless given a key. No line waits for the
// previous one to be done. When standard input and every observable have ended, the client closes
// and the process ends with status 0.

import { printLine, readLines } from '../lines.mjs';
import { loadNest } from '../nest.mjs';
import { readOptions } from '../options.mjs';
import { logger } from '../service.mjs';
import { transportFlags, transportOptions } from '../transport.mjs';

const FAREWELL_MS = 1000;

const { nest, host, port, path, ...wanted } = readOptions({ host: '127.0.0.1', port: 3000, path: '', ...transportFlags });
const { common, microservices, rxjs } = await loadNest(nest);
const { ClientProxyFactory, Transport } = microservices;
common.Logger.overrideLogger(logger);

// Node accepts a path of a Unix socket as port, and Nest passes it on.
const options = { host, port: path || port, ...(await transportOptions({ nest, ...wanted })) };
const client = ClientProxyFactory.create({ transport: Transport.TCP, options });
const subscriptions = new Map();
let inputEnded = false;

const operations = {
  send: ({ key, pattern, data }) => watch(key, client.send(pattern, data)),
  emit: ({ key, pattern, data }) => watch(key, client.emit(pattern, data)),
  connect: ({ key = 'connect' }) => watch(key, rxjs.from(client.connect()).pipe(rxjs.ignoreElements())),
  close: ({ key = 'close' }) => watch(key, rxjs.of(client.close()).pipe(rxjs.ignoreElements())),
  metadata: ({ metadata }) => client.setOnDispatchHook((packet) => Object.assign(packet, { metadata })),
  unsubscribe: ({ key }) => {
    subscriptions.get(key)?.unsubscribe();
    subscriptions.delete(key);
  },
};

printLine({ ready: true });
for await (const line of readLines()) {
  const request = JSON.parse(line);
  operations[request.op](request);
}
inputEnded = true;
closeWhenDone();

function watch(key, observable) {
  const ended = (last) => {
    printLine({ key, ...last });
    subscriptions.delete(key);
    closeWhenDone();
  };
  const subscription = observable.subscribe({
    next: (value) => printLine(value === undefined ? { key, next_undefined: true } : { key, next: value }),
    error: (error) => ended({ error: error instanceof Error ? { message: error.message } : error }),
    complete: () => ended({ complete: true }),
  });
  if (!subscription.closed) {
    subscriptions.set(key, subscription);
  }
}

function closeWhenDone() {
  if (!inputEnded || subscriptions.size > 0) {
    return;
  }
  client.close();
  // The process ends by itself with the connection. This is the maximum time for a peer that keeps
  // its end open.
  setTimeout(() => process.exit(0), FAREWELL_MS).unref();
}
