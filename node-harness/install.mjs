// Installs the pinned majors: `node install.mjs` installs all of Nest's, `node install.mjs 7 12`
// (or `nest-7`) these. Other versions of Node (Linux, x86-64), the packages of pipes, the browser of
// reports and the compiler of types are installed only if they are named: `node install.mjs node-22
// pipes report types`.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { MAJORS } from './nest.mjs';

const FOLDERS = [...MAJORS.map((major) => `nest-${major}`), 'node-22', 'node-24', 'node-26', 'pipes', 'report', 'types'];

const asked = process.argv.slice(2).map((name) => (/^\d+$/.test(name) ? `nest-${name}` : name));

for (const name of asked.length > 0 ? asked : MAJORS.map((major) => `nest-${major}`)) {
  if (!FOLDERS.includes(name)) {
    console.error(`no such folder: one of ${FOLDERS.join(', ')}`);
    process.exit(2);
  }
  console.log(`installing ${name}`);
  const cwd = fileURLToPath(new URL(`./${name}/`, import.meta.url));
  const { error, status } = spawnSync('npm', ['ci'], { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error || status !== 0) {
    console.error(`${name}: npm ci failed${error ? `: ${error.message}` : ''}`);
    process.exit(1);
  }
  console.log(`installed ${name}`);
}
