// Runs before the suite's testharness.js, called with the test's settings: what a test expects of its surroundings
// that neither the language nor the host has to know.
(function (settings) {
    "use strict";

    function define(name, value) {
        Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
    }

    if (settings.title) {
        define("META_TITLE", settings.title);
    }
    define("GLOBAL", { isWindow: () => false, isWorker: () => false, isShadowRealm: () => false });
    if (settings.isPage) {
        // Pages call the global by this name.
        define("window", globalThis);
    }
    if (settings.isIdl && !("Window" in globalThis)) {
        // By this name the harness of interfaces sees which of them have to be there: those of a window.
        define("Window", function Window() {});
    }

    // GET only: over a WebSocket to a handler of the runner's, which asks the server.
    const Socket = globalThis.WebSocket;
    define("fetch", (resource) => new Promise((resolve, reject) => {
        const url = new URL(resource, location.href).href;
        const socket = new Socket(settings.bridge);
        socket.onopen = () => socket.send(url);
        socket.onerror = () => reject(new TypeError(`cannot fetch ${url}`));
        socket.onmessage = (event) => {
            const { status, body } = JSON.parse(event.data);
            resolve({
                ok: status >= 200 && status < 300,
                status,
                text: async () => body,
                json: async () => JSON.parse(body),
            });
            socket.close();
        };
    }));
})
