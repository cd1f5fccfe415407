// Transport options beyond Nest's defaults: TLS, or a custom socket class with custom packets.

import { readFileSync } from 'node:fs';

import { loadNest } from './nest.mjs';

/** The flags to add to a program's own: `--cert F --key F --ca F` (PEM files), `--mutual`, `--framing length-prefixed`. */
export const transportFlags = { cert: '', key: '', ca: '', mutual: false, framing: '' };

/** What those flags add to Nest's TCP options, of a microservice and of a client alike. */
export async function transportOptions({ nest, cert, key, ca, mutual, framing }) {
  const options = {};
  if (cert || ca) {
    const read = (file) => file && readFileSync(file);
    // A client ignores `requestCert`.
    options.tlsOptions = { cert: read(cert), key: read(key), ca: read(ca) || undefined, requestCert: mutual, rejectUnauthorized: true };
  }
  if (framing) {
    Object.assign(options, await framings[framing](nest));
  }
  return options;
}

const framings = { 'length-prefixed': lengthPrefixed };

/** Packets as JSON behind their length in bytes, four of them, big-endian, with members by short names. */
async function lengthPrefixed(nest) {
  const { TcpSocket } = (await loadNest(nest)).microservices;
  class LengthPrefixedSocket extends TcpSocket {
    received = Buffer.alloc(0);

    handleSend(message, callback) {
      const text = Buffer.from(JSON.stringify(message));
      const header = Buffer.alloc(4);
      header.writeUInt32BE(text.length);
      this.socket.write(Buffer.concat([header, text]), callback);
    }

    handleData(data) {
      this.received = Buffer.concat([this.received, data]);
      while (this.received.length >= 4) {
        const end = 4 + this.received.readUInt32BE(0);
        if (this.received.length < end) {
          return;
        }
        const text = this.received.toString('utf8', 4, end);
        this.received = this.received.subarray(end);
        this.emitMessage(text);
      }
    }
  }
  return {
    socketClass: LengthPrefixedSocket,
    serializer: { serialize: (packet) => renamed(packet, SHORT) },
    deserializer: { deserialize: (packet) => renamed(packet, LONG) },
  };
}

const SHORT = { pattern: 'p', data: 'd', metadata: 'm', id: 'i', response: 'r', err: 'e', isDisposed: 'z', status: 's' };
const LONG = Object.fromEntries(Object.entries(SHORT).map(([long, short]) => [short, long]));

function renamed(packet, names) {
  return Object.fromEntries(Object.entries(packet).map(([name, value]) => [names[name] ?? name, value]));
}
