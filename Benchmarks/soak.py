"""Torments a server for as long as it is told to: clients that connect, talk, and vanish in every way there is.

    soak.py PROGRAM [--minutes N | --seconds N] [--clients N] [--engine NAME] [--tls] [--out DIR]

PROGRAM is soak-server, which has both faces, topics, and clocks so fast that silence lasts four seconds. Once a second
the server's memory, descriptors and threads are read from /proc, and what it says it has open and allocated. It passes if

- each client saw what it should have seen: every echo whole, every ending as it was brought about;
- memory, both what is allocated and what the system holds for it (where the allocator's own ways show, too), is flat
  once the server is warm: the line through the samples rises by no more than the allowance from its beginning to its
  end, and the mean of the last quarter exceeds that of the first by no more than that. Warm it is after a fifth of the
  time, two minutes at most, and the allowance is a twentieth of the mean, 4 MiB at least. A run of less than two minutes,
  in which the buffers that go around (16 MiB a thread) are still being filled, says nothing about that;
- when the last client has gone, what was allocated is given back, but for 10 MiB: what a client leaves behind shows there
  however short the run;
- a moment after the last client has gone the server has no connection, no task of a handler, and no descriptor more than
  at the beginning;
- at SIGTERM it closes those that are open then, cuts nobody, and ends with status 0.

The table goes to standard output, and with the samples to DIR (.build-soak): soak.md, soak.json.
"""

import argparse
import asyncio
import collections
import json
import os
import pathlib
import random
import signal
import socket
import ssl
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
# Bytes that may be allocated in the end beyond those of the beginning: of the buffers that its connections take turns
# with, each of the four loops keeps a little over 2 MiB for the next.
KEPT = 10 << 20
PATIENCE = 60  # seconds for anything that must happen; a busy machine may take its time
TAIL = b"\x00\x00\xff\xff"  # RFC 7692 §7.2.1


class Wrong(Exception):
    """The server did what it should not have done."""


def check(condition, what):
    if not condition:
        raise Wrong(what)


