"""Holds silent WebSockets open through nginx, and shows that its clock would cut them.

    silence.py PROGRAM [--minutes N | --seconds N] [--sockets N] [--ping-interval TIME] [--read-timeout SECONDS]
                       [--nginx PROGRAM] [--out DIR]

PROGRAM is duplex. nginx runs on loopback, from a folder that is removed, in front of two servers: one as it comes, and
as the control one that sends no pings (--ping-interval off). Unless --read-timeout says otherwise nginx has the
proxy_read_timeout it comes with, 60 s: so long may a server be silent. It passes if

- sockets of `duplex connect`, and others of this program that answer pings and do nothing else, are silent for all of
  the time, then have a message echoed, and are closed with 1000 by both ends;
- the server took each of them for the address it came from, by nginx's X-Forwarded-For, and for none that a client had
  invented: this program's come from 127.0.0.2, while only 127.0.0.1 is a trusted proxy;
- nginx cuts the sockets of the control when its time is over, without a close frame.

The table goes to standard output, and to DIR (.build-silence): silence.md.
"""

import argparse
import asyncio
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
PATIENCE = 30  # seconds for anything that must happen; a busy machine may take its time
STOCK = 60  # seconds: nginx's proxy_read_timeout where none is set
OURS, INVENTED = "127.0.0.2", "192.0.2.66"


class Wrong(Exception):
    """Something did what it should not have done."""


def check(condition, what):
    if not condition:
        raise Wrong(what)


def frame(opcode, payload=b""):
    """A masked frame of less than 126 bytes (RFC 6455 §5.2)."""
    key = os.urandom(4)
    masked = bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))
    return struct.pack("!BB", 0x80 | opcode, 0x80 | len(payload)) + key + masked


class Client:
    """Answers pings, and does nothing else by itself."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.pings = []

    @classmethod
    async def open(cls, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(OURS, 0))
        writer.write(
            f"GET /echo HTTP/1.1\r\nHost: silence\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"X-Forwarded-For: {INVENTED}\r\n"
            f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        check(head.startswith(b"HTTP/1.1 101 "), f"/echo was answered {head[:60]!r}")
        return cls(reader, writer)

    async def receive(self):
        """The next frame that is no ping; `None` at the end of the stream."""
        while True:
            try:
                first, second = await self.reader.readexactly(2)
                check(second < 126, f"a frame of {second} bytes")
                payload = await self.reader.readexactly(second)
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            if first & 0xF != PING:
                return first & 0xF, payload
            self.pings.append(time.monotonic())
            self.writer.write(frame(PONG, payload))

    async def stay_silent(self, seconds):
        began = time.monotonic()
        try:
            got = await asyncio.wait_for(self.receive(), seconds)
        except asyncio.TimeoutError:
            return
        what = "it ended" if got is None else f"frame {got} came"
        raise Wrong(f"{what} after {time.monotonic() - began:.1f} s of silence")

    async def echo_and_close(self):
        self.writer.write(frame(TEXT, b"still here"))
        got = await asyncio.wait_for(self.receive(), PATIENCE)
        check(got == (TEXT, b"still here"), f"the echo was {got}")
        self.writer.write(frame(CLOSE, struct.pack("!H", 1000)))
        got = await asyncio.wait_for(self.receive(), PATIENCE)
        check(got is not None and got[0] == CLOSE and got[1][:2] == b"\x03\xe8", f"the close was answered by {got}")
        check(await asyncio.wait_for(self.receive(), PATIENCE) is None, "something came behind the close frame")
        self.writer.close()

    async def until_cut(self, most):
        """How long it lasts."""
        began = time.monotonic()
        try:
            got = await asyncio.wait_for(self.receive(), most)
        except asyncio.TimeoutError:
            raise Wrong(f"the control was not cut for {most} s") from None
        check(got is None, f"the control got {got} in place of its end")
        check(not self.pings, "the control was sent a ping")
        self.writer.close()
        return time.monotonic() - began


class Command:
    """`duplex connect`, with its standard input held open."""

    def __init__(self, process):
        self.process = process

    @classmethod
    async def open(cls, program, port):
        pipe = asyncio.subprocess.PIPE
        # What names proxies in the environment does not concern this machine.
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return cls(await asyncio.create_subprocess_exec(
            program, "connect", f"ws://127.0.0.1:{port}/echo", stdin=pipe, stdout=pipe, stderr=pipe, env=environment
        ))

    async def stay_silent(self, seconds):
        try:
            await asyncio.wait_for(self.process.wait(), seconds)
        except asyncio.TimeoutError:
            return
        raise Wrong(f"duplex connect ended: {(await self.process.stderr.read()).decode().strip()}")

    async def end(self):
        if self.process.returncode is None:
            self.process.kill()
            await self.process.communicate()

    async def echo_and_close(self):
        output, errors = await asyncio.wait_for(self.process.communicate(b"still here\n"), PATIENCE)
        check(output == b"still here\n", f"the echo was {output!r}")
        told = errors.decode().strip()
        check(self.process.returncode == 0 and told.startswith("closed 1000 "), f"duplex connect said {told!r}")


class Server:
    """`duplex serve`, and what it has logged."""

    def __init__(self, program, log, arguments):
        self.log = log
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(
                [program, "serve", "--port", "0", "--workers", "1", "--trusted-proxy", "127.0.0.1",
                 "--log-level", "info", *arguments],
                stdout=subprocess.PIPE, stderr=errors,
            )
        line = self.process.stdout.readline().decode()
        check(line.startswith("Duplex serves on "), f"the server said {line!r}")
        self.port = int(line.rpartition(":")[2])

    def fields(self, line, name):
        """The values of a field in all lines of one kind."""
        lines = [text for text in self.log.read_text().splitlines() if text.endswith(f" {line}")]
        return [found for text in lines for found in re.findall(rf"\b{name}=(\S+)", text)]

    async def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(self.process.wait, PATIENCE)
        check(status == 0, f"the server ended with {status}")


CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection "upgrade";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    {timeout}
{servers}
}}
"""


