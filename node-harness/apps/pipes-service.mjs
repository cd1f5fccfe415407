// The results of Nest's pipes: the column "Nest" of the guide's table. Each handler returns the
// output of its pipe. An HTTP exception is sent as its body.
//
//     node apps/pipes-service.mjs [--nest 12] [--port 0] [--host 127.0.0.1]

import { createRequire } from 'node:module';

import { decorate } from '../decorate.mjs';
import { loadNest } from '../nest.mjs';
import { portOption, readOptions } from '../options.mjs';
import { announce, listen, logger, stopOnSignals } from '../service.mjs';

const { nest, host, ...wanted } = readOptions({ port: 0, host: '127.0.0.1' });
const port = portOption(wanted.port);

const require = createRequire(new URL('../pipes/package.json', import.meta.url));
const { common, core, microservices, rxjs } = await loadNest(nest);
const { Catch, Controller, DefaultValuePipe, HttpException, Module, ParseFloatPipe, ParseIntPipe, UseFilters, ValidationPipe } = common;
const { MessagePattern, Payload, Transport } = microservices;

const transformerPackage = require('class-transformer');
const validatorPackage = require('class-validator');
const { IsInt, IsOptional, IsString, Min } = validatorPackage;

class Order {}
member('item', String, IsString());
member('quantity', Number, IsInt(), Min(1));
member('note', String, IsOptional(), IsString());

function member(name, type, ...rules) {
  Reflect.defineMetadata('design:type', type, Order.prototype, name);
  rules.forEach((rule) => rule(Order.prototype, name));
}

class ResponseFilter {
  catch(exception) {
    return rxjs.throwError(() => exception.getResponse());
  }
}
decorate(ResponseFilter, Catch(HttpException));

const validation = (options) => new ValidationPipe({ validatorPackage, transformerPackage, ...options });

const PIPES = {
  plain: validation(),
  whitelist: validation({ whitelist: true }),
  forbid: validation({ whitelist: true, forbidNonWhitelisted: true }),
  implicit: validation({ transform: true, transformOptions: { enableImplicitConversion: true } }),
  int: new ParseIntPipe(),
  float: new ParseFloatPipe(),
  default: new DefaultValuePipe(7),
};

class AppController {}
const members = {};
for (const [name, pipe] of Object.entries(PIPES)) {
  AppController.prototype[name] = (data) => data;
  const pattern = MessagePattern(name);
  const filter = UseFilters(ResponseFilter);
  members[name] = [(...target) => [pattern, filter].forEach((decorator) => decorator(...target)), Payload(pipe)];
}
decorate(AppController, Controller(), members);
// `decorate` does not record types. The validating pipes look for theirs here.
for (const name of Object.keys(PIPES)) {
  Reflect.defineMetadata('design:paramtypes', [Order], AppController.prototype, name);
}

class AppModule {}
decorate(AppModule, Module({ controllers: [AppController] }));

const app = await core.NestFactory.createMicroservice(AppModule, { transport: Transport.TCP, options: { host, port }, logger });
stopOnSignals(app, wanted['with-parent']);
await announce(await listen(app));