def frame(opcode, payload=b"", final=True, compressed=False):
    """A masked frame (RFC 6455 §5.2)."""
    first = (0x80 if final else 0) | (0x40 if compressed else 0) | opcode
    if len(payload) < 126:
        head = struct.pack("!BB", first, 0x80 | len(payload))
    elif len(payload) < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, len(payload))
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, len(payload))
    key = os.urandom(4)
    pad = (key * (len(payload) // 4 + 1))[: len(payload)]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(pad, "big")
    return head + key + masked.to_bytes(len(payload), "big")


class Client:
    """One WebSocket, or what becomes of the attempt."""

    def __init__(self, reader, writer, compressed):
        self.reader, self.writer, self.compressed = reader, writer, compressed

    @classmethod
    async def open(cls, place, path, compressed=False):
        reader, writer = await place.connect()
        offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if compressed else ""
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: soak\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        check(head.startswith(b"HTTP/1.1 101 "), f"{path} was answered {head[:60]!r}")
        return cls(reader, writer, compressed and b"permessage-deflate" in head)

    async def send(self, opcode, payload, pieces=1):
        if self.compressed:
            deflate = zlib.compressobj(wbits=-15)
            payload = (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]
        size = max(1, len(payload) // pieces)
        cuts = list(range(0, size * (pieces - 1) + 1, size)) if len(payload) >= pieces else [0]
        for number, start in enumerate(cuts):
            last = number == len(cuts) - 1
            piece = payload[start:] if last else payload[start : start + size]
            self.writer.write(frame(0 if number else opcode, piece, last, self.compressed and not number))
        await self.writer.drain()

    async def read_frame(self):
        first, second = await self.reader.readexactly(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack("!H", await self.reader.readexactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self.reader.readexactly(8))
        return first, await self.reader.readexactly(length)

    async def receive(self, answers=True):
        """The next message or close frame."""
        parts, kind, deflated = [], None, False
        while True:
            first, payload = await self.read_frame()
            opcode = first & 0xF
            if opcode == PING:
                if answers:
                    self.writer.write(frame(PONG, payload))
                continue
            if opcode == PONG:
                continue
            if opcode == CLOSE:
                return CLOSE, payload
            if opcode:
                kind, deflated = opcode, bool(first & 0x40)
            parts.append(payload)
            if first & 0x80:
                whole = b"".join(parts)
                if deflated:
                    whole = zlib.decompressobj(wbits=-15).decompress(whole + TAIL)
                return kind, whole

    async def echo(self, opcode, payload, pieces=1):
        await self.send(opcode, payload, pieces)
        kind, back = await self.receive()
        check(kind == opcode and back == payload, f"{len(payload)} bytes came back as {len(back)} of kind {kind}")

    async def close(self, code=1000):
        self.writer.write(frame(CLOSE, struct.pack("!H", code)))
        while True:
            kind, payload = await self.receive()
            if kind == CLOSE:
                break
        check(payload[:2] == struct.pack("!H", code), f"the close frame came back as {payload!r}")
        check(await self.reader.read() == b"", "something came behind the close frame")
        self.end()

    def end(self):
        """FIN."""
        self.writer.close()

    def reset(self):
        """RST."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def until_cut(self):
        """Reads, and answers nothing, until the server has had enough."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        self.end()


class Place:
    """Where a server listens."""

    def __init__(self, port, context=None):
        self.port, self.context = port, context

    async def connect(self):
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=self.context, limit=1 << 22)


def payload(opcode):
    size = random.choice([0, 1, 125, 126, 1000, 65535, 65536, random.randrange(300_000)])
    if opcode == TEXT:
        return ("é" * (size // 2)).encode()
    return random.randbytes(size)


async def talk(client, most=4):
    for _ in range(random.randrange(1, most + 1)):
        opcode = random.choice([TEXT, BINARY])
        await client.echo(opcode, payload(opcode), pieces=random.choice([1, 1, 1, 3]))


def talker(path, compressed, leave):
    async def visit(place):
        client = await Client.open(place, path, compressed)
        await talk(client)
        await leave(client)

    return visit


async def close(client):
    await client.close(random.choice([1000, 1001, 3000, 4999]))


async def fin(client):
    client.end()


async def rst(client):
    client.reset()


async def large(place):
    client = await Client.open(place, random.choice(["/echo", "/task"]), random.random() < 0.5)
    await client.echo(BINARY, os.urandom(1 << 20) * 2, pieces=random.choice([1, 16]))
    await client.close()


async def topic(place):
    name = f"/topic/{random.randrange(100_000)}"
    clients = [await Client.open(place, name, number == 0) for number in range(3)]
    for client in clients:
        # Who is on a topic was put on it before its own first message came back.
        await client.send(TEXT, b"here")
        while (await client.receive())[1] != b"here":
            pass
    await clients[0].send(BINARY, b"to all" * 100)
    for client in clients:
        kind, message = await client.receive()
        while message == b"here":
            kind, message = await client.receive()
        check((kind, message) == (BINARY, b"to all" * 100), f"a topic brought {message[:20]!r}")
    clients[0].reset()
    clients[1].end()
    await clients[2].close()


async def served_out(place):
    client = await Client.open(place, "/task")
    await client.echo(TEXT, b"hello")
    await client.send(TEXT, b"bye")
    kind, message = await client.receive()
    check(kind == CLOSE and message[:2] == b"\x03\xe8", "the handler's end is no 1000")
    client.writer.write(frame(CLOSE, message[:2]))
    await client.reader.read()
    client.end()


async def silent(place):
    client = await Client.open(place, random.choice(["/echo", "/task"]))
    await client.echo(TEXT, b"last words")
    beginning = time.monotonic()
    await client.until_cut()
    check(time.monotonic() - beginning > 1, "silence was cut before the first ping could be answered")


async def deaf_to_close(place):
    client = await Client.open(place, "/task")
    await client.send(TEXT, b"bye")
    await client.until_cut()


async def stalled(place):
    """Sends a lot, reads nothing, goes."""
    client = await Client.open(place, random.choice(["/echo", "/task"]))
    client.writer.transport.pause_reading()
    for _ in range(64):
        client.writer.write(frame(BINARY, bytes(65536)))
    await asyncio.sleep(random.random())
    client.reset()


async def half_request(place):
    reader, writer = await place.connect()
    writer.write(b"GET /echo HTTP/1.1\r\nHo")
    await writer.drain()
    if random.random() < 0.5:
        check((await reader.read()).startswith(b"HTTP/1.1 408 "), "half a request was not timed out")
    writer.close()


async def no_request(place):
    reader, writer = await place.connect()
    if random.random() < 0.5:
        check(await reader.read() == b"", "silence was answered")
    writer.close()


async def page(place):
    reader, writer = await place.connect()
    writer.write(b"GET /nothing HTTP/1.1\r\nHost: soak\r\n\r\n")
    check((await reader.read()).startswith(b"HTTP/1.1 404 "), "nothing was served at /nothing")
    writer.close()


async def unmasked(place):
    client = await Client.open(place, random.choice(["/echo", "/task"]))
    client.writer.write(b"\x81\x01a")
    kind, message = await client.receive()
    check(kind == CLOSE and message[:2] == b"\x03\xea", "an unmasked frame is no 1002")
    client.end()


async def middle_of_frame(place):
    client = await Client.open(place, random.choice(["/echo", "/task"]))
    client.writer.write(frame(BINARY, bytes(5000))[:2000])
    await client.writer.drain()
    random.choice([client.end, client.reset])()


async def middle_of_message(place):
    client = await Client.open(place, random.choice(["/echo", "/task"]), True)
    client.writer.write(frame(BINARY, zlib.compress(bytes(5000))[2:-4], final=False, compressed=True))
    await client.writer.drain()
    random.choice([client.end, client.reset])()


VISITS = {
    "echo, close": (6, talker("/echo", False, close)),
    "echo compressed, close": (3, talker("/echo", True, close)),
    "echo, FIN": (3, talker("/echo", False, fin)),
    "echo, RST": (3, talker("/echo", False, rst)),
    "task, close": (6, talker("/task", False, close)),
    "task compressed, RST": (3, talker("/task", True, rst)),
    "task, FIN": (3, talker("/task", False, fin)),
    "task closes": (2, served_out),
    "large": (1, large),
    "topic": (2, topic),
    "silent to pings": (1, silent),
    "silent to a close": (1, deaf_to_close),
    "reads nothing": (1, stalled),
    "half a request": (1, half_request),
    "no request": (1, no_request),
    "no such page": (1, page),
    "unmasked": (1, unmasked),
    "middle of a frame": (2, middle_of_frame),
    "middle of a message": (2, middle_of_message),
}


class Server:
    def __init__(self, program, engine, certificate):
        arguments = [program]
        if engine:
            arguments += ["--engine", engine]
        if certificate:
            arguments += ["--certificate", certificate[0], "--key", certificate[1]]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, bufsize=0)
        self.lines = collections.deque()
        self.rest = b""
        self.connections = self.handlers = self.heap = None
        self.drained = []
        self.places = []
        os.set_blocking(self.process.stdout.fileno(), False)

    def read(self):
        """Takes in what it has said."""
        while True:
            try:
                piece = self.process.stdout.read(65536)
            except BlockingIOError:
                return
            if not piece:
                return
            *lines, self.rest = (self.rest + piece).split(b"\n")
            for line in lines:
                word, *numbers = line.decode().split()
                numbers = [int(number) for number in numbers]
                if word == "open":
                    self.connections, self.handlers = numbers
                elif word == "heap":
                    (self.heap,) = numbers
                elif word == "drained":
                    self.drained.append(numbers)
                elif word == "listening":
                    self.places.append(Place(numbers[0]))
                elif word == "secure":
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                    self.places.append(Place(numbers[0], context))

    def sample(self, at):
        self.read()
        proc = pathlib.Path(f"/proc/{self.process.pid}")
        pages = int((proc / "statm").read_text().split()[1])
        return {
            "second": round(at, 1),
            "rss": pages * os.sysconf("SC_PAGESIZE"),
            "heap": self.heap,
            "descriptors": len(os.listdir(proc / "fd")),
            "threads": len(os.listdir(proc / "task")),
            "connections": self.connections,
            "handlers": self.handlers,
        }

    async def until(self, condition, what):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            check(self.process.poll() is None, f"the server ended with {self.process.returncode}")
            check(time.monotonic() < deadline, f"waited {PATIENCE} s in vain for {what}")
            await asyncio.sleep(0.05)
            self.read()


def certificate(folder):
    """One that signs itself, for clients that do not ask who signed it."""
    files = [f"{folder}/cert.pem", f"{folder}/key.pem"]
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=soak"
    subprocess.run(command.split() + ["-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
    return files


class Soak:
    def __init__(self, server):
        self.server = server
        self.visits = collections.Counter()
        self.failures = collections.Counter()
        self.samples = []
        self.is_over = False

    async def client(self):
        names = list(VISITS)
        weights = [VISITS[name][0] for name in names]
        while not self.is_over:
            (name,) = random.choices(names, weights)
            await self.visit(name, random.choice(self.server.places))

    async def visit(self, name, place):
        self.visits[name] += 1
        try:
            await asyncio.wait_for(VISITS[name][1](place), PATIENCE)
        except Exception as error:  # Whatever it is, it should not have been.
            self.failures[f"{name}: {type(error).__name__} {error}"[:200]] += 1

    async def settle(self, descriptors, heap):
        """Waits until the server has nothing of the clients any more."""
        server = self.server

        def is_settled():
            now = server.sample(0)
            return now["connections"] == now["handlers"] == 0 and now["descriptors"] <= descriptors

        await server.until(is_settled, f"0 connections, 0 handlers and at most {descriptors} descriptors")
        # Buffers that go around are kept for a while. Whether they have gone is judged in the end.
        deadline = time.monotonic() + PATIENCE
        while heap and server.heap > heap + KEPT and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            server.read()

    async def run(self, seconds, clients):
        server = self.server
        await server.until(lambda: server.connections is not None, "the server")
        # Each kind once, so that what is made once is not counted.
        for place in server.places:
            await asyncio.gather(*(self.visit(name, place) for name in VISITS))
        await server.until(lambda: server.connections == 0, "the first visitors to go")
        await asyncio.sleep(1)
        baseline = server.sample(0)

        beginning = time.monotonic()
        crowd = [asyncio.create_task(self.client()) for _ in range(clients)]
        while time.monotonic() - beginning < seconds:
            await asyncio.sleep(1)
            self.samples.append(server.sample(time.monotonic() - beginning))
        self.is_over = True
        await asyncio.gather(*crowd)
        await self.settle(baseline["descriptors"], baseline["heap"])
        after = server.sample(time.monotonic() - beginning)

        # And at last some that are there when it stops.
        last = [await Client.open(random.choice(server.places), path) for path in ["/echo", "/task"] * 20]
        for client in last:
            await client.echo(TEXT, b"still here")
        server.process.send_signal(signal.SIGTERM)
        codes = await asyncio.wait_for(asyncio.gather(*(self.leave(client) for client in last)), PATIENCE)
        status = await asyncio.to_thread(server.process.wait, PATIENCE)
        server.read()
        return baseline, after, codes, status

    @staticmethod
    async def leave(client):
        kind, message = await client.receive()
        check(kind == CLOSE, "a message in place of a close frame")
        client.writer.write(frame(CLOSE, message[:2]))
        await client.reader.read()
        client.end()
        return struct.unpack("!H", message[:2])[0]


def judge_memory(samples, seconds, what):
    """The line through the samples of `rss` or `heap`, and the quarters, of what came after the warm-up."""
    warm = [s for s in samples if s["second"] >= min(seconds / 5, 120)]
    sizes = [s[what] for s in warm]
    quarter = max(1, len(sizes) // 4)
    first, last = statistics.fmean(sizes[:quarter]), statistics.fmean(sizes[-quarter:])
    at = [s["second"] for s in warm]
    slope = statistics.linear_regression(at, sizes).slope if len(sizes) > 1 else 0.0
    rise = slope * (at[-1] - at[0])
    allowance = max(statistics.fmean(sizes) / 20, 4 << 20)
    return {
        "warm_from": at[0], "first_quarter": first, "last_quarter": last, "slope_per_hour": slope * 3600,
        "rise": rise, "allowance": allowance, "peak": max(sizes),
        "is_flat": rise <= allowance and last - first <= allowance,
    }


def mib(count):
    return f"{count / (1 << 20):.1f} MiB"


def in_table(what, memory):
    return [
        (f"{what} from {memory['warm_from']:.0f} s on: first quarter, last, peak",
         ", ".join(mib(memory[name]) for name in ("first_quarter", "last_quarter", "peak"))),
        ("the line through it", f"{memory['rise'] / (1 << 20):+.1f} MiB in all, {mib(memory['allowance'])} allowed"),
    ]


def report(soak, seconds, baseline, after, codes, status, where):
    samples, server = soak.samples, soak.server
    is_long = seconds >= 120
    memory = judge_memory(samples, seconds, "rss")
    # Of a C library that does not tell it there are none.
    heap = judge_memory(samples, seconds, "heap") if all(s["heap"] for s in samples) else None
    closed, gone, cut, left = (sum(column) for column in zip(*server.drained)) if server.drained else (0, 0, 0, 0)
    verdicts = [
        *([("what is allocated is flat", heap["is_flat"])] if heap and is_long else []),
        *([("resident memory is flat", memory["is_flat"])] if is_long else []),
        *([("what was allocated is given back", after["heap"] <= baseline["heap"] + KEPT)] if heap else []),
        ("descriptors are back", after["descriptors"] <= baseline["descriptors"]),
        ("threads are no more", after["threads"] <= max(baseline["threads"], samples[len(samples) // 5]["threads"])),
        ("no connection, no handler", after["connections"] == after["handlers"] == 0),
        ("every client saw what it should", not soak.failures),
        ("drained by 1012, nobody cut, status 0",
         set(codes) == {1012} and (closed, gone, cut, left) == (len(codes), 0, 0, 0) and status == 0),
    ]
    rows = [
        ("time", f"{seconds:.0f} s"),
        ("visits", f"{sum(soak.visits.values()):,}"),
        ("open at a time", f"{max(s['connections'] for s in samples)} at most"),
        *([("allocated at the beginning and at the end, idle", f"{mib(baseline['heap'])}, {mib(after['heap'])}")]
          if heap else []),
        *(in_table("allocated", heap) if heap else []),
        ("resident at the beginning, idle", mib(baseline["rss"])),
        *in_table("resident", memory),
        ("resident at the end, idle", mib(after["rss"])),
        ("descriptors: beginning, most, end",
         f"{baseline['descriptors']}, {max(s['descriptors'] for s in samples)}, {after['descriptors']}"),
        ("threads: beginning, most, end",
         f"{baseline['threads']}, {max(s['threads'] for s in samples)}, {after['threads']}"),
        ("handlers at the end", f"{after['handlers']}"),
        ("drained: closed, gone, cut", f"{closed}, {gone}, {cut}"),
        ("exit status", f"{status}"),
    ]
    lines = ["| | |", "|---|---|"] + [f"| {name} | {value} |" for name, value in rows]
    lines += ["", "| visit | times |", "|---|---|"]
    lines += [f"| {name} | {soak.visits[name]:,} |" for name in VISITS]
    lines += [""] + [f"{'passed' if passed else 'FAILED'}: {name}" for name, passed in verdicts]
    lines += [f"  {times} times {what}" for what, times in soak.failures.most_common(20)]
    text = "\n".join(lines)
    print(text, flush=True)
    where.mkdir(parents=True, exist_ok=True)
    (where / "soak.md").write_text(text + "\n")
    passed = all(passed for _, passed in verdicts)
    everything = {
        "passed": passed, "verdicts": dict(verdicts), "seconds": seconds, "visits": soak.visits,
        "failures": soak.failures, "memory": memory, "heap": heap, "baseline": baseline, "after": after, "samples": samples,
        "drained": {"closed": closed, "gone": gone, "cut": cut, "handlers": left}, "status": status,
    }
    (where / "soak.json").write_text(json.dumps(everything, indent=1) + "\n")
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--engine")
    parser.add_argument("--tls", action="store_true", help="half of the visits by TLS; asks openssl for a certificate")
    parser.add_argument("--out", default=".build-soak")
    options = parser.parse_args()
    seconds = options.seconds or (options.minutes or 10) * 60
    if not os.path.exists("/proc/self/statm"):
        print("soak: skipped, since it reads /proc", file=sys.stderr)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        server = Server(options.program, options.engine, certificate(folder) if options.tls else None)
        try:
            soak = Soak(server)
            result = asyncio.run(soak.run(seconds, options.clients))
            return 0 if report(soak, seconds, *result, pathlib.Path(options.out)) else 1
        except Wrong as error:
            print(f"soak: {error}", file=sys.stderr)
            for what, times in soak.failures.most_common(20):
                print(f"  {times} times {what}", file=sys.stderr)
            return 1
        finally:
            if server.process.poll() is None:
                server.process.kill()
            server.process.wait()


if __name__ == "__main__":
    sys.exit(main())
