// Features that the conformance service lacks, since its handlers are fixed and its limits are
// Nest's own: limits that a test can reach, values that cannot be written, several patterns for one
// handler, several handlers that answer for one pattern, and `close()` while callers are connected.
//
//     node apps/edge-service.mjs [--nest 12] [--port 0] [--host 127.0.0.1]
//         [--max-buffer-size UNITS] [--incomplete-message-timeout MS] [--max-send-buffer-size BYTES]

import { setTimeout as sleep } from 'node:timers/promises';

import { decorate } from '../decorate.mjs';
import { loadNest } from '../nest.mjs';
import { portOption, readOptions } from '../options.mjs';
import { announce, listen, logger, stopOnSignals } from '../service.mjs';

const { nest, host, ...wanted } = readOptions({
  port: 0,
  host: '127.0.0.1',
  'max-buffer-size': null,
  'incomplete-message-timeout': null,
  'max-send-buffer-size': null,
});
const port = portOption(wanted.port);

const { common, core, microservices, rxjs } = await loadNest(nest);
const { Catch, Controller, HttpException, Module, UseFilters } = common;
const { NestFactory } = core;
const { EventPattern, MessagePattern, Payload, RpcException, Transport } = microservices;

// Sends the whole exception, where Nest's own filter sends its argument. (rxjs 6 and 7 differ in
// the parameter of `throwError`.)
class WholeFilter {
  catch(exception) { return new rxjs.Observable((subscriber) => subscriber.error(exception)); }
}
decorate(WholeFilter, Catch(RpcException));

class AppController {
  ping() { return 'pong'; }
  echo(data) { return data; }
  async delay({ ms, value }) { return sleep(ms, value); }

  // JSON.stringify throws on this value.
  bigInt() { return 1n; }

  // The packet of the second value contains only the id.
  gap() { return rxjs.from([1, undefined, 2]); }

  gapAtTheEnd() { return rxjs.from([1, undefined, undefined]); }

  // Many values in the tick after the one in which the first value is sent, and a last one much
  // later.
  burst() {
    return new rxjs.Observable((subscriber) => {
      subscriber.next(1);
      process.nextTick(() => {
        for (let value = 2; value <= 40; value++) {
          subscriber.next(value);
        }
      });
      setTimeout(() => {
        subscriber.next(41);
        subscriber.complete();
      }, 50);
    });
  }

  withoutPattern() { return 'none'; }
  textWithZero() { return 'text 1.50'; }
  number() { return 'number 1.5'; }
  textTrue() { return 'text true'; }
  textNull() { return 'text null'; }

  either() { return 'either'; }
  // An HTTP exception in the two forms that cross the wire, and in the two that do not.
  httpException({ name, response, form }) {
    const exception = new common[name](response);
    switch (form) {
      case 'whole': throw new RpcException(exception);
      case 'response': throw new RpcException(exception.getResponse());
      case 'thrown': throw exception;
      case 'observable': return rxjs.throwError(exception);
    }
  }
  rpcException({ error, name }) {
    throw new RpcException(name === undefined ? error : new common[name](error).getResponse());
  }
  httpError() { throw new HttpException('the caller must not see this', 404); }

  // Two or three handlers for an event, with different replies to a request to it.
  twoA() { return 'A'; }
  twoB() { return 'B'; }
  threeA() { return 'A'; }
  threeB() { return null; }
  threeC() { return 'C'; }
  someA() { return 'A'; }
  someNothing() {}
  failingA() { return 'A'; }
  failingB() { throw new RpcException('B'); }

  mixedMessage() { process.stdout.write('message\n'); return 'message'; }
  mixedEvent() { process.stdout.write('event\n'); }

  async close() {
    await app.close();
    process.stdout.write('closed\n');
  }
}
decorate(AppController, Controller(), {
  ping: [MessagePattern('ping')],
  echo: [MessagePattern('echo'), Payload()],
  delay: [MessagePattern('delay'), Payload()],
  bigInt: [MessagePattern('big-int')],
  gap: [MessagePattern('gap')],
  gapAtTheEnd: [MessagePattern('gap-at-the-end')],
  burst: [MessagePattern('burst')],
  withoutPattern: [MessagePattern()],
  textWithZero: [MessagePattern('1.50')],
  number: [MessagePattern(1.5)],
  textTrue: [MessagePattern('true')],
  textNull: [MessagePattern('null')],
  either: [MessagePattern(['this', 'that'])],
  httpError: [MessagePattern('http-error')],
  rpcException: [and(MessagePattern('rpc-exception'), UseFilters(WholeFilter)), Payload()],
  httpException: [MessagePattern('http-exception'), Payload()],
  twoA: [EventPattern('two')],
  twoB: [EventPattern('two')],
  threeA: [EventPattern('three')],
  threeB: [EventPattern('three')],
  threeC: [EventPattern('three')],
  someA: [EventPattern('some')],
  someNothing: [EventPattern('some')],
  failingA: [EventPattern('failing')],
  failingB: [EventPattern('failing')],
  mixedMessage: [MessagePattern('mixed')],
  mixedEvent: [EventPattern('mixed')],
  close: [EventPattern('close')],
});

function and(...decorators) {
  return (...target) => decorators.forEach((decorator) => decorator(...target));
}

class AppModule {}
decorate(AppModule, Module({ controllers: [AppController] }));

const app = await NestFactory.createMicroservice(AppModule, {
  transport: Transport.TCP,
  options: {
    host,
    port,
    // Without a flag, null selects Nest's default. Majors 7 to 10 do not have these three options.
    maxBufferSize: wanted['max-buffer-size'],
    incompleteMessageTimeout: wanted['incomplete-message-timeout'],
    maxSendBufferSize: wanted['max-send-buffer-size'],
  },
  logger,
});
stopOnSignals(app, wanted['with-parent']);
await announce(await listen(app));
