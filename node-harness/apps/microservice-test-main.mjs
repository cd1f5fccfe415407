// The tutorial's HTTP service: for `GET /sum?num=3,5,6` it calls the user service. Further routes
// make the same client send more, so that the bytes of the two sides can be compared; they are for
// the conformance service.
//
//     node apps/microservice-test-main.mjs [--nest 12] [--port 3000] [--host localhost]
//                                          [--user-port 8888] [--user-host localhost]

import { decorate } from '../decorate.mjs';
import { loadNest } from '../nest.mjs';
import { portOption, readOptions } from '../options.mjs';
import { announce, logger, stopOnSignals } from '../service.mjs';

const { nest, host, 'user-port': userPort, 'user-host': userHost, ...wanted } = readOptions({
  port: 3000,
  host: 'localhost',
  'user-port': 8888,
  'user-host': 'localhost',
});
const port = portOption(wanted.port);

const { common, core, microservices, rxjs } = await loadNest(nest);
const { Controller, Get, Inject, Module, Query } = common;
const { NestFactory } = core;
const { ClientsModule, Transport } = microservices;
const { catchError, of, toArray } = rxjs;

class AppController {
  constructor(userClient) {
    this.userClient = userClient;
  }

  sum(num) {
    const numbers = num.split(',').map((item) => parseInt(item));
    this.userClient.emit('log', '求和');
    return this.userClient.send('sum', numbers);
  }

  object() {
    return this.userClient.send({ cmd: 'sum' }, [1, 2, 3]);
  }

  stream() {
    return this.userClient.send('stream', [1, 2, 3]).pipe(toArray());
  }

  error() {
    return this.userClient.send('rpc-error', 'x').pipe(catchError(asAnswer));
  }

  missing() {
    return this.userClient.send('no-such-pattern', {}).pipe(catchError(asAnswer));
  }

  async note() {
    // Major 7 opens a connection for each call made before the first one is up, so the two calls
    // would race.
    await this.userClient.connect();
    this.userClient.emit('note', 'a');
    return this.userClient.send('notes', {});
  }
}
decorate(AppController, Controller(), {
  constructor: [Inject('USER_SERVICE')],
  sum: [Get('sum'), Query('num')],
  object: [Get('object')],
  stream: [Get('stream')],
  error: [Get('error')],
  missing: [Get('missing')],
  note: [Get('note')],
});

class AppModule {}
decorate(
  AppModule,
  Module({
    imports: [
      ClientsModule.register([
        { name: 'USER_SERVICE', transport: Transport.TCP, options: { port: userPort, host: userHost } },
      ]),
    ],
    controllers: [AppController],
  }),
);

function asAnswer(error) {
  return of({ error: error instanceof Error ? { message: error.message } : error });
}

const app = await NestFactory.create(AppModule, { logger });
stopOnSignals(app, wanted['with-parent']);
await app.listen(port, host);
await announce(app.getHttpServer());
