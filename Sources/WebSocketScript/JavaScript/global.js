// What the global object has beside interfaces: self, location (HTML 7.2.4), and where it is asked for,
// duplex.arguments and gc().
//
// Uses of `host.settings`: base, arguments, exposesGarbageCollection. Uses of `host.native`: parseURL,
// collectGarbage.
(function (host) {
    "use strict";

    const { defineProperty } = Reflect;
    const { base, arguments: words, exposesGarbageCollection } = host.settings;

    host.define("self", host.global);

    if (base !== undefined) {
        const parts = host.native.parseURL(base);
        const names = [
            "href", "origin", "protocol", undefined, undefined, "host", "hostname", "port", "pathname", "search",
            "hash",
        ];
        const location = {};
        names.forEach((name, index) => {
            if (name !== undefined) {
                defineProperty(location, name, { value: parts[index], enumerable: true });
            }
        });
        defineProperty(location, "toString", { value: () => parts[0], enumerable: true });
        defineProperty(location, Symbol.toStringTag, { value: "WorkerLocation" });
        host.define("location", location);
    }

    if (words !== undefined) {
        host.define("duplex", Object.freeze({ arguments: Object.freeze(words) }));
    }

    if (exposesGarbageCollection) {
        const { collectGarbage } = host.native;
        host.define("gc", () => collectGarbage());
    }
})
