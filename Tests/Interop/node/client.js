'use strict';

// Checks an echo server at URL with ws for Node.js.
//
//   node client.js URL [--cafile FILE] [--limit BYTES] [--timeout SECONDS] [--deflate declined|accepted]
//                  [--only NAME]... [--skip NAME]...
//
// Prints "ok NAME" or "FAIL NAME: detail" per check; exits 0 only if all passed. --limit is the largest message
// that the server accepts (16 MiB unless told): one byte less must come back, one byte more must end in 1009.
// Every check waits for --timeout (20 s) at most. --deflate is what the server does with an offer of
// permessage-deflate ("declined" unless told).

const assert = require('assert');
const crypto = require('crypto');
const fs = require('fs');
const WebSocket = require('./ws.js');

const MIB = 1024 * 1024;

function usage(problem) {
  console.error(`client.js: ${problem}`);
  process.exit(2);
}

function parseArguments(args) {
  const options = {
    url: undefined,
    ca: undefined,
    limit: 16 * MIB,
    timeout: 20,
    deflate: 'declined',
    only: [],
    skip: []
  };
  while (args.length > 0) {
    const name = args.shift();
    if (name === '--cafile') options.ca = fs.readFileSync(args.shift());
    else if (name === '--limit') options.limit = Number(args.shift());
    else if (name === '--timeout') options.timeout = Number(args.shift());
    else if (name === '--deflate') options.deflate = args.shift();
    else if (name === '--only') options.only.push(args.shift());
    else if (name === '--skip') options.skip.push(args.shift());
    else if (options.url === undefined && !name.startsWith('-')) options.url = name;
    else usage(`unknown argument ${name}`);
  }
  if (options.url === undefined) usage('the URL of an echo route is missing');
  if (!['declined', 'accepted'].includes(options.deflate)) usage('--deflate is declined or accepted');
  return options;
}

const options = parseArguments(process.argv.slice(2));

// MARK: a client whose messages and ending can be awaited

class Client {
  static async open(settings = {}) {
    const client = new Client(settings);
    await client.opened;
    return client;
  }

