// A service that prints each number as soon as a handler has received it. Its twin is
// `chaos/src/serving`.
//
//     node apps/chaos-service.mjs [--nest 12] [--port 0] [--host 127.0.0.1]
//
// Prints `m NUMBER` for a message and `e NUMBER` for an event. A write to a pipe is immediate, so
// the output is complete even if the process is killed.

import { setTimeout as sleep } from 'node:timers/promises';

import { answer } from '../chaos.mjs';
import { decorate } from '../decorate.mjs';
import { loadNest } from '../nest.mjs';
import { portOption, readOptions } from '../options.mjs';
import { announce, listen, logger, stopOnSignals } from '../service.mjs';

const { nest, host, port, ...wanted } = readOptions({ port: 0, host: '127.0.0.1' });
const { common, core, microservices, rxjs } = await loadNest(nest);
const { Controller, Module } = common;
const { NestFactory } = core;
const { EventPattern, MessagePattern, Payload, RpcException, Transport } = microservices;

const seen = (kind, n) => process.stdout.write(`${kind} ${n}\n`);

class AppController {
  ask({ n, pad }) {
    seen('m', n);
    return { n, answer: answer(n), pad };
  }

  async slow({ n, pad, ms }) {
    seen('m', n);
    await sleep(ms);
    return { n, answer: answer(n), pad };
  }

  values({ n, count, ms }) {
    seen('m', n);
    const item = rxjs.map((i) => ({ n, i }));
    return (ms === 0 ? rxjs.range(0, count) : rxjs.interval(ms).pipe(rxjs.take(count))).pipe(item);
  }

  fail({ n }) {
    seen('m', n);
    throw new RpcException(`failed ${n}`);
  }

  note({ n }) {
    seen('e', n);
  }
}
decorate(AppController, Controller(), {
  ask: [MessagePattern('ask'), Payload()],
  slow: [MessagePattern('slow'), Payload()],
  values: [MessagePattern('values'), Payload()],
  fail: [MessagePattern('fail'), Payload()],
  note: [EventPattern('note'), Payload()],
});

class AppModule {}
decorate(AppModule, Module({ controllers: [AppController] }));

const app = await NestFactory.createMicroservice(AppModule, {
  transport: Transport.TCP,
  options: { host, port: portOption(port) },
  logger,
});
stopOnSignals(app, wanted['with-parent']);
await announce(await listen(app));
