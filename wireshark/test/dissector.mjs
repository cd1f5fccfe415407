// What the captures' rows do not show: warnings, columns, filters, installation, TLS. `node --test
// wireshark/test/dissector.mjs`.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { CAPTURES, SOURCES, WITH_DISSECTOR, fields, tshark } from './tshark.mjs';

const dissect = (capture, options, settings) => tshark(capture, [...WITH_DISSECTOR, ...options], settings);
const messages = (capture, filter) => {
  const lines = dissect(capture, ['-Y', filter, ...fields(['_ws.expert.message'], '~')]);
  return new Set(lines.flatMap((line) => line.split('~')));
};

test('the Info column says kind, pattern and id of each frame', () => {
  const info = dissect('merged.pcap', ['-Y', 'frame.number == 4', ...fields(['_ws.col.Protocol', '_ws.col.Info'], '~')]);
  assert.match(info[0], /^Nest\tevent log, request sum [0-9a-f]{21}, request \{"cmd":"sum"\} [0-9a-f]{21}$/);
});

test('a length in bytes is warned of', () => {
  assert.deepEqual(messages('byte-counted.pcap', 'nest.byte_counted == 1'), new Set([
    'The length counts bytes: Nest waits for more, and closes at the next frame',
  ]));
});

test('a length in characters is warned of', () => {
  assert.deepEqual(messages('character-counted.pcap', 'nest.counts_characters'), new Set([
    'The length counts characters: Nest takes too little, and closes',
  ]));
});

test('no frame of Nest is warned of', () => {
  for (const capture of ['calls.pcap', 'large.pcap', 'merged.pcap', 'ipv6.pcap']) {
    assert.deepEqual(dissect(capture, ['-Y', 'nest && _ws.expert']), []);
  }
});

test('a frame that is not JSON says so', () => {
  assert.deepEqual(messages('broken.pcap', 'nest.kind == "broken"'), new Set(['Nest closes the connection at this frame: not JSON']));
});

test('bytes outside of frames are noted', () => {
  const [message] = messages('middle.pcap', 'nest.skipped');
  assert.match(message, /^Not the beginning of a frame: /);
});

test('a frame that the capture cuts says so', () => {
  assert.deepEqual(messages('snapped.pcap', 'nest.cut && !nest.kind'), new Set(['The rest of the frame was not captured']));
});

test('requests that nobody answered are found by a filter', () => {
  const unanswered = dissect('missing-segment.pcap', ['-Y', 'nest.kind == "request" && !nest.response_in']);
  assert.deepEqual(unanswered, []);
  const first = dissect('calls.pcap', ['-Y', 'nest.kind == "request" && !nest.response_in'], { passes: 1 });
  assert.equal(first.length, 10, 'in one pass, replies are not known yet');
});

test('a bare tshark finds the dissector in the folder of personal plugins', () => {
  const home = mkdtempSync(join(tmpdir(), 'wireshark-'));
  const plugins = join(home, '.local/lib/wireshark/plugins');
  mkdirSync(plugins, { recursive: true });
  for (const file of readdirSync(SOURCES).filter((name) => name.endsWith('.lua'))) {
    copyFileSync(join(SOURCES, file), join(plugins, file));
  }
  const env = { HOME: home, XDG_CONFIG_HOME: home };
  const kinds = tshark('ipv6.pcap', ['-Y', 'nest', ...fields(['nest.kind'], '~')], { env });
  rmSync(home, { recursive: true });
  assert.ok(kinds.includes('no handler'), kinds.join());
});

test('frames inside TLS are found when the keys are known', () => {
  const keys = ['-o', `tls.keylog_file:${CAPTURES}tls.keys`];
  const found = dissect('tls.pcap', [...keys, '-Y', 'nest', ...fields(['nest.kind', 'nest.pattern'], '~')]);
  assert.deepEqual(found.sort(), ['event\tlog', 'last value\tsum', 'no handler\tnope', 'request\tnope', 'request\tsum']);
});
