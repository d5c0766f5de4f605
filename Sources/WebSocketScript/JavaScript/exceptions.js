// Makes the exceptions that the native side throws, by their names.
//
// Uses of `host.native`: register.
(function (host) {
    "use strict";

    const { DOMException } = host;
    const { TypeError } = host.primordials;

    host.native.register("exception", (name, message) =>
        (name === "TypeError" ? new TypeError(message) : new DOMException(message, name)));
})
