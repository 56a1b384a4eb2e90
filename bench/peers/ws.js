// Node's ws: every message goes to every client as it came. It stores nothing and asks nobody who
// they are; the load sends it as many bytes as an entry of Prosa's has.
"use strict";

const { WebSocket, WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: false });

server.on("connection", (connection) => {
  connection.on("error", () => {});
  connection.on("message", (data) => {
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(data, { binary: false });
    }
  });
});

server.on("listening", () => {
  console.log(`ws listens on http://127.0.0.1:${server.address().port}/`);
});
