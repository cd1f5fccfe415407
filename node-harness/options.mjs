// The command line the apps and oracles share: `--nest N --port P --host H`, and whatever a program adds.

import { once } from 'node:events';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';

/**
 * Reads the command line. `defaults` holds each flag with its default, `{ port: 8888, 'user-host': 'localhost' }`;
 * a flag whose default is a number is a number. `--nest` is always there.
 */
export function readOptions(defaults = {}) {
  const flags = { nest: 12, ...defaults };
  const options = Object.fromEntries(Object.keys(flags).map((flag) => [flag, { type: 'string' }]));
  const { values } = parseArgs({ options });
  const entries = Object.entries(flags).map(([flag, standard]) => [flag, read(flag, values[flag], standard)]);
  return Object.fromEntries(entries);
}

/** `port` itself, or a free one for 0: up to major 10 Nest takes 0 for "not given" and listens on 3000. */
export async function choosePort(port, host) {
  if (port !== 0) {
    return port;
  }
  const probe = createServer().listen(0, host);
  await once(probe, 'listening');
  const free = probe.address().port;
  probe.close();
  await once(probe, 'close');
  return free;
}

function read(flag, text, standard) {
  if (text === undefined || typeof standard === 'string') {
    return text ?? standard;
  }
  if (!/^\d+$/.test(text)) {
    throw new Error(`--${flag} ${text}: not a number`);
  }
  return Number(text);
}
