#!/usr/bin/env python3
"""Measures what idle connections cost `duplex serve`, in bytes of resident memory each.

  idle-memory.py PROGRAM [CONNECTIONS]

For a server without compression, one that compresses each message by itself (the default), and one that
remembers: opens the connections, lets each echo one message of a kibibyte, and prints the growth of the
server per connection, before that message and a second after it. Linux only (/proc).
"""

import os
import re
import resource
import socket
import struct
import subprocess
import sys
import time
import zlib

REQUEST = (
    b"GET /echo HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)
TEXT = (b'{"type":"update","id":12345,"name":"an item","price":9.99},' * 20)[:1024]


def frame(compressed):
    payload = TEXT
    if compressed:
        deflater = zlib.compressobj(6, zlib.DEFLATED, -15)
        payload = (deflater.compress(TEXT) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]
    head = bytes([0xC1 if compressed else 0x81])
    head += bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return head + bytes(4) + payload


def resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def read_frame(stream):
    size = stream.read(2)[1]
    if size == 126:
        size = struct.unpack(">H", stream.read(2))[0]
    return stream.read(size)


def measure(program, mode, count):
    server = subprocess.Popen(
        [program, "serve", "--port", "0", "--workers", "2", "--compression", mode], stdout=subprocess.PIPE, text=True
    )
    try:
        port = int(re.search(r":(\d+)$", server.stdout.readline()).group(1))
        # One connection first, so that what is made once is not counted.
        sockets = []

        def open_one():
            one = socket.create_connection(("127.0.0.1", port))
            one.sendall(REQUEST)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += one.recv(1)
            sockets.append(one)
            return b"permessage-deflate" in head

        def echo(one, message):
            one.sendall(message)
            with one.makefile("rb") as stream:
                read_frame(stream)

        compressed = open_one()
        message = frame(compressed)
        for _ in range(10):
            echo(sockets[0], message)
        start = resident(server.pid)
        for _ in range(count):
            open_one()
        opened = resident(server.pid)
        for one in sockets[1:]:
            echo(one, message)
        time.sleep(1)
        used = resident(server.pid)
        for one in sockets:
            one.close()
        return (opened - start) / count, (used - start) / count
    finally:
        server.terminate()
        server.wait()


def main():
    program = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, count + 100), hard), hard))
    print(f"Resident memory of `duplex serve` per idle connection, {count} connections, bytes\n")
    print("| compression | opened | a second after one message of 1 KiB |\n|---|---|---|")
    for mode in ["off", "message", "connection"]:
        opened, used = measure(program, mode, count)
        print(f"| {mode} | {opened:,.0f} | {used:,.0f} |", flush=True)


if os.path.exists("/proc/self/statm"):
    main()
else:
    print("idle-memory: skipped, since it reads /proc", file=sys.stderr)
