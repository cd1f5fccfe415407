// Lets tshark read each capture of `fixtures/captures` with the dissector, and compares what it finds with the rows beside
// the capture, which were worked out without tshark: `node --test wireshark/test/captures.mjs`.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const DISSECTOR = fileURLToPath(new URL('../nest.lua', import.meta.url));
const CAPTURES = fileURLToPath(new URL('../../fixtures/captures/', import.meta.url));
/** A character that no field contains, between the values of several frames in a packet. */
const BETWEEN = '~';
const SETTINGS = { default: [], 'tcp.reassemble_out_of_order': ['-o', 'tcp.reassemble_out_of_order:TRUE'] };
/** Captures that need one of the settings: without it TCP puts nothing in order, with it it waits for bytes for ever. */
const ONLY_IN = {
  default: /^(missing-segment|snapped)/,
  'tcp.reassemble_out_of_order': /out-of-order|retransmitted/,
};

const captures = readdirSync(CAPTURES).filter((name) => /\.pcap(ng)?$/.test(name));

for (const [setting, options] of Object.entries(SETTINGS)) {
  for (const capture of captures.filter((name) => isFor(name, setting))) {
    test(`tshark finds in ${capture} what is there, with the setting ${setting}`, () => {
      const { columns, packets } = expected(capture.replace(/\..*/, ''));
      assert.deepEqual(tshark(capture, ['-Y', 'nest', ...fields(columns), ...options]), packets);
    });
  }
}

function isFor(capture, setting) {
  const needed = Object.keys(ONLY_IN).find((name) => ONLY_IN[name].test(capture));
  return needed === undefined || needed === setting;
}

/** The rows of a capture, those of a packet joined as tshark joins them: the values that are there. */
function expected(name) {
  const [header, ...rows] = readFileSync(`${CAPTURES}${name}.tsv`, 'utf8').trimEnd().split('\n');
  const numbers = new Map();
  for (const row of rows.map((line) => line.split('\t'))) {
    numbers.set(row[0], [...(numbers.get(row[0]) ?? []), row]);
  }
  const joined = ([number, frames]) => [number, ...header.split('\t').slice(1).map((_, index) => present(frames, index + 1))];
  return { columns: header.split('\t'), packets: [...numbers].map((packet) => joined(packet).join('\t')) };
}

function present(frames, index) {
  return frames.map((row) => row[index]).filter((value) => value !== '').join(BETWEEN);
}

function fields(columns) {
  return ['-T', 'fields', '-E', `aggregator=${BETWEEN}`, ...columns.flatMap((column) => ['-e', column])];
}

function tshark(capture, options) {
  const passes = ['-2', '-r', `${CAPTURES}${capture}`, '-X', `lua_script:${DISSECTOR}`];
  const output = execFileSync('tshark', [...passes, ...options], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 });
  return output.split('\n').filter((line) => line !== '');
}
