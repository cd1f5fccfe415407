// One pinned major of Nest, loaded from its own folder `nest-N/`.
//
// The packages of a major require one another by name, so each major needs a `node_modules` of its
// own. A require that starts in that folder finds them, and Nest then finds the rest (express too)
// from its own location. Majors 7 to 11 are CommonJS, 12 is ES modules: `import()` loads both.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

export const MAJORS = [7, 8, 9, 10, 11, 12];

/**
 * The packages an app imports, of a major's own folder or of another one that has that major. `rxjs` also holds the
 * operators, which rxjs 6 keeps in `rxjs/operators`.
 */
export async function loadNest(major, folder) {
  // Nest's decorators write through `Reflect.defineMetadata`, so it must be loaded before them.
  await loadFrom(major, 'reflect-metadata', folder);
  const common = await loadFrom(major, '@nestjs/common', folder);
  const core = await loadFrom(major, '@nestjs/core', folder);
  const microservices = await loadFrom(major, '@nestjs/microservices', folder);
  const operators = await loadFrom(major, 'rxjs/operators', folder);
  // If names clash (`concat`, `merge`, …), the function that creates a stream takes precedence over
  // the old operator.
  const rxjs = { ...operators, ...(await loadFrom(major, 'rxjs', folder)) };
  return { common, core, microservices, rxjs };
}

/** Any module of that major, also one its package does not export: `@nestjs/microservices/helpers/json-socket.js`. */
export async function loadFrom(major, specifier, folder = `nest-${major}`) {
  if (!MAJORS.includes(major)) {
    throw new Error(`no Nest ${major} here: one of ${MAJORS.join(', ')}`);
  }
  const { resolve } = createRequire(new URL(`./${folder}/package.json`, import.meta.url));
  const module = await import(pathToFileURL(resolve(specifier)));
  // The exports of CommonJS are the default export: the named ones are only those that Node could
  // detect.
  return module.default ?? module;
}
