// Returns the route of a pattern, as the server registers it and as it looks up an incoming one.
//
//     node oracles/route.mjs [--nest 12]
//
// An input line is a pattern. An output line is `{"registered":R,"incoming":R}`, where R is the
// route as it is (a string, or `null`, `true`, `false`), `{"undefined":true}`, or
// `{"error":"<message>"}` if Nest threw.

import { printLine, readLines } from '../lines.mjs';
import { loadFrom, loadNest } from '../nest.mjs';
import { readOptions } from '../options.mjs';

const { nest } = readOptions();
const { microservices } = await loadNest(nest);
const { transformPatternToRoute } = await loadFrom(
  nest,
  '@nestjs/microservices/utils/transform-pattern.utils.js',
);
const server = new microservices.ServerTCP({});

for await (const line of readLines()) {
  const pattern = JSON.parse(line);
  printLine({
    registered: attempt(() => transformPatternToRoute(pattern)),
    incoming: attempt(() => server.getRouteFromPattern(asString(pattern))),
  });
}

/** What ServerTCP does with an incoming pattern before it looks for the handler; a method of its own since 11. */
function asString(pattern) {
  if (server.getPatternAsString) {
    return server.getPatternAsString(pattern);
  }
  return typeof pattern === 'string' ? pattern : JSON.stringify(pattern);
}

function attempt(route) {
  try {
    const value = route();
    return value === undefined ? { undefined: true } : value;
  } catch (error) {
    return { error: error.message };
  }
}
