"""Who is measured, and how a server is started, found ready and stopped."""

import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

FLOOR = "raw-echo"
# Duplex with the engine that it chooses by itself.
REFERENCE = "duplex"
PEER_PATHS = {"echo": ("/echo",), "deflate": ("/deflate",), "topic": ("/pub", "/sub")}
# A publisher here is also a subscriber; wsload reads what comes back to it and counts nothing of it.
DUPLEX_PATHS = {"echo": ("/echo",), "deflate": ("/echo",), "topic": ("/topic/x", "/topic/x")}


class ServerFailed(Exception):
    """It did not start, or did not stay."""


@dataclass(frozen=True)
class Server:
    name: str
    # With {port} where the port goes.
    command: str
    kind: str = "peer"
    # Follows the command unless compression is wanted.
    plain: str = ""
    version: str = ""
    paths: dict = field(default_factory=lambda: PEER_PATHS, hash=False)
    only_echoes: bool = False

    @property
    def is_floor(self):
        return self.kind == "floor"

    @property
    def is_duplex(self):
        return self.kind == "duplex"

    def takes(self, load):
        if self.is_floor:
            return load.has_floor
        if self.only_echoes:
            return load.arguments[0] == "echo" and load.needs == "echo" and not load.duplex_only
        return self.is_duplex or not load.duplex_only

    def arguments(self, load):
        """What wsload is told besides the load."""
        if self.is_floor:
            return ["--raw"]
        first, *second = self.paths[load.needs]
        return ["--path", first] + (["--sub-path", second[0]] if second else [])

    def command_line(self, load, port):
        command = self.command if load.needs == "deflate" else f"{self.command} {self.plain}"
        return [word.replace("{port}", str(port)) for word in shlex.split(command)]


def warn(text):
    print(f"whole: {text}", file=sys.stderr, flush=True)


def default_engine(path):
    """The one that Duplex chooses here, as it says itself when it starts."""
    server = subprocess.Popen([path, "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        lines = (line.split() for line in server.stdout)
        return next(words[1] for words in lines if words[:1] == ["engine"])
    finally:
        server.terminate()
        server.communicate()


def duplex_servers(path):
    if not os.access(path, os.X_OK):
        raise SystemExit(f"there is no {path}: swift build -c release --product duplex")
    version = subprocess.run([path, "--version"], capture_output=True, text=True).stdout.strip()
    version += f" on {default_engine(path)}"
    serve = f"{shlex.quote(path)} serve --workers 1 --port {{port}}"
    choices = {REFERENCE: ""} | {f"duplex-{engine}": f" --engine {engine}" for engine in ("epoll", "nio")}
    servers = [
        Server(name, serve + choice, "duplex", "--compression off", version, DUPLEX_PATHS)
        for name, choice in choices.items()
    ]
    task = os.path.join(os.path.dirname(path), "task-echo")
    if os.access(task, os.X_OK):
        command = f"{shlex.quote(task)} {{port}}"
        servers.append(Server("duplex-task", command, "duplex", "", version, DUPLEX_PATHS, only_echoes=True))
    return servers


def built_peers(script, directory):
    """The peers that the script builds, and why it does not build others.

    It prints lines of name, command and version; without a command, of the reason.
    """
    if not os.access(script, os.X_OK):
        warn(f"NOT AVAILABLE: {script}; no peers are measured, nor the floor of raw TCP")
        return [], {"peers": "the script that builds them is missing"}
    done = subprocess.run([script, directory], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        warn(f"{script} ended with {done.returncode}; what it did not name is not measured")
    peers, absent = [], {}
    for line in done.stdout.splitlines():
        name, command, about = line.split("\t")
        if command:
            peers.append(Server(name, command, "floor" if name == FLOOR else "peer", version=about))
        else:
            absent[name] = about
            warn(f"NOT AVAILABLE: {name}: {about}")
    return peers, absent


def named_peers(text):
    """The servers of the variable PEER: "name=command with {port}", several separated by ";"."""
    peers = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, separator, command = part.partition("=")
        if not separator or "{port}" not in command:
            raise SystemExit(f"PEER must be name=command with {{port}}, not {part!r}")
        peers.append(Server(name.strip(), command.strip(), "floor" if name.strip() == FLOOR else "peer"))
    return peers


def find(names, duplex, script, directory):
    """The servers wanted, each once, and why others are absent.

    The peers are not built if none of them is asked for.
    """
    servers, absent = [], {}
    if not names or any(name.startswith("duplex") for name in names):
        servers += duplex_servers(duplex)
    servers += named_peers(os.environ.get("PEER", ""))
    have = {server.name for server in servers}
    if not names or any(name not in have and not name.startswith("duplex") for name in names):
        # What PEER names stands in for a peer of that name.
        peers, absent = built_peers(script, directory)
        servers += [peer for peer in peers if peer.name not in have]
    if names:
        for name in names:
            if name not in absent and not any(server.name == name for server in servers):
                warn(f"NOT AVAILABLE: {name}; it is not measured")
        servers = [server for server in servers if server.name in names]
        absent = {name: reason for name, reason in absent.items() if name in names}
    return servers, absent


# Below the ports that the system hands out to those who connect, and another one for every run: nothing is
# left over there from connections that closed.
_next_port = random.randrange(20000, 30000)


def free_port():
    global _next_port
    for _ in range(10000):
        _next_port = _next_port + 1 if _next_port < 30000 else 20000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", _next_port))
                return _next_port
            except OSError:
                continue
    raise SystemExit("no free port between 20000 and 30000")


def wait_until_ready(process, port, log):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerFailed(f"ended with {process.returncode}; see {os.path.relpath(log)}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise ServerFailed(f"did not listen on 127.0.0.1:{port} within 15 s; see {os.path.relpath(log)}")


def stop(process):
    # Its own process group, so that what a wrapper started ends with it.
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(12)
            return
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def running(server, load, core, logs):
    """A fresh process for each run, on a core of its own; gives its pid and port."""
    os.makedirs(logs, exist_ok=True)
    port = free_port()
    log = os.path.join(logs, f"{server.name}.log")
    with open(log, "w") as output:
        try:
            process = subprocess.Popen(
                ["taskset", "-c", str(core), *server.command_line(load, port)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except OSError as error:
            raise ServerFailed(str(error)) from error
    try:
        wait_until_ready(process, port, log)
        yield process.pid, port
    finally:
        stop(process)
