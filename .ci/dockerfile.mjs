// Runs the steps of a Dockerfile without a container engine: `node .ci/dockerfile.mjs CONTEXT CACHE NAME=CONTEXT …`.
//
// Each stage is an empty folder. What its base image would bring is taken from this machine: the toolchain for a stage
// with RUN steps, and for one without them the C library, as `ldd` lists it. RUN steps see neither the checkout nor this
// process's environment; cache mounts below WORKDIR become links into the folder CACHE. Prints the last stage as JSON:
// `{"root": …, "entrypoint": […], "env": {…}}`.
//
// Knows FROM, WORKDIR, COPY, RUN, ENV, EXPOSE and ENTRYPOINT. Anything else is an error: no step is skipped in silence.

import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

const [context, cache, ...named] = process.argv.slice(2);
const contexts = new Map(named.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));

// The same folder for the same checkout: cargo finds again what it has compiled there.
const key = createHash('sha256').update(resolve(context)).digest('hex').slice(0, 12);
const top = join(tmpdir(), `nest-wire-dockerfile-${key}`);
rmSync(top, { recursive: true, force: true });

const stages = new Map();
let stage;

const within = (path) => join(stage.root, path.startsWith('/') ? path : join(stage.workdir, path));

/** Copies as Docker does: into a target that ends with `/`, else as the target; of a folder, its content. */
function copy(words) {
  const from = words[0].startsWith('--from=') ? words.shift().slice('--from='.length) : undefined;
  const source = from === undefined ? context : (stages.get(from)?.root ?? contexts.get(from));
  if (source === undefined) throw new Error(`COPY: there is no stage or context \`${from}\``);
  const target = words.pop();
  for (const word of words) {
    const path = join(source, word);
    const intoFolder = !statSync(path).isDirectory() && (target.endsWith('/') || words.length > 1);
    const to = intoFolder ? join(within(target), basename(word)) : within(target);
    mkdirSync(dirname(to), { recursive: true });
    const isWanted = (file) => !['target', 'node_modules', '.git'].includes(basename(file));
    cpSync(path, to, { recursive: true, preserveTimestamps: true, filter: isWanted });
  }
}

function run(command) {
  const mounts = [...command.matchAll(/--mount=type=cache,target=(\S+)\s*/g)].map(([, path]) => path);
  for (const path of mounts.filter((path) => path.startsWith(`${stage.workdir}/`))) {
    mkdirSync(resolve(cache), { recursive: true });
    symlinkSync(resolve(cache), within(path));
  }
  // Absolute paths are those of the stage.
  const shell = command.replaceAll(/--mount=\S+\s*/g, '').replaceAll(/(?<=\s)\/(?=\w)/g, `${stage.root}/`);
  const home = process.env.HOME ?? '/root';
  const env = {
    PATH: process.env.PATH,
    HOME: stage.root,
    CARGO_HOME: process.env.CARGO_HOME ?? join(home, '.cargo'),
    RUSTUP_HOME: process.env.RUSTUP_HOME ?? join(home, '.rustup'),
  };
  const { status } = spawnSync('sh', ['-ec', shell], { cwd: within('.'), env, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`RUN ${command}: status ${status}`);
}

/** Puts the libraries that a program needs where the base image has them. */
function addLibraries(program) {
  const listed = execFileSync('ldd', [program], { encoding: 'utf8' });
  for (const [library] of listed.matchAll(/\/\S+(?= \()/g)) {
    if (!existsSync(join(stage.root, library))) cpSync(library, join(stage.root, library), { dereference: true });
  }
}

const steps = {
  FROM(text) {
    const name = / AS (\S+)$/i.exec(text)?.[1] ?? String(stages.size);
    stage = { root: join(top, name), workdir: '/', env: {}, entrypoint: [] };
    stages.set(name, stage);
    mkdirSync(stage.root, { recursive: true });
  },
  WORKDIR(text) {
    stage.workdir = resolve(stage.workdir, text);
    mkdirSync(within('.'), { recursive: true });
  },
  COPY: (text) => copy(text.split(/\s+/)),
  RUN: run,
  ENV(text) {
    for (const pair of text.split(/\s+/)) stage.env[pair.slice(0, pair.indexOf('='))] = pair.slice(pair.indexOf('=') + 1);
  },
  EXPOSE() {},
  ENTRYPOINT(text) {
    stage.entrypoint = JSON.parse(text);
    addLibraries(join(stage.root, stage.entrypoint[0]));
  },
};

const lines = readFileSync(join(context, 'Dockerfile'), 'utf8').replaceAll(/^#.*\n/gm, '').replaceAll('\\\n', ' ');
for (const line of lines.split('\n').filter((line) => line.trim() !== '')) {
  const [, step, text] = /^(\w+)\s+(.*)$/.exec(line.trim());
  if (steps[step] === undefined) throw new Error(`unknown step ${step}`);
  steps[step](text.trim());
}
const { root, entrypoint, env } = stage;
console.log(JSON.stringify({ root, entrypoint, env }));
