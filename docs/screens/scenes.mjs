// What is typed in each picture. A real Nest service listens at 8888, and one in Rust at 9000.

import { connect } from 'node:net';

/** Lets Nest's HTTP service ask, through a proxy at this port, for each page in turn. */
async function ask(shell, port, pages) {
  const main = await shell.app('microservice-test-main.mjs', '3000', '--user-host', '127.0.0.1', '--user-port', shell.real(port));
  for (const page of pages) await (await fetch(`http://127.0.0.1:${shell.real('3000')}/${page}`)).text();
  await shell.stop(main);
}

/** Sends bytes on a connection of their own, and waits until the other side has read them. */
function sendBytes(port, bytes) {
  return new Promise((done) => connect(port, '127.0.0.1').on('close', done).resume().end(bytes));
}

/** Types lines, one after another. */
async function typed(shell, ...lines) {
  const screens = [];
  for (const line of lines) screens.push(await shell.type(line));
  return screens.join('\n');
}

const calls = (shell) => ({
  send: () => typed(shell,
    `nest-wire send localhost:8888 stream '["a","b"]'`,
    `nest-wire send -v localhost:8888 sum '[1,2,3]'`,
    `nest-wire send localhost:8888 rpc-error '"no such user"'`,
    `nest-wire send localhost:8888 add '[1,2]'`,
    `nest-wire send localhost:8888 ping hello`),
  emit: () => typed(shell, `nest-wire emit -v localhost:8888 log '"求和"'`),
  check: () => typed(shell,
    `nest-wire check --wait 30s --expect '"pong"' localhost:8888 ping`,
    `nest-wire check --expect-at '/pattern="ping"' localhost:8888 context`),
  route: () => typed(shell,
    `nest-wire route --explain '{"cmd":"sum"}' '{"cmd": "sum"}'`,
    `nest-wire route --explain 1e3`,
    `nest-wire route --nats 'two words'`),
});

async function tap(shell) {
  const tap = await shell.start('nest-wire tap --listen 8889 --to localhost:8888', '8889');
  await ask(shell, '8889', ['sum?num=3,5,6', 'object', 'stream', 'error']);
  return shell.interrupt(tap, /^\d+ packets on /m);
}

/** Leaves orders.jsonl for the scenes that follow. */
async function record(shell) {
  const record = await shell.start('nest-wire record -q --listen 8889 --to localhost:8888 -o orders.jsonl', '8889');
  await ask(shell, '8889', ['sum?num=3,5,6', 'object', 'error', 'missing']);
  await sendBytes(shell.real('8889'), '33#{"pattern":"log","data":"求和"}');
  return shell.interrupt(record, /^\d+ packets on /m);
}

const readings = (shell) => ({
  inspect: () => typed(shell, 'nest-wire inspect orders.jsonl --pairs', 'nest-wire inspect orders.jsonl --errors'),
  report: () => typed(shell, 'nest-wire report orders.jsonl -o orders.html'),
  replay: () => typed(shell, 'nest-wire replay orders.jsonl --skip-broken --to localhost:9000'),
  new: () => typed(shell,
    'nest-wire new math --from orders.jsonl',
    `sed -n '/^pub fn router/,/^}/p' math/src/handlers.rs`),
});

async function serve(shell) {
  const rules = [
    { pattern: 'sum', value: '{{ data | sum }}' },
    { pattern: 'find', when: { '/id': 42 }, value: { name: 'Ada' }, after: '20ms' },
    { pattern: 'find', error: { status: 'error', message: 'no user {{ data.id }}' } },
  ];
  shell.write('rules.json', `[ ${rules.map((rule) => JSON.stringify(rule)).join(',\n  ')} ]\n`);
  const shown = await shell.type('cat rules.json');
  const serve = await shell.start('nest-wire serve --listen 8887 --replies rules.json', '8887');
  await shell.type(`nest-wire send localhost:8887 sum '[1,2,3]'`);
  await shell.type(`nest-wire send localhost:8887 find '{"id":42}'`);
  await shell.type(`nest-wire send localhost:8887 find '{"id":7}'`);
  return `${shown}\n${await shell.interrupt(serve, /^\d+ requests, /m)}`;
}

/** One of the services has gone: no call is lost. */
async function bridge(shell) {
  const gone = await shell.start('nest-wire serve --listen 8887', '8887');
  await shell.stop(gone);
  const bridge = await shell.start('nest-wire bridge -v --listen 8889 --to localhost:8888 --to localhost:8887', '8889');
  const asked = await typed(shell, `nest-wire send localhost:8889 sum '[1,2,3]'`, `nest-wire send localhost:8889 sum '[4]'`);
  return `${await shell.interrupt(bridge, /^\d+ requests, /m)}\n${asked}`;
}

/** Nest, and then the service in Rust. A debug build says that it measures itself: that is no part of the picture. */
async function bench(shell) {
  const screen = await typed(shell,
    `nest-wire bench -z 1s -o nest.json localhost:8888 sum '[1,2,3]'`,
    `nest-wire bench -z 1s --against nest.json localhost:9000 sum '[1,2,3]'`);
  return screen.replace(/^warning: .*\n/gm, '');
}

/** A candidate that is right about one sum and wrong about the other. */
async function shadow(shell) {
  shell.write('candidate.json', JSON.stringify([{ pattern: 'sum', value: '{{ data | sum }}' }, { pattern: { cmd: 'sum' }, value: 7 }]));
  const candidate = await shell.start('nest-wire serve --listen 8887 --replies candidate.json', '8887');
  const shadow = await shell.start('nest-wire shadow --listen 8889 --primary localhost:8888 --candidate localhost:8887', '8889');
  await ask(shell, '8889', ['sum?num=3,5,6', 'object', 'sum?num=1,2']);
  const screen = await shell.interrupt(shadow, /^sum {2}/m);
  await shell.stop(candidate);
  return screen;
}

/** Returns each picture by the name of its command: what the screen shows, and whether it shows measurements. */
export async function scenes(shell) {
  const nest = await shell.app('conformance-service.mjs', '8888');
  const rust = await shell.start('nest-wire demo-service user --host 127.0.0.1 --port 0', '9000');
  const all = {
    ...calls(shell),
    tap: () => tap(shell),
    record: () => record(shell),
    ...readings(shell),
    serve: () => serve(shell),
    bridge: () => bridge(shell),
    bench: () => bench(shell),
    shadow: () => shadow(shell),
  };
  const screens = {};
  for (const [name, scene] of Object.entries(all)) screens[name] = { screen: await scene(), isMeasured: name === 'bench' };
  await Promise.all([shell.stop(nest), shell.stop(rust)]);
  return screens;
}
