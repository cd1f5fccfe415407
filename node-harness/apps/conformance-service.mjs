// The conformance service on real Nest: every kind of handler of the protocol, with Nest's
// defaults. Its twin is `examples/conformance_service.rs`: for any bytes of a peer, both reply with
// the same bytes.
//
//     node apps/conformance-service.mjs [--nest 12] [--port 0] [--host 127.0.0.1] [--path SOCKET]
//                                       [--cert F --key F [--ca F --mutual]] [--framing length-prefixed]
//
// With `--nats URL [--queue Q]` it serves NATS instead, with the handlers that need it as well.

import { setTimeout as sleep } from 'node:timers/promises';

import { decorate } from '../decorate.mjs';
import { announceNats } from '../nats.mjs';
import { loadNest } from '../nest.mjs';
import { portOption, readOptions } from '../options.mjs';
import { announce, listen, logger, stopOnSignals } from '../service.mjs';
import { transportFlags, transportOptions } from '../transport.mjs';

const { nest, host, nats, queue, ...wanted } = readOptions({
  port: 0, host: '127.0.0.1', path: '', nats: '', queue: '', ...transportFlags,
});
// Node accepts a path of a Unix socket as port, and Nest passes it on.
const port = wanted.path || portOption(wanted.port);

const { common, core, microservices, rxjs } = await loadNest(nest);
const { Controller, Module } = common;
const { NestFactory } = core;
const { Ctx, EventPattern, MessagePattern, Payload, RpcException, Transport } = microservices;
const { Observable, concat, from, ignoreElements, interval, map, take, timer } = rxjs;

class AppController {
  notes = [];
  noteCount = 0;

  sum(numbers) { return numbers.reduce((total, item) => total + item, 0); }
  sumByCommand(numbers) { return this.sum(numbers); }
  log(text) { process.stdout.write(text + '\n'); }
  echo(data) { return data; }

  context(data, context) {
    // `getMetadata` came with 12.1.
    return { pattern: context.getPattern(), metadata: context.getMetadata?.() ?? null, data };
  }

  ping() { return 'pong'; }
  nothing() {}
  nil() { return null; }

  stream(values) { return from(values); }
  streamSlow({ values, ms }) { return interval(ms).pipe(take(values.length), map((index) => values[index])); }
  streamThenDone({ values, ms }) { return concat(from(values), timer(ms).pipe(ignoreElements())); }

  // Not `throwError`: rxjs 6 takes the error there, rxjs 7 a function that makes it.
  streamError({ values, error }) {
    return new Observable((subscriber) => {
      values.forEach((value) => subscriber.next(value));
      subscriber.error(new RpcException(error));
    });
  }

  rpcError(error) { throw new RpcException(error); }
  error() { throw new Error('the caller must not see this'); }
  async delay({ ms, value }) { return sleep(ms, value); }

  // The reply to a request that reaches these two is what they return: undefined.
  appendNote(note) { this.notes.push(note); }
  countNote() { this.noteCount += 1; }

  takeNotes() {
    const taken = { values: this.notes, count: this.noteCount };
    this.notes = [];
    this.noteCount = 0;
    return taken;
  }

  // Nest reads the methods in this order: the second one replaces the first one.
  dupFirst() { return 'first'; }
  dupSecond() { return 'second'; }

  unreachable() { return 'unreachable'; }
  unreachableToo() { return 'unreachable'; }
  fortyTwo() { return 'forty-two'; }
  admin() { return 'admin'; }
  nested() { return 'nested'; }
  collated() { return 'collated'; }
}
decorate(AppController, Controller(), {
  sum: [MessagePattern('sum'), Payload()],
  log: [EventPattern('log'), Payload()],
  echo: [MessagePattern('echo'), Payload()],
  context: [MessagePattern('context'), Payload(), Ctx()],
  ping: [MessagePattern('ping')],
  nothing: [MessagePattern('nothing')],
  nil: [MessagePattern('nil')],
  stream: [MessagePattern('stream'), Payload()],
  streamSlow: [MessagePattern('stream-slow'), Payload()],
  streamThenDone: [MessagePattern('stream-then-done'), Payload()],
  streamError: [MessagePattern('stream-error'), Payload()],
  rpcError: [MessagePattern('rpc-error'), Payload()],
  error: [MessagePattern('error')],
  delay: [MessagePattern('delay'), Payload()],
  appendNote: [EventPattern('note'), Payload()],
  countNote: [EventPattern('note')],
  takeNotes: [MessagePattern('notes')],
  dupFirst: [MessagePattern('dup')],
  dupSecond: [MessagePattern('dup')],
  unreachable: [MessagePattern('true')],
  unreachableToo: [MessagePattern('null')],
  fortyTwo: [MessagePattern(42)],
  sumByCommand: [MessagePattern({ cmd: 'sum' }), Payload()],
  admin: [MessagePattern({ cmd: 'who', role: 'admin' })],
  nested: [MessagePattern({ b: 1, A: { z: 'x"y', Y: 2 } })],
  collated: [MessagePattern({ service: 'users', Cmd: 'get', _v: 1, é: 2, Z: 3, a: 4 })],
});

class NatsController {
  subject(data, context) { return context.getSubject(); }
  deepSubject(data, context) { return context.getSubject(); }
  header(name, context) { return context.getHeaders()?.get(name) ?? null; }
  long(length) { return 'x'.repeat(length); }
}
decorate(NatsController, Controller(), {
  subject: [MessagePattern('user.*'), Payload(), Ctx()],
  deepSubject: [MessagePattern('deep.>'), Payload(), Ctx()],
  header: [MessagePattern('header'), Payload(), Ctx()],
  long: [MessagePattern('long'), Payload()],
});

class AppModule {}
decorate(AppModule, Module({ controllers: nats ? [AppController, NatsController] : [AppController] }));

const transport = nats
  ? { transport: Transport.NATS, options: { servers: [nats], queue: queue || undefined } }
  : { transport: Transport.TCP, options: { host, port, ...(await transportOptions({ nest, ...wanted })) } };
const app = await NestFactory.createMicroservice(AppModule, { ...transport, logger });
stopOnSignals(app, wanted['with-parent']);
await (nats ? announceNats(app, nats) : announce(await listen(app)));
