// The tutorial's user service: a microservice without HTTP, one message (`sum`) and one event (`log`).
//
//     node apps/microservice-test-user.mjs [--nest 12] [--port 8888] [--host localhost]

import { decorate } from '../decorate.mjs';
import { loadNest } from '../nest.mjs';
import { portOption, readOptions } from '../options.mjs';
import { announce, listen, logger, stopOnSignals } from '../service.mjs';

const { nest, host, ...wanted } = readOptions({ port: 8888, host: 'localhost' });
const port = portOption(wanted.port);

const { common, core, microservices } = await loadNest(nest);
const { Controller, Module } = common;
const { NestFactory } = core;
const { EventPattern, MessagePattern, Payload, Transport } = microservices;

class AppController {
  sum(numbers) {
    return numbers.reduce((total, item) => total + item, 0);
  }

  log(text) {
    console.log(text);
  }
}
decorate(AppController, Controller(), {
  sum: [MessagePattern('sum'), Payload()],
  log: [EventPattern('log'), Payload()],
});

class AppModule {}
decorate(AppModule, Module({ controllers: [AppController] }));

const app = await NestFactory.createMicroservice(AppModule, {
  transport: Transport.TCP,
  options: { host, port },
  logger,
});
stopOnSignals(app, wanted['with-parent']);
await announce(await listen(app));