class Nginx:
    def __init__(self, program, folder, upstreams, read_timeout):
        self.folder = folder
        self.ports = [unused_port() for _ in upstreams]
        servers = "\n".join(
            f"    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{upstream}; }} }}"
            for port, upstream in zip(self.ports, upstreams)
        )
        timeout = "" if read_timeout is None else f"proxy_read_timeout {read_timeout}s;"
        (folder / "nginx.conf").write_text(
            CONFIGURATION.format(folder=folder, servers=servers, timeout=timeout)
        )
        self.process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.DEVNULL
        )

    async def until_it_listens(self):
        deadline = time.monotonic() + PATIENCE
        for port in self.ports:
            while True:
                try:
                    (await asyncio.open_connection("127.0.0.1", port))[1].close()
                    break
                except ConnectionError:
                    check(self.process.poll() is None, "nginx ended: " + self.errors())
                    check(time.monotonic() < deadline, "nginx does not listen")
                    await asyncio.sleep(0.02)

    def errors(self):
        log = self.folder / "error.log"
        return log.read_text().strip() if log.exists() else "it said nothing"


def unused_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


async def hold(client, seconds):
    """What went wrong, if anything did."""
    try:
        await client.stay_silent(seconds)
        await client.echo_and_close()
    except Wrong as error:
        return str(error)
    except (asyncio.TimeoutError, ConnectionError) as error:
        return f"no echo, or no close: {error or 'waited in vain'}"


async def silence(options, seconds, timeout, nginx, server, control):
    await nginx.until_it_listens()
    through, bare = nginx.ports
    clients = [await Client.open(through) for _ in range(options.sockets)]
    controls = [await Client.open(bare) for _ in range(options.sockets)]
    commands = [await Command.open(options.program, through) for _ in range(options.sockets)]
    try:
        *problems, lasted = await asyncio.gather(
            *(hold(client, seconds) for client in clients + commands),
            asyncio.gather(*(client.until_cut(timeout + PATIENCE) for client in controls)),
        )
    finally:
        for command in commands:
            await command.end()
    await server.stop()
    await control.stop()
    return clients, [problem for problem in problems if problem], lasted


