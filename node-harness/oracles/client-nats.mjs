// A real ClientNats, driven by lines on standard input (`client.mjs`). The calls' lines may have
// `headers`, an object.
//
//     node oracles/client-nats.mjs --nats nats://127.0.0.1:4222 [--nest 12]

import { drive } from '../client.mjs';
import { loadNest } from '../nest.mjs';
import { readOptions } from '../options.mjs';
import { natsHeaders } from '../nats.mjs';
import { logger } from '../service.mjs';

const { nest, nats } = readOptions({ nats: 'nats://127.0.0.1:4222' });
const { common, microservices, rxjs } = await loadNest(nest);
const { ClientProxyFactory, NatsRecordBuilder, Transport } = microservices;
common.Logger.overrideLogger(logger);

const client = ClientProxyFactory.create({ transport: Transport.NATS, options: { servers: [nats] } });
const newHeaders = await natsHeaders(nest);

function record({ data, headers }) {
  if (!headers) {
    return data;
  }
  const values = newHeaders();
  for (const [name, value] of Object.entries(headers)) {
    values.set(name, value);
  }
  return new NatsRecordBuilder(data).setHeaders(values).build();
}

await drive({ client, rxjs, record });
