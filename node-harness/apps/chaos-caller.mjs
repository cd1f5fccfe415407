// Nest's client, which reads the calls to make from standard input and makes them at once.
//
//     node apps/chaos-caller.mjs --port P [--nest 12] [--host 127.0.0.1]
//
// Prints `{"ready":true}` first. An input line is `{"n":N,"pattern":…,"data":…,"timeout":MS}`, with
// `"event":true` for an event and `"take":K` for a call that is cancelled after K values, or
// `{"close":true}`. An output line is the outcome of a call: `{"n":N,"values":[…]}`, with
// `"error":TEXT`, `"timeout":true` or `"dropped":true` if it did not complete.

import { printLine, readLines } from '../lines.mjs';
import { loadNest } from '../nest.mjs';
import { readOptions } from '../options.mjs';
import { logger } from '../service.mjs';

const { nest, host, port } = readOptions({ host: '127.0.0.1', port: 0 });
const { common, microservices, rxjs } = await loadNest(nest);
const { ClientProxyFactory, Transport } = microservices;
common.Logger.overrideLogger({ ...logger, error() {} });

const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } });
// A client whose socket fails between two calls must not end the process: the calls report the
// failure.
process.on('uncaughtException', (error) => console.error('uncaught', error));
process.on('unhandledRejection', (error) => console.error('unhandled', error));

printLine({ ready: true });
for await (const line of readLines()) {
  const call = JSON.parse(line);
  if (call.close) {
    client.close();
    printLine({ closed: true });
  } else {
    make(call);
  }
}
process.exit(0);

function make({ n, pattern, data, timeout, event, take }) {
  const values = [];
  const end = (how) => printLine({ n, values, ...how });
  const observable = event ? client.emit(pattern, data) : client.send(pattern, data);
  const taken = take === undefined ? observable : observable.pipe(rxjs.take(take));
  taken.pipe(rxjs.timeout(timeout)).subscribe({
    next: (value) => values.push(value),
    error: (error) => end(error instanceof rxjs.TimeoutError ? { timeout: true } : { error: error?.message ?? String(error) }),
    complete: () => end(take === undefined ? {} : { dropped: true }),
  });
}
