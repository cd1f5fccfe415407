// The `sum` of the measured service, over Nest's gRPC transport with all settings at their defaults.
//
//     node apps/bench-grpc.mjs [--nest 12] [--host 127.0.0.1]

import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

import { decorate } from '../decorate.mjs';
import { loadNest } from '../nest.mjs';
import { readOptions } from '../options.mjs';
import { logger, stopOnSignals } from '../service.mjs';

const { host, 'with-parent': withParent } = readOptions({ host: '127.0.0.1' });
const { common, core, microservices } = await loadNest(12, 'grpc');
const { Controller, Module } = common;
const { NestFactory } = core;
const { GrpcMethod, Transport } = microservices;

class AppController {
  sum({ numbers = [] }) {
    return { sum: numbers.reduce((total, item) => total + item, 0) };
  }
}
decorate(AppController, Controller(), { sum: [GrpcMethod('Sums', 'Sum')] });

class AppModule {}
decorate(AppModule, Module({ controllers: [AppController] }));

// Nest does not say which port it took.
const free = createServer().listen(0, host);
await once(free, 'listening');
const { port } = free.address();
free.close();
await once(free, 'close');

const protoPath = fileURLToPath(new URL('../grpc/sums.proto', import.meta.url));
const app = await NestFactory.createMicroservice(AppModule, {
  transport: Transport.GRPC,
  options: { package: 'bench', protoPath, url: `${host}:${port}` },
  logger,
});
stopOnSignals(app, withParent);
await app.listen();
process.stdout.write(`listening ${host}:${port}\n`);
