// What byte streams do with buffers and views, whatever a page did to the prototypes of these (Streams
// Standard, section 8.3).
(function (host) {
    "use strict";

    const { ArrayBuffer, DataView, Uint8Array, TypeError } = host.global;
    const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
    const { isView } = ArrayBuffer;
    const { uncurry, webidl } = host;

    const getter = (prototype, key) => uncurry(getOwnPropertyDescriptor(prototype, key).get);
    const TypedArrayPrototype = getPrototypeOf(Uint8Array.prototype);
    const typedName = getter(TypedArrayPrototype, Symbol.toStringTag);
    const typedBuffer = getter(TypedArrayPrototype, "buffer");
    const typedOffset = getter(TypedArrayPrototype, "byteOffset");
    const typedLength = getter(TypedArrayPrototype, "byteLength");
    const dataBuffer = getter(DataView.prototype, "buffer");
    const dataOffset = getter(DataView.prototype, "byteOffset");
    const dataLength = getter(DataView.prototype, "byteLength");
    const setElements = uncurry(TypedArrayPrototype.set);
    const bufferLength = getter(ArrayBuffer.prototype, "byteLength");
    // Engines before ECMAScript 2024 lack it; there, byte streams are refused.
    const transferOf = ArrayBuffer.prototype.transfer === undefined
        ? undefined : uncurry(ArrayBuffer.prototype.transfer);

    const typedConstructors = new Map();
    const { mapGet } = host.primordials;
    const constructorNamed = (name) => mapGet(typedConstructors, name);
    for (const name of [
        "Int8Array", "Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array",
        "Uint32Array", "Float16Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array",
    ]) {
        if (host.global[name] !== undefined) {
            typedConstructors.set(name, host.global[name]);
        }
    }

    // What a view is on; a DataView of a detached buffer throws a TypeError.
    function partsOf(view) {
        const name = typedName(view);
        if (name === undefined) {
            return {
                View: DataView, elementSize: 1,
                buffer: dataBuffer(view), byteOffset: dataOffset(view), byteLength: dataLength(view),
            };
        }
        const View = constructorNamed(name);
        return {
            View, elementSize: View.BYTES_PER_ELEMENT,
            buffer: typedBuffer(view), byteOffset: typedOffset(view), byteLength: typedLength(view),
        };
    }

    // An argument of the Web IDL type ArrayBufferView.
    function arrayBufferView(value, context) {
        if (!isView(value)) {
            throw new TypeError(`${context} must be a view on an ArrayBuffer`);
        }
        return webidl.BufferSource(value, context);
    }

    function isDetached(buffer) {
        if (bufferLength(buffer) !== 0) {
            return false;
        }
        try {
            return new Uint8Array(buffer) === undefined;
        } catch {
            return true;
        }
    }

    // TransferArrayBuffer
    function transfer(buffer) {
        if (isDetached(buffer)) {
            throw new TypeError("The buffer is detached");
        }
        return transferOf(buffer);
    }

    // CloneArrayBuffer
    function copyOf(buffer, byteOffset, byteLength) {
        const copy = new Uint8Array(byteLength);
        setElements(copy, new Uint8Array(buffer, byteOffset, byteLength));
        return copy;
    }

    host.streams.buffers = {
        canTransfer: transferOf !== undefined,
        bufferOf: typedBuffer,
        arrayBufferView, partsOf, isDetached, transfer, bufferLength, setElements, copyOf,
    };
})
