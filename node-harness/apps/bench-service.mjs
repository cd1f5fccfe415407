// The measured service on real Nest, with all settings at their defaults.
// Its twin is `benches/src/handlers.rs`.
//
//     node apps/bench-service.mjs [--nest 12] [--port 0] [--host 127.0.0.1] [--routes 0]
//
// With `--nats URL` it serves NATS instead.

import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';

import { decorate } from '../decorate.mjs';
import { announceNats } from '../nats.mjs';
import { loadNest } from '../nest.mjs';
import { portOption, readOptions } from '../options.mjs';
import { announce, listen, logger, stopOnSignals } from '../service.mjs';

const { nest, host, nats, ...wanted } = readOptions({ port: 0, host: '127.0.0.1', routes: 0, nats: '' });

const { common, core, microservices, rxjs } = await loadNest(nest);
const { Controller, Module } = common;
const { NestFactory } = core;
const { EventPattern, MessagePattern, Payload, Transport } = microservices;

class AppController {
  events = 0;

  sum(numbers) { return numbers.reduce((total, item) => total + item, 0); }
  sumByCommand(numbers) { return numbers.reduce((total, item) => total + item, 0); }
  echo(data) { return data; }
  tail(text) { return text.at(-1); }
  stream(count) { return rxjs.range(1000, count); }
  async wait(value) { return sleep(1, value); }
  log(text) { this.events += 1; }

  // A handler starts some microtasks after its packet was read. By the next turn, those of earlier
  // events have run.
  async logged() {
    await turn();
    const { events } = this;
    this.events = 0;
    return events;
  }
}
// Further routes, which are never called.
const others = Array.from({ length: wanted.routes }, (_, number) => `route-${number}`);
others.forEach((name) => { AppController.prototype[name] = function unused() {}; });
decorate(AppController, Controller(), {
  ...Object.fromEntries(others.map((name) => [name, [MessagePattern(name)]])),
  sum: [MessagePattern('sum'), Payload()],
  sumByCommand: [MessagePattern({ cmd: 'sum' }), Payload()],
  echo: [MessagePattern('echo'), Payload()],
  tail: [MessagePattern('tail'), Payload()],
  stream: [MessagePattern('stream'), Payload()],
  wait: [MessagePattern('wait'), Payload()],
  log: [EventPattern('log'), Payload()],
  logged: [MessagePattern('logged')],
});

class AppModule {}
decorate(AppModule, Module({ controllers: [AppController] }));

const transport = nats
  ? { transport: Transport.NATS, options: { servers: [nats] } }
  : { transport: Transport.TCP, options: { host, port: portOption(wanted.port) } };
const app = await NestFactory.createMicroservice(AppModule, { ...transport, logger });
stopOnSignals(app, wanted['with-parent']);
await (nats ? announceNats(app, nats) : listen(app).then(announce));
