// The last hop of a trace: a service that reads its caller's context with TcpContext.getMetadata()
// and OpenTelemetry's own API. Nest 12 only.
//
//     node apps/traced-service.mjs [--port 0] [--host 127.0.0.1]

import { decorate } from '../decorate.mjs';
import { loadNest } from '../nest.mjs';
import { portOption, readOptions } from '../options.mjs';
import { announce, listen, logger, stopOnSignals } from '../service.mjs';
import { tracing } from '../tracing.mjs';

const { nest, host, ...wanted } = readOptions({ port: 0, host: '127.0.0.1' });
const port = portOption(wanted.port);

const { common, core, microservices } = await loadNest(nest);
const { Controller, Module } = common;
const { NestFactory } = core;
const { Ctx, MessagePattern, Payload, Transport } = microservices;
const { start, parentIn, idsOf } = await tracing();

class AppController {
  /** Answers with the ids of a span of its own, and the metadata as it came. */
  leaf(data, context) {
    const metadata = context.getMetadata();
    const span = start('leaf', parentIn(metadata));
    span.end();
    return { ...idsOf(span), metadata };
  }
}
decorate(AppController, Controller(), { leaf: [MessagePattern('leaf'), Payload(), Ctx()] });

class AppModule {}
decorate(AppModule, Module({ controllers: [AppController] }));

const app = await NestFactory.createMicroservice(AppModule, { transport: Transport.TCP, options: { host, port }, logger });
stopOnSignals(app, wanted['with-parent']);
await announce(await listen(app));
