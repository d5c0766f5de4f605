// Takes the place of `duplex-js` to prove the runner: the same arguments under Node.js, with Node's own WebSocket.
//
//   node --experimental-websocket --expose-gc node-host.js --base-url URL --ca FILE FILE...
"use strict";

const dns = require("node:dns");
const fs = require("node:fs");
const tls = require("node:tls");
const vm = require("node:vm");
const { parseArgs } = require("node:util");

const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { "base-url": { type: "string" }, ca: { type: "string" }, "expose-gc": { type: "boolean" } },
});

const ca = [fs.readFileSync(values.ca), ...tls.rootCertificates];
const connect = tls.connect;
tls.connect = (options, ...rest) => connect({ ...options, ca }, ...rest);

// RFC 6761 §6.3, which not every system's resolver obeys.
const lookup = dns.lookup;
dns.lookup = (name, ...rest) => lookup(/(^|\.)localhost$/.test(name) ? "127.0.0.1" : name, ...rest);

const base = new URL(values["base-url"]);
const location = { toString: () => base.href };
for (const name of ["href", "origin", "protocol", "host", "hostname", "port", "pathname", "search", "hash"]) {
    location[name] = base[name];
}
globalThis.location = Object.freeze(location);
globalThis.self = globalThis;
// Node's are loaded when asked for, and the tests would find accessors of Node's where they define their own.
for (const name of ["fetch", "WebSocket", "CloseEvent"]) {
    const value = globalThis[name];
    Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
}

for (const file of positionals) {
    vm.runInThisContext(fs.readFileSync(file, "utf8"), { filename: file });
}
