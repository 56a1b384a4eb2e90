// Node's sockjs, the reference server of the protocol: every message goes to every connection.
"use strict";

const http = require("http");
const sockjs = require("sockjs");

const participants = new Set();
const chat = sockjs.createServer({ prefix: "/chat", log: () => {} });

chat.on("connection", (connection) => {
  if (!connection) return;
  participants.add(connection);
  connection.on("data", (message) => {
    for (const participant of participants) participant.write(message);
  });
  connection.on("close", () => participants.delete(connection));
});

const server = http.createServer();
chat.installHandlers(server);
server.listen(0, "127.0.0.1", () => {
  console.log(`sockjs listens on http://127.0.0.1:${server.address().port}/`);
});
