// Nest's own client, driven by lines on standard input.
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

import { printLine, readLines } from './lines.mjs';

const FAREWELL_MS = 1000;

/** Drives `client`. `record` makes the data of a call from its line; without it, the data is sent as it is. */
export async function drive({ client, rxjs, record = ({ data }) => data }) {
  const subscriptions = new Map();
  let inputEnded = false;

  const operations = {
    send: ({ key, pattern, ...call }) => watch(key, client.send(pattern, record(call))),
    emit: ({ key, pattern, ...call }) => watch(key, client.emit(pattern, record(call))),
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
}
