// ws for Node.js:
//
//     node ws.js PORT
//
// /echo and /deflate answer every message with itself, compressed if the client offers it; what comes in on /pub
// goes to all who are on /sub.
'use strict';

const { WebSocketServer } = require('ws');

const port = Number(process.argv[2]);
const subscribers = new Set();

const echo = (socket) => socket.on('message', (data, binary) => socket.send(data, { binary }));

const roles = {
  '/echo': echo,
  '/deflate': echo,
  '/pub': (socket) =>
    socket.on('message', (data, binary) => {
      for (const subscriber of subscribers) subscriber.send(data, { binary });
    }),
  '/sub': (socket) => {
    subscribers.add(socket);
    socket.on('close', () => subscribers.delete(socket));
  },
};

const server = new WebSocketServer({
  host: '127.0.0.1',
  port,
  backlog: 4096,
  maxPayload: 17 << 20,
  clientTracking: false,
  perMessageDeflate: { zlibDeflateOptions: { level: 1 } },
});

server.on('connection', (socket, request) => {
  socket.on('error', () => {});
  const role = roles[request.url];
  if (role) role(socket);
  else socket.close();
});
