// The command line that the apps and oracles share: `--nest N --port P --host H`, and further flags
// of a program.

import { parseArgs } from 'node:util';

/**
 * Reads the command line. `defaults` holds each flag with its default, `{ port: 8888, 'user-host': 'localhost' }`;
 * a flag whose default is a number is a number, one whose default is null a number or null, one whose default is false a
 * switch. `--nest` and `--with-parent` are always there.
 */
export function readOptions(defaults = {}) {
  const flags = { nest: 12, 'with-parent': false, ...defaults };
  const options = Object.fromEntries(Object.keys(flags).map((flag) => [flag, { type: flags[flag] === false ? 'boolean' : 'string' }]));
  const { values } = parseArgs({ options });
  const entries = Object.entries(flags).map(([flag, standard]) => [flag, read(flag, values[flag], standard)]);
  return Object.fromEntries(entries);
}

/** What to give Nest for `port`: up to major 10 it takes the number 0 for "not given" and listens on 3000. */
export function portOption(port) {
  return port === 0 ? '0' : port;
}

function read(flag, text, standard) {
  const isNumber = typeof standard === 'number' || standard === null;
  if (text === undefined || !isNumber) {
    return text ?? standard;
  }
  if (!/^\d+$/.test(text)) {
    throw new Error(`--${flag} ${text}: not a number`);
  }
  return Number(text);
}
