// Lets tshark read each capture of `fixtures/captures` with the dissector, and compares what it
// finds with the rows beside the capture, which were worked out without tshark: `node --test
// wireshark/test/captures.mjs`.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { CAPTURES, WITH_DISSECTOR, fields, tshark } from './tshark.mjs';

/** A character that no field contains, between the values of several frames in a packet. */
const BETWEEN = '~';
const SETTINGS = ['default', 'tcp.reassemble_out_of_order', 'tcp.try_heuristic_first'];
/**
 * Captures that are read right with one setting only; README.md says why. All others are read with
 * the first two.
 */
const ONLY_WITH = {
  default: /^(missing-segment|snapped)/,
  'tcp.reassemble_out_of_order': /out-of-order|retransmitted/,
  'tcp.try_heuristic_first': /^port-8080/,
};

const captures = readdirSync(CAPTURES).filter((name) => /\.pcap(ng)?$/.test(name));

for (const setting of SETTINGS) {
  const options = setting === 'default' ? [] : ['-o', `${setting}:TRUE`];
  for (const capture of captures.filter((name) => isReadWith(name, setting))) {
    test(`tshark finds in ${capture} what is there, with the setting ${setting}`, () => {
      const { columns, packets } = expected(capture.replace(/\..*/, ''));
      const found = tshark(capture, [...WITH_DISSECTOR, '-Y', 'nest', ...fields(columns, BETWEEN), ...options]);
      assert.deepEqual(found, packets);
    });
  }
}

function isReadWith(capture, setting) {
  const only = SETTINGS.find((name) => ONLY_WITH[name].test(capture));
  return only === undefined ? setting !== 'tcp.try_heuristic_first' : only === setting;
}

/**
 * The rows of a capture, those of a packet joined as tshark joins them: the values that are there.
 */
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
