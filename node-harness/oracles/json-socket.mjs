// Reads chunks of bytes with the real JsonSocket.
//
//     node oracles/json-socket.mjs [--nest 12]
//
// An input line is one conversation, `["<base64 of a chunk>", …]` or
// `{"chunks":[…],"maxBufferSize":N}`. An output line is its result, `{"messages":["<JSON text>",
// …],"errors":["<message>", …],"ended":false,"destroyed":false}`.

import { EventEmitter } from 'node:events';

import { printLine, readLines } from '../lines.mjs';
import { loadFrom } from '../nest.mjs';
import { readOptions } from '../options.mjs';

const { nest } = readOptions();
const { JsonSocket } = await loadFrom(nest, '@nestjs/microservices/helpers/json-socket.js');

function hear(chunks, { maxBufferSize } = {}) {
  const socket = new SilentSocket();
  const messages = [];
  const errors = [];
  const jsonSocket = new JsonSocket(socket, { maxBufferSize });
  jsonSocket.on('message', (message) => messages.push(message));
  jsonSocket.on('error', (message) => errors.push(message));
  for (const chunk of chunks) {
    socket.deliver(Buffer.from(chunk, 'base64'));
  }
  const { ended, destroyed } = socket;
  // Clears the timer of an incomplete packet.
  socket.emit('close');
  // Stringify only now: JSON.stringify may overflow the stack, and JsonSocket would take that for
  // its own error.
  return { messages: messages.map(asText), errors, ended, destroyed };
}

function asText(message) {
  try {
    return JSON.stringify(message);
  } catch (error) {
    return `cannot be written: ${error.message}`;
  }
}

/** As much of a `net.Socket` as JsonSocket touches, with nobody at the other end. */
class SilentSocket extends EventEmitter {
  ended = false;
  destroyed = false;
  writableLength = 0;

  /** After `end()` a socket still reads, after `destroy()` no more; an empty chunk it never hands on. */
  deliver(chunk) {
    if (!this.destroyed && chunk.length > 0) {
      this.emit('data', chunk);
    }
  }

  end() {
    this.ended = true;
  }

  destroy() {
    this.destroyed = true;
  }

  write() {
    return true;
  }

  pause() {}
  resume() {}
}

for await (const line of readLines()) {
  const conversation = JSON.parse(line);
  printLine(Array.isArray(conversation) ? hear(conversation) : hear(conversation.chunks, conversation));
}