  constructor(settings) {
    this.messages = [];
    this.waiting = [];
    this.ws = new WebSocket(options.url, { ca: options.ca, perMessageDeflate: false, maxPayload: 0, ...settings });
    this.opened = new Promise((resolve, reject) => {
      this.ws.once('open', resolve);
      // Stays: an 'error' without a listener would end the process. After the opening, 'close' tells what matters.
      this.ws.on('error', reject);
    });
    this.closed = new Promise((resolve) => {
      this.ws.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.closed.then(({ code }) => {
      for (const { reject } of this.waiting.splice(0)) reject(new Error(`closed with ${code} instead of a message`));
    });
    this.ws.on('message', (data, isBinary) => {
      const message = isBinary ? data : data.toString();
      if (this.waiting.length > 0) this.waiting.shift().resolve(message);
      else this.messages.push(message);
    });
    live.add(this);
  }

  // The next message: a string for a text, a Buffer for a binary one.
  receive() {
    if (this.messages.length > 0) return Promise.resolve(this.messages.shift());
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  pong() {
    return new Promise((resolve) => this.ws.once('pong', resolve));
  }

  // Bytes past ws, for what it refuses to send.
  sendRaw(...bytes) {
    this.ws._socket.write(Buffer.concat(bytes));
  }
}

// What a check leaves open, for its end.
const live = new Set();

// A masked frame with a mask of zeros, which leaves the payload readable; `first` is the whole first byte.
function frame(first, payload = Buffer.alloc(0), { masked = true, declared = payload.length } = {}) {
  const bit = masked ? 0x80 : 0;
  let header;
  if (declared < 126) {
    header = Buffer.from([first, bit | declared]);
  } else if (declared < 65536) {
    header = Buffer.from([first, bit | 126, 0, 0]);
    header.writeUInt16BE(declared, 2);
  } else {
    header = Buffer.alloc(10);
    header[0] = first;
    header[1] = bit | 127;
    header.writeBigUInt64BE(BigInt(declared), 2);
  }
  return Buffer.concat([header, Buffer.alloc(masked ? 4 : 0), payload]);
}

// assert's own report of two different megabytes would be megabytes.
function same(received, sent, what = 'message') {
  const equal = Buffer.isBuffer(sent)
    ? Buffer.isBuffer(received) && received.equals(sent)
    : received === sent;
  if (equal) return;
  const describe = (value) =>
    typeof value === 'string' || Buffer.isBuffer(value)
      ? `${typeof value === 'string' ? 'text' : 'binary'} of ${value.length}, ${JSON.stringify(
          value.slice(0, 20).toString()
        )}`
      : String(value);
  assert.fail(`${what} is ${describe(received)}, not ${describe(sent)}`);
}

// MARK: checks

const checks = new Map();

async function echoes(...messages) {
  const client = await Client.open();
  for (const message of messages) {
    client.ws.send(message);
    same(await client.receive(), message);
  }
}

checks.set('text', () =>
  echoes('hello', 'Grüße, 世界', '\u{1f600} \u{10348} \u{10ffff}', 'nul \0 inside', 'a'.repeat(126))
);

checks.set('binary', () =>
  echoes(Buffer.from([0xff, 0xfe, 0]), ...[125, 126, 65535, 65536].map((size) => crypto.randomBytes(size)))
);

checks.set('empty', () => echoes('', Buffer.alloc(0), 'after'));

checks.set('fragmented-text', async () => {
  const client = await Client.open();
  // The emoji is cut in two: only the whole message has to be UTF-8.
  const bytes = Buffer.from('Grüße \u{1f600}!');
  client.ws.send(bytes.subarray(0, 3), { binary: false, fin: false });
  client.ws.send(Buffer.alloc(0), { fin: false });
  client.ws.send(bytes.subarray(3, 10), { fin: false });
  client.ws.send(bytes.subarray(10), { fin: true });
  same(await client.receive(), bytes.toString());
});

checks.set('fragmented-binary', async () => {
  const client = await Client.open();
  const pieces = Array.from({ length: 100 }, (_, i) => Buffer.alloc(i, i));
  pieces.forEach((piece, i) => client.ws.send(piece, { binary: true, fin: i === pieces.length - 1 }));
  same(await client.receive(), Buffer.concat(pieces));
});

checks.set('ping', async () => {
  const client = await Client.open();
  for (const payload of [Buffer.alloc(0), Buffer.from('payload'), Buffer.alloc(125, 7)]) {
    const pong = client.pong();
    client.ws.ping(payload);
    same(await pong, payload, 'pong');
  }
});

checks.set('ping-between-fragments', async () => {
  const client = await Client.open();
  const pong = client.pong();
  client.ws.send('first, ', { fin: false });
  client.ws.ping('in between');
  same(await pong, Buffer.from('in between'), 'pong');
  client.ws.send('second', { fin: true });
  same(await client.receive(), 'first, second');
});

checks.set('unsolicited-pong', async () => {
  const client = await Client.open();
  client.ws.pong('nobody asked');
  client.ws.send('still here');
  same(await client.receive(), 'still here');
});

checks.set('1-MiB', () => {
  const size = Math.min(MIB, options.limit);
  return echoes(crypto.randomBytes(size), 'ü'.repeat(size / 2));
});
checks.set('10-MiB', () => echoes(crypto.randomBytes(Math.min(10 * MIB, options.limit))));
checks.set('limit-minus-1', () => echoes(crypto.randomBytes(options.limit - 1)));

checks.set('pipelined-1000', async () => {
  const client = await Client.open();
  const message = (i) => (i % 2 ? `message ${i}` : Buffer.from(`message ${i}`));
  for (let i = 0; i < 1000; i++) client.ws.send(message(i));
  for (let i = 0; i < 1000; i++) same(await client.receive(), message(i));
});

async function closes(code, reason, expected) {
  const client = await Client.open();
  client.ws.close(code, reason);
  // ws reports 1006 if no close frame came in answer.
  same((await client.closed).code, expected, 'close code');
}

checks.set('close-1000', () => closes(1000, undefined, 1000));
checks.set('close-4321', () => closes(4321, 'that was all, Grüße', 4321));

checks.set('close-without-code', async () => {
  const client = await Client.open();
  client.ws.close();
  const { code } = await client.closed;
  // RFC 6455 §5.5.1 asks for the code received, and there is none: an empty body (1005 here), or 1000.
  assert.ok(code === 1005 || code === 1000, `close code is ${code}`);
});

checks.set(`deflate-${options.deflate}`, async () => {
  const client = await Client.open({ perMessageDeflate: { threshold: 0 } });
  same(client.ws.extensions, options.deflate === 'accepted' ? 'permessage-deflate' : '', 'extensions');
  for (const message of ['hello', 'a'.repeat(100000), crypto.randomBytes(1000)]) {
    client.ws.send(message);
    same(await client.receive(), message);
  }
});

// The server must fail the connection with this code.
function refused(name, code, ...frames) {
  checks.set(name, async () => {
    const client = await Client.open();
    client.sendRaw(...frames);
    same((await client.closed).code, code, 'close code');
  });
}

const text = Buffer.from('text');
refused('invalid-utf8', 1007, frame(0x81, Buffer.from('hell\xff', 'latin1')));
refused('invalid-utf8-fragmented', 1007, frame(0x01, Buffer.from([0xe2])), frame(0x80, Buffer.from([0x28, 0xa1])));
refused('unmasked', 1002, frame(0x81, text, { masked: false }));
refused('reserved-bit', 1002, frame(0x91, text));
refused('compressed-without-agreement', 1002, frame(0xc1, text));
refused('reserved-opcode', 1002, frame(0x83, text));
refused('long-ping', 1002, frame(0x89, Buffer.alloc(126)));
refused('stray-continuation', 1002, frame(0x80, text));
refused('text-inside-message', 1002, frame(0x01, text), frame(0x81, text));
refused('close-code-1005', 1002, frame(0x88, Buffer.from([0x03, 0xed])));
refused('too-big-by-header', 1009, frame(0x82, undefined, { declared: options.limit + 1 }));

checks.set('too-big-sent-whole', async () => {
  // The close code must survive a client that is still sending: no reset before it was read.
  const client = await Client.open();
  client.ws.send(Buffer.alloc(options.limit + 1));
  same((await client.closed).code, 1009, 'close code');
});

// MARK: running

async function run(name, function_) {
  let timer;
  const timeout = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing within ${options.timeout} s`)), options.timeout * 1000);
  });
  try {
    await Promise.race([function_(), timeout]);
    console.log(`ok ${name}`);
    return true;
  } catch (error) {
    console.log(`FAIL ${name}: ${error.message.replace(/\s+/g, ' ')}`);
    return false;
  } finally {
    clearTimeout(timer);
    for (const client of live) client.ws.terminate();
    live.clear();
  }
}

async function main() {
  for (const name of [...options.only, ...options.skip]) {
    if (!checks.has(name)) usage(`no check named ${name}`);
  }
  let failures = 0;
  for (const [name, function_] of checks) {
    if (options.skip.includes(name) || (options.only.length > 0 && !options.only.includes(name))) continue;
    if (!(await run(name, function_))) failures++;
  }
  // Not process.exit: it could cut off what a pipe has not taken yet.
  process.exitCode = failures === 0 ? 0 : 1;
}

// A client that outlived its check may still reject something that nobody awaits.
process.on('unhandledRejection', () => {});

main();
