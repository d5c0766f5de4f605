// The way of bytes to the native side.
//
// Uses of `host.native`: scratch, makeBytes. Adds to `host`: handOver.
(function (host) {
    "use strict";

    const { uncurry } = host;
    const set = uncurry(Uint8Array.prototype.set);
    const { makeBytes } = host.native;
    // Small messages share one buffer, which is read before the next is written.
    const scratch = new Uint8Array(host.native.scratch());
    const { length } = scratch;

    // Copies a Uint8Array; the answer is for a native function, at once.
    host.handOver = (bytes) => {
        if (bytes.length <= length) {
            set(scratch, bytes);
            return bytes.length;
        }
        const [buffer, handle] = makeBytes(bytes.length);
        set(new Uint8Array(buffer), bytes);
        return handle;
    };
})
