// performance.now() (High Resolution Time 4 and 7).
//
// Uses of `host.native`: now.
(function (host) {
    "use strict";

    const { now } = host.native;
    const { TypeError } = host.primordials;
    const timeOrigin = Date.now() - now();
    let isOurs = false;

    class Performance extends host.EventTarget {
        #origin = timeOrigin;

        static {
            host.brand(Performance, (value) => #origin in value);
        }

        constructor() {
            if (!isOurs) {
                throw new TypeError("Performance has no constructor");
            }
            super();
        }

        now() {
            void this.#origin;
            return now();
        }

        get timeOrigin() {
            return this.#origin;
        }

        toJSON() {
            return { timeOrigin: this.#origin };
        }
    }

    host.expose(Performance);
    isOurs = true;
    host.define("performance", new Performance());
    isOurs = false;
})
