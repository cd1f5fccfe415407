// Runs tshark on the captures of `fixtures/captures`.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const CAPTURES = fileURLToPath(new URL('../../fixtures/captures/', import.meta.url));
export const SOURCES = fileURLToPath(new URL('../', import.meta.url));
export const WITH_DISSECTOR = ['-X', `lua_script:${SOURCES}nest.lua`];

/**
 * Reads a capture, in two passes: replies are known when their requests are shown. Returns the
 * lines that tshark prints.
 */
export function tshark(capture, options, { passes = 2, env = {} } = {}) {
  const passFlags = passes === 2 ? ['-2'] : [];
  const output = execFileSync('tshark', [...passFlags, '-r', `${CAPTURES}${capture}`, ...options], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
    // As root, tshark says each time that this may be dangerous.
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return output.split('\n').filter((line) => line !== '');
}

/** The options that print these fields, with `between` between the values of one packet. */
export function fields(names, between) {
  return ['-T', 'fields', '-E', `aggregator=${between}`, ...names.flatMap((name) => ['-e', name])];
}
