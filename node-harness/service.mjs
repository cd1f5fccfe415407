// The start and end of a service: standard output reports when it listens, a signal ends it.

import { once } from 'node:events';

const PATIENCE_MS = 2000;

/** Nest's logger. Failures go to standard error; the rest is dropped, for standard output belongs to the handlers. */
export const logger = {
  log() {},
  debug() {},
  verbose() {},
  warn: (...words) => console.error('warn', ...words),
  error: (...words) => console.error('error', ...words),
  fatal: (...words) => console.error('fatal', ...words),
};

/** Starts a microservice and resolves with the `net.Server` below it. */
export async function listen(app) {
  // Major 7 takes a callback, the others return a promise.
  await new Promise((resolve, reject) => app.listen(resolve)?.then(resolve, reject));
  // Up to major 10 the transport's server is `server`, in later majors `serverInstance`.
  return (app.serverInstance ?? app.server).server;
}

/** Prints the one line that says the service accepts: `listening 127.0.0.1:8888`, `listening [::1]:8888`, or a path. */
export async function announce(server) {
  // Major 7's HTTP `listen()` resolves before the server listens.
  if (!server.listening) {
    await once(server, 'listening');
  }
  const bound = server.address();
  const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  process.stdout.write(`listening ${typeof bound === 'string' ? bound : `${host}:${bound.port}`}\n`);
}

/**
 * On SIGTERM or SIGINT, closes `app` and ends the process with status 0. So it does `withParent` when standard input
 * ends: whoever started the process holds the other end, and however it dies, the system closes that.
 */
export function stopOnSignals(app, withParent) {
  let stopping = false;
  const stop = async () => {
    // A second signal (from the terminal and its shell) must not cut the first one short.
    if (stopping) {
      return;
    }
    stopping = true;
    // A connection that a client keeps open may delay an HTTP server's close for ever.
    setTimeout(() => process.exit(0), PATIENCE_MS);
    await app.close();
    // Up to major 10 the transport continues to serve its connections: only the end of the process
    // stops it.
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  if (withParent) {
    process.stdin.on('end', stop).resume();
  }
}
