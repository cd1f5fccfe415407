// A real ClientTCP, driven by lines on standard input (`client.mjs`).
//
//     node oracles/client-tcp.mjs --port P [--nest 12] [--host 127.0.0.1] [--path SOCKET]
//                                 [--ca F [--cert F --key F]] [--framing length-prefixed]

import { drive } from '../client.mjs';
import { loadNest } from '../nest.mjs';
import { readOptions } from '../options.mjs';
import { logger } from '../service.mjs';
import { transportFlags, transportOptions } from '../transport.mjs';

const { nest, host, port, path, ...wanted } = readOptions({ host: '127.0.0.1', port: 3000, path: '', ...transportFlags });
const { common, microservices, rxjs } = await loadNest(nest);
const { ClientProxyFactory, Transport } = microservices;
common.Logger.overrideLogger(logger);

// Node accepts a path of a Unix socket as port, and Nest passes it on.
const options = { host, port: path || port, ...(await transportOptions({ nest, ...wanted })) };
await drive({ client: ClientProxyFactory.create({ transport: Transport.TCP, options }), rxjs });
