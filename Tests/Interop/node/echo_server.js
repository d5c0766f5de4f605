'use strict';

// A WebSocket server for Duplex's client to meet: ws for Node.js.
//
//   node echo_server.js [--port N] [--tls CERT KEY] [--max-size BYTES]
//
// Prints "listening PORT" once it listens on 127.0.0.1, and ends on SIGTERM, on SIGINT, or when its standard
// input is a pipe whose other end closes, so that it never outlives the test that started it.
//
//   /echo                    each message back, with its type
//   /fragments               each message back in exactly 7 fragments, cut in bytes (so inside characters too)
//   /ping                    a ping at once; after its pong the text "pong received"
//   /close?code=N&reason=R   closes at once with these; without a code, with an empty close frame
//   /early                   five texts "early 1" ... "early 5", in the same segment as the 101
//   /subprotocol             "v2.chat" if it is offered, none otherwise; then like /echo
//   /deflate                 like /echo; accepts permessage-deflate if it is offered
//   /deflate-unasked         chooses permessage-deflate whether or not it was offered: an error of the server's,
//                            for which a client must fail the connection (RFC 6455 §4.1)
//   anything else            404

const fs = require('fs');
const http = require('http');
const https = require('https');
const WebSocket = require('./ws.js');

const FRAGMENTS = 7;

function parseArguments(args) {
  const options = { port: 0, tls: undefined, maxSize: 64 * 1024 * 1024 };
  while (args.length > 0) {
    const name = args.shift();
    if (name === '--port') options.port = Number(args.shift());
    else if (name === '--max-size') options.maxSize = Number(args.shift());
    else if (name === '--tls') {
      options.tls = { cert: fs.readFileSync(args.shift()), key: fs.readFileSync(args.shift()) };
    } else {
      console.error(`echo_server.js: unknown option ${name}`);
      process.exit(2);
    }
  }
  return options;
}

function echo(ws) {
  ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }));
}

function fragments(ws) {
  ws.on('message', (data, binary) => {
    // Borders at i/7 of the length: roughly equal, and some of them empty when there are fewer than 7 bytes.
    const border = (i) => Math.floor((data.length * i) / FRAGMENTS);
    for (let i = 0; i < FRAGMENTS; i++) {
      ws.send(data.subarray(border(i), border(i + 1)), { binary, fin: i === FRAGMENTS - 1 });
    }
  });
}

function ping(ws) {
  const payload = 'are you there?';
  ws.on('pong', (data) => {
    if (data.toString() === payload) ws.send('pong received');
  });
  ws.ping(payload);
}

function close(ws, query) {
  if (query.has('code')) ws.close(Number(query.get('code')), query.get('reason') || undefined);
  else ws.close();
}

function early(ws) {
  for (let i = 1; i <= 5; i++) ws.send(`early ${i}`);
}

const routes = {
  '/echo': echo,
  '/fragments': fragments,
  '/ping': ping,
  '/close': close,
  '/early': early,
  '/subprotocol': echo,
  '/deflate': echo,
  '/deflate-unasked': echo
};

const options = parseArguments(process.argv.slice(2));

function acceptor(settings) {
  return new WebSocket.WebSocketServer({
    noServer: true,
    maxPayload: options.maxSize,
    perMessageDeflate: false,
    handleProtocols: () => false,
    ...settings
  });
}

const plain = acceptor({});
const acceptors = {
  '/subprotocol': acceptor({ handleProtocols: (offers) => (offers.has('v2.chat') ? 'v2.chat' : false) }),
  // A threshold of 0 compresses small messages too, so that a client that wrongly agreed would notice.
  '/deflate': acceptor({ perMessageDeflate: { threshold: 0 } }),
  '/deflate-unasked': acceptor({})
};
acceptors['/deflate-unasked'].on('headers', (headers) => {
  headers.push('Sec-WebSocket-Extensions: permessage-deflate');
});

const server = options.tls ? https.createServer(options.tls) : http.createServer();

server.on('upgrade', (request, socket, head) => {
  const url = new URL(request.url, 'http://localhost');
  const route = Object.hasOwn(routes, url.pathname) ? routes[url.pathname] : undefined;
  if (route === undefined) {
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\nConnection: close\r\n\r\nno such path\n');
    return;
  }
  // Held back until the route has written, so that its first frames share the segment of the 101.
  socket.cork();
  (acceptors[url.pathname] || plain).handleUpgrade(request, socket, head, (ws) => {
    ws.on('error', () => {}); // Endings are the client's to judge.
    route(ws, url.searchParams);
  });
  socket.uncork();
});

server.listen(options.port, '127.0.0.1', () => console.log(`listening ${server.address().port}`));

function end() {
  process.exit(0);
}

process.on('SIGTERM', end);
process.on('SIGINT', end);

// Only a pipe or a socket: at a terminal, or with /dev/null, an end of input means nothing.
const input = fs.fstatSync(0);
if (input.isFIFO() || input.isSocket()) {
  process.stdin.on('end', end).on('error', end).resume();
}
