// The Nest half of the guide: a guard, a pipe, an interceptor and exception filters. Its twin is
// `examples/coming_from_nest/`.
//
//     node apps/guide-service.mjs [--nest 12] [--port 0] [--host 127.0.0.1]

import { decorate } from '../decorate.mjs';
import { loadNest } from '../nest.mjs';
import { portOption, readOptions } from '../options.mjs';
import { announce, listen, logger, stopOnSignals } from '../service.mjs';

const { nest, host, ...wanted } = readOptions({ port: 0, host: '127.0.0.1' });
const port = portOption(wanted.port);

const { common, core, microservices, rxjs } = await loadNest(nest);
const { Catch, Controller, Injectable, Module, UseFilters, UseGuards, UseInterceptors } = common;
const { NestFactory } = core;
const { Ctx, MessagePattern, Payload, RpcException, Transport } = microservices;
const { map, range, throwError } = rxjs;

class TokenGuard {
  canActivate(context) {
    const metadata = context.switchToRpc().getContext().getMetadata();
    return metadata?.token === 'let me in';
  }
}
decorate(TokenGuard, Injectable());

// Does the same as `ValidationPipe` with an `exceptionFactory`, without its packages.
class OrderPipe {
  transform(order) {
    const complaints = [];
    if (order.item === '') {
      complaints.push('item should not be empty');
    }
    if (order.quantity < 1) {
      complaints.push('quantity must not be less than 1');
    }
    if (complaints.length > 0) {
      throw new RpcException({ statusCode: 400, message: complaints });
    }
    return order;
  }
}
decorate(OrderPipe, Injectable());

class WrapInterceptor {
  intercept(context, next) {
    return next.handle().pipe(map((data) => ({ data })));
  }
}
decorate(WrapInterceptor, Injectable());

class RoomTaken extends Error {
  constructor(room) {
    super(`room ${room} is taken`);
    this.room = room;
  }
}
class NotANumber extends Error {}

class RoomTakenFilter {
  catch(error) {
    return throwError(() => ({ code: 'ROOM_TAKEN', room: error.room }));
  }
}
decorate(RoomTakenFilter, Catch(RoomTaken));

class NotANumberFilter {
  catch() {
    return throwError(() => ({ status: 'error', message: 'not a number' }));
  }
}
decorate(NotANumberFilter, Catch(NotANumber));

class AppController {
  secret(context) {
    return `for ${context.getMetadata().token}`;
  }

  ledger() {
    return 'all of it';
  }

  order(order) {
    return `${order.quantity} x ${order.item}`;
  }

  double(number) {
    return 2 * number;
  }

  count(to) {
    return range(1, to);
  }

  forget() {}

  book(room) {
    if (room === 7) {
      throw new RoomTaken(room);
    }
    if (room === 13) {
      throw new Error('the database is gone');
    }
    return 'booked';
  }

  parse(text) {
    if (!/^\d+$/.test(text)) {
      throw new NotANumber();
    }
    return Number(text);
  }
}
decorate(AppController, Controller(), {
  secret: [and(MessagePattern('secret'), UseGuards(TokenGuard)), Ctx()],
  ledger: [and(MessagePattern('ledger'), UseGuards(TokenGuard))],
  order: [MessagePattern('order'), Payload(OrderPipe)],
  double: [and(MessagePattern('double'), UseInterceptors(WrapInterceptor)), Payload()],
  count: [and(MessagePattern('count'), UseInterceptors(WrapInterceptor)), Payload()],
  forget: [and(MessagePattern('forget'), UseInterceptors(WrapInterceptor))],
  book: [and(MessagePattern('book'), UseFilters(RoomTakenFilter)), Payload()],
  parse: [and(MessagePattern('parse'), UseFilters(NotANumberFilter)), Payload()],
});

function and(...decorators) {
  return (...target) => decorators.forEach((decorator) => decorator(...target));
}

class AppModule {}
decorate(AppModule, Module({ controllers: [AppController] }));

const app = await NestFactory.createMicroservice(AppModule, { transport: Transport.TCP, options: { host, port }, logger });
stopOnSignals(app, wanted['with-parent']);
await announce(await listen(app));
