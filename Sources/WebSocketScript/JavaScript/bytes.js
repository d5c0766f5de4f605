// The way of bytes to the native side.
//
// Uses of `host.native`: scratch, makeBytes. Adds to `host`: handOver.
(function (host) {
    "use strict";

    const { Uint8Array, lengthOf, setElements } = host.primordials;
    const { makeBytes } = host.native;
    // Small messages share one buffer, which is read before the next is written.
    const scratch = new Uint8Array(host.native.scratch());
    const { length } = scratch;

    // Copies a Uint8Array; the answer is for a native function, at once.
    host.handOver = (bytes) => {
        const count = lengthOf(bytes);
        if (count <= length) {
            setElements(scratch, bytes);
            return count;
        }
        const made = makeBytes(count);
        setElements(new Uint8Array(made[0]), bytes);
        return made[1];
    };
})
