// The algorithms of BYOB readers, which bring their own memory for a byte stream to fill (Streams Standard,
// sections 4.9.3 and 4.9.5).
(function (host) {
    "use strict";

    const { Uint8Array, TypeError } = host.global;
    const { Fifo, ReaderCore } = host.streams;
    const { transfer, bufferLength } = host.streams.buffers;

    // Its requests are { chunk(view), close(view or undefined), error(reason) }.
    class ByobReaderCore extends ReaderCore {
        isByob = true;

        constructor(stream) {
            if (!stream.locked && !stream.controller.isBytes) {
                throw new TypeError("Only byte streams have BYOB readers");
            }
            super(stream);
        }

        // The requests stay until the source gives their memory back.
        streamClosed() {}

        cancelled() {
            const { requests } = this;
            this.requests = new Fifo();
            while (requests.length > 0) {
                requests.shift().close(undefined);
            }
        }

        // ReadableStreamBYOBReaderRead
        read(view, minimum, request) {
            const { stream } = this;
            stream.disturbed = true;
            if (stream.state === "errored") {
                request.error(stream.error);
            } else {
                stream.controller.pullInto(view, minimum, request);
            }
        }
    }

    // A piece of memory to be filled ("pull-into descriptor"). `reader` says for whom: "default", "byob", or
    // "none" when that reader was released.
    class PullInto {
        buffer = undefined;
        bufferLength = 0;
        byteOffset = 0;
        byteLength = 0;
        filled = 0;
        minimumFill = 1;
        elementSize = 1;
        View = Uint8Array;
        reader = "default";

        constructor(buffer, byteOffset, byteLength) {
            this.buffer = buffer;
            this.bufferLength = bufferLength(buffer);
            this.byteOffset = byteOffset;
            this.byteLength = byteLength;
        }

        // ReadableByteStreamControllerConvertPullIntoDescriptor
        toView() {
            const { View } = this;
            return new View(transfer(this.buffer), this.byteOffset, this.filled / this.elementSize);
        }
    }

    Object.assign(host.streams, { ByobReaderCore, PullInto });
})
