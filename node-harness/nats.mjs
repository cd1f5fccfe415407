// Nest's NATS transport: the package that each major uses, and a service of it.

import { loadFrom } from './nest.mjs';

/** The function that makes empty headers. Nest 12 uses another package of NATS than Nest 11. */
export async function natsHeaders(major) {
  const { headers } = await loadFrom(major, major >= 12 ? '@nats-io/transport-node' : 'nats');
  return headers;
}

/** Prints the line that says the service has subscribed: the address is the NATS server's. */
export async function announceNats(app, nats) {
  await app.listen();
  // The subscriptions are on their way: the server answers once it has read them.
  await app.unwrap().flush();
  process.stdout.write(`listening ${new URL(nats).host}\n`);
}
