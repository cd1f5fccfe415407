// Runs what a user types, in a folder of its own, and keeps what is printed.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const apps = fileURLToPath(new URL('../../node-harness/apps/', import.meta.url));

export class Shell {
  #folder = mkdtempSync(join(tmpdir(), 'nest-wire-screens-'));
  #running = new Set();
  /** The port that a picture shows, and the port that the system has given in its place. */
  #ports = new Map();
  #env;

  /** A shell that knows this program as `nest-wire`. */
  constructor(program) {
    const path = [dirname(program), process.env.PATH].join(delimiter);
    this.#env = { ...process.env, PATH: path, CLICOLOR_FORCE: '1', NO_COLOR: undefined };
  }

  /** Runs a line to its end. Returns it, and what it has printed. */
  async type(line) {
    const child = this.#start(this.#real(line));
    await child.ended;
    return this.#screen(line, child.printed);
  }

  /** Starts a program that listens, at the port that is shown as this one. */
  async start(line, port) {
    const child = this.#start(`exec ${this.#real(line)}`);
    this.#ports.set(port, await child.port);
    return { line, child };
  }

  /** Starts one of the services of node-harness. */
  app(name, port, ...args) {
    const nest = ['--nest', '12', '--host', '127.0.0.1', '--port', '0'];
    return this.start(['node', join(apps, name), ...nest, ...args].join(' '), port);
  }

  /** Ends a program as Ctrl-C does. Returns its line and what it has printed; its summary begins as `summary` does. */
  async interrupt({ line, child }, summary) {
    child.process.kill('SIGINT');
    await child.ended;
    const start = child.printed.search(summary);
    if (start < 0) throw new Error(`${line}: no ${summary} in ${child.printed}`);
    return this.#screen(line, `${child.printed.slice(0, start)}^C\n${child.printed.slice(start)}`);
  }

  /** Ends a program of which nothing is shown. */
  async stop({ child }) {
    child.process.kill('SIGINT');
    await child.ended;
  }

  /** The port of the system in place of one that is shown. */
  real(port) {
    return this.#ports.get(port);
  }

  write(file, text) {
    writeFileSync(join(this.#folder, file), text);
  }

  close() {
    for (const process of this.#running) process.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #start(command) {
    // Both outputs are one text, in the order in which they come.
    const stdio = ['ignore', 'pipe', 'inherit'];
    const process = spawn('sh', ['-c', `exec 2>&1; ${command}`], { cwd: this.#folder, env: this.#env, stdio });
    this.#running.add(process);
    const child = { process, printed: '' };
    child.ended = new Promise((done) => process.on('close', done)).then(() => this.#running.delete(process));
    child.port = new Promise((found, failed) => {
      process.stdout.setEncoding('utf8').on('data', (chunk) => {
        child.printed += chunk;
        const port = /^listening \S+:(\d+)$/m.exec(child.printed)?.[1];
        if (port !== undefined) found(port);
      });
      process.on('close', () => failed(new Error(`${command}: ${child.printed}`)));
    });
    // Most commands do not listen.
    child.port.catch(() => {});
    return child;
  }

  /** A new listener gets any free port, and callers that of the listener. */
  #real(line) {
    return line
      .replace(/--listen \d+/g, '--listen 127.0.0.1:0')
      .replace(/localhost:(\d+)/g, (_, port) => `127.0.0.1:${this.#ports.get(port)}`);
  }

  #screen(line, printed) {
    let shown = printed;
    for (const [port, real] of this.#ports) shown = shown.replaceAll(`127.0.0.1:${real}`, `127.0.0.1:${port}`);
    return `$ ${line}\n${shown}`;
  }
}
