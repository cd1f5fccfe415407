// The first hop of a trace: a real ClientTCP whose dispatch hook puts OpenTelemetry's context into
// each packet. Nest 12 only.
//
//     node oracles/traced-client.mjs --port P [--host 127.0.0.1]
//
// Prints `{"ready":true}` first. An input line is `{"pattern":…,"data":…}`. An output line has the
// ids of the active span when the message was sent, and the reply:
//     {"trace":T,"span":S,"parent":null,"state":…,"answer":V}    {…,"error":E}

import { printLine, readLines } from '../lines.mjs';
import { loadNest } from '../nest.mjs';
import { readOptions } from '../options.mjs';
import { logger } from '../service.mjs';
import { tracing } from '../tracing.mjs';

const { nest, host, port } = readOptions({ host: '127.0.0.1', port: 3000 });
const { common, microservices, rxjs } = await loadNest(nest);
const { ClientProxyFactory, Transport } = microservices;
common.Logger.overrideLogger(logger);
const { start, carrier, idsOf } = await tracing();

const client = ClientProxyFactory.create({ transport: Transport.TCP, options: { host, port } });
printLine({ ready: true });
for await (const line of readLines()) {
  const { pattern, data } = JSON.parse(line);
  const span = start('ask');
  // A vendor's own entry must arrive at the far end too.
  client.setOnDispatchHook((packet) => Object.assign(packet, { metadata: { ...carrier(span), tracestate: 'vendor=1' } }));
  const outcome = await rxjs.lastValueFrom(client.send(pattern, data)).then((answer) => ({ answer }), (error) => ({ error }));
  span.end();
  printLine({ ...idsOf(span), ...outcome });
}
client.close();