def report(options, seconds, timeout, version, server, control, clients, problems, lasted, where):
    peers = server.fields("opened", "peer")
    gaps = [later - earlier for client in clients for earlier, later in zip(client.pings, client.pings[1:])]
    causes = control.fields("closed", "cause")
    clean = server.fields("closed", "code")
    verdicts = [
        ("silent sockets stayed, echoed, and were closed with 1000",
         not problems and clean == ["1000"] * (2 * options.sockets)),
        ("the silence was longer than nginx's patience", seconds > timeout),
        ("each had the address it came from", sorted(peers) == ["127.0.0.1"] * options.sockets + [OURS] * options.sockets),
        ("nginx cut the control when its time was over",
         all(timeout - 0.5 <= time <= timeout + PATIENCE / 2 for time in lasted)
         and len(causes) == options.sockets and set(causes) <= {"endOfStream", "reset"}),
    ]
    interval = options.ping_interval or "20s, as it comes"
    rows = [
        ("nginx", f"{version}, proxy_read_timeout {timeout} s" + ("" if options.read_timeout else ", as it comes")),
        ("silence", f"{seconds:.0f} s"),
        ("pings of the server", f"every {interval}"),
        ("sockets of `duplex connect`, of another client", f"{options.sockets}, {options.sockets}"),
        ("pings to each of the other client", ", ".join(str(len(client.pings)) for client in clients)),
        ("between two of them", f"{min(gaps):.1f} to {max(gaps):.1f} s" if gaps else "less than two came"),
        ("closed", ", ".join(f"{clean.count(code)} with {code}" for code in sorted(set(clean)))),
        ("addresses in the log", ", ".join(sorted(set(peers)))),
        ("without pings, cut after", ", ".join(f"{time:.1f} s" for time in lasted)),
        ("and the server said", ", ".join(sorted(set(causes)))),
    ]
    lines = ["| | |", "|---|---|"] + [f"| {name} | {value} |" for name, value in rows]
    lines += [""] + [f"{'passed' if passed else 'FAILED'}: {name}" for name, passed in verdicts]
    lines += [f"  {problem}" for problem in problems]
    text = "\n".join(lines)
    print(text, flush=True)
    where.mkdir(parents=True, exist_ok=True)
    (where / "silence.md").write_text(text + "\n")
    return all(passed for _, passed in verdicts)


def run(options, seconds, timeout, program, folder):
    # What was started, to be ended whatever happens.
    started = []
    try:
        pings = ["--ping-interval", options.ping_interval] if options.ping_interval else []
        server = Server(options.program, folder / "server.log", pings)
        started.append(server.process)
        control = Server(options.program, folder / "control.log", ["--ping-interval", "off"])
        started.append(control.process)
        nginx = Nginx(program, folder, [server.port, control.port], options.read_timeout)
        started.append(nginx.process)
        clients, problems, lasted = asyncio.run(silence(options, seconds, timeout, nginx, server, control))
        told = subprocess.run([program, "-v"], capture_output=True, text=True).stderr
        version = told.strip().rpartition("/")[2]
        where = pathlib.Path(options.out)
        return report(options, seconds, timeout, version, server, control, clients, problems, lasted, where)
    finally:
        # nginx takes its worker along at SIGTERM, not at SIGKILL.
        for process in reversed(started):
            if process.poll() is None:
                process.terminate()
        for process in started:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--sockets", type=int, default=4, help="of each kind")
    parser.add_argument("--ping-interval", help="the server's, as duplex serve takes it")
    parser.add_argument("--read-timeout", type=int, help="nginx's, in seconds")
    parser.add_argument("--nginx")
    parser.add_argument("--out", default=".build-silence")
    options = parser.parse_args()
    seconds = options.seconds or (options.minutes or 5) * 60
    timeout = options.read_timeout or STOCK
    # Debian keeps it where only root's PATH leads.
    program = options.nginx or shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if not program:
        print("silence: nginx is missing", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        # nginx's worker, which may be somebody else's than root, has to get in.
        os.chmod(folder, 0o755)
        try:
            return 0 if run(options, seconds, timeout, program, pathlib.Path(folder)) else 1
        except (Wrong, asyncio.TimeoutError, OSError) as error:
            print(f"silence: {error or 'waited in vain'}", file=sys.stderr)
            for log in sorted(pathlib.Path(folder).glob("*.log")):
                for line in log.read_text().splitlines()[-5:]:
                    print(f"  {log.name}: {line}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
