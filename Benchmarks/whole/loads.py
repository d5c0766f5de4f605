"""What the servers are asked to do: each load, as the arguments of wsload."""

import resource
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    name: str
    title: str
    arguments: tuple
    # What --loads may say for several loads at once.
    group: str = ""
    # Which of a server's paths it needs: echo, deflate or topic.
    needs: str = "echo"
    # What one message is called, and which figures of wsload tell its cost and its rate.
    unit: str = "message"
    cost: str = "srv_us_per_msg"
    cost_unit: str = "µs"
    rate: str = "msgs_per_s"
    # A plain TCP echo can take it too: the floor.
    has_floor: bool = False
    # Only worth running against Duplex, to see how it behaves by itself.
    duplex_only: bool = False
    # A window of time is measured; idle connections are counted instead.
    timed: bool = True

    @property
    def units(self):
        return "deliveries" if self.unit == "delivery" else f"{self.unit}s"


def echo(name, title, connections, size, depth, *more, **fields):
    arguments = ("echo", "-c", str(connections), "-s", str(size), "-d", str(depth), *more)
    return Load(name, title, arguments, **{"has_floor": True, **fields})


def idle(name, title, count, *more, **fields):
    return Load(
        name,
        title,
        ("idle", "-c", str(count), *more),
        unit="connection",
        cost="bytes_per_conn_touch",
        cost_unit="bytes",
        rate="opens_per_s",
        timed=False,
        **fields,
    )


def file_limit():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def most_connections(limit):
    # Room for what else a process holds open.
    return 20000 if limit == resource.RLIM_INFINITY else min(20000, limit - 200)


def all_loads(limit=None):
    most = most_connections(file_limit() if limit is None else limit)
    loads = [
        echo("ping-pong", "64 connections, 64 B, one message in flight on each", 64, 64, 1),
        echo("burst", "64 connections, 64 B, 16 messages in flight on each", 64, 64, 16),
        echo("medium", "256 connections, 512 B, one message in flight on each", 256, 512, 1),
        echo("large", "16 connections, 16 KiB, 4 messages in flight on each", 16, 16384, 4),
        echo("huge", "4 connections, 1 MiB, 2 messages in flight on each", 4, 1 << 20, 2),
        echo("huge-text", "as huge, but text, whose UTF-8 is checked", 4, 1 << 20, 2, "--text"),
        echo(
            "json-deflate",
            "64 connections, 1 KiB of JSON, each message compressed by itself",
            64, 1024, 1, "--text", "--payload", "json", "--deflate", "noctx",
            needs="deflate",
            has_floor=False,
        ),
        Load(
            "broadcast",
            "one publisher, 1,000 subscribers, 64 B; a message is one delivery",
            ("broadcast", "-c", "1000", "--publishers", "1", "-s", "64"),
            needs="topic",
            unit="delivery",
        ),
        Load(
            "churn",
            "connect, upgrade, one echo, close; 64 at a time",
            ("churn", "-c", "64", "-s", "64"),
            unit="handshake",
        ),
        idle("idle", f"{most:,} idle connections, after one echo of 64 B on each", most, "-s", "64"),
        # A kibibyte, so that the answer is worth compressing and the server needs its compressor.
        idle(
            "idle-deflate",
            f"{most:,} idle connections with compression, after one echo of 1 KiB on each",
            most, "-s", "1024", "--text", "--payload", "json", "--deflate", "noctx",
            needs="deflate",
            group="idle",
            duplex_only=True,
        ),
    ]
    for count in (10, 100, 1000, 10000, 19800):
        if count <= most:
            loads.append(
                echo(
                    f"scaling-{count}",
                    f"{count:,} connections, 64 B, one message in flight on each",
                    count, 64, 1,
                    group="scaling",
                    has_floor=False,
                    duplex_only=True,
                )
            )
    return loads


def choose(names, loads):
    """The loads named, by name or group, in their own order."""
    if not names:
        return loads
    unknown = [name for name in names if not any(name in (load.name, load.group) for load in loads)]
    if unknown:
        known = ", ".join(dict.fromkeys(load.group or load.name for load in loads))
        raise SystemExit(f"no such load: {', '.join(unknown)}. There are: {known}")
    return [load for load in loads if load.name in names or load.group in names]
