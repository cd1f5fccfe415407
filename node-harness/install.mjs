// Installs the pinned majors: `node install.mjs` all of them, `node install.mjs 7 12` (or `nest-7`) these.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { MAJORS } from './nest.mjs';

const asked = process.argv.slice(2).map((name) => Number(name.replace(/^nest-/, '')));

for (const major of asked.length > 0 ? asked : MAJORS) {
  if (!MAJORS.includes(major)) {
    console.error(`no such major: one of ${MAJORS.join(', ')}`);
    process.exit(2);
  }
  console.log(`installing nest-${major}`);
  const cwd = fileURLToPath(new URL(`./nest-${major}/`, import.meta.url));
  const { error, status } = spawnSync('npm', ['ci'], { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  if (error || status !== 0) {
    console.error(`nest-${major}: npm ci failed${error ? `: ${error.message}` : ''}`);
    process.exit(1);
  }
  console.log(`installed nest-${major}`);
}
