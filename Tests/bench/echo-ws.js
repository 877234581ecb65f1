// An echo on node's ws. Its one argument is the perMessageDeflate option, in JSON.
const { WebSocketServer } = require('ws');

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: 0,
  maxPayload: 16 << 20,
  perMessageDeflate: JSON.parse(process.argv[2]),
});
server.on('connection', (socket) => {
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }));
});
server.on('listening', () => console.log(`listening on 127.0.0.1:${server.address().port}`));
