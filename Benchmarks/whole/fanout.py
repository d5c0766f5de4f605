"""One publisher, many subscribers: how many deliveries a second, and how long until the last has its message."""

import json
import os

import loads as loading
import machine
import runner as running
import servers as serving
from figures import Spread
from report import UNTAKEN, table, with_range

BEGIN = "<!-- Topics: written by Benchmarks/whole/fanout.py; do not edit -->"
END = "<!-- Topics: end -->"
COUNTS = (1000, 10000)


def load(count, window):
    arguments = ("broadcast", "-c", str(count), "--publishers", "1", "-s", "64", "--window", str(window))
    return loading.Load(f"topic-{count}-{window}", "", arguments, needs="topic", unit="delivery")


def pairs():
    """Of each number of subscribers that the file limit allows: flat out, and one message at a time."""
    most = loading.most_connections(loading.file_limit())
    return [(count, load(count, 16), load(count, 1)) for count in COUNTS if count <= most]


def measure(root, build, names, repeats, seconds):
    running.raise_file_limit()
    wsload = running.build_wsload(os.path.join(root, "Benchmarks/wsload/wsload.c"), os.path.join(build, "wsload"))
    found, absent = serving.find(
        names,
        os.path.join(root, ".build/release/duplex"),
        os.path.join(root, "Benchmarks/peers/build.sh"),
        os.path.join(build, "peers"),
    )
    found = [server for server in found if server.name != "duplex-task"]
    runner = running.Runner(wsload, os.path.join(build, "logs"), seconds, 1 if seconds > 2 else 0.5)
    results = {
        "machine": machine.facts(),
        "seconds": seconds,
        "repeats": repeats,
        "versions": {server.name: server.version for server in found},
        "absent": absent,
        "runs": {},
        "failed": {},
    }
    path = os.path.join(build, "topics.json")
    loads = [each for _, *both in pairs() for each in both]

    def save(results):
        os.makedirs(build, exist_ok=True)
        with open(path, "w") as file:
            json.dump(results, file, indent=1)

    running.run_all(runner, found, loads, repeats, results, save)
    return results


def spread(results, load, server, key):
    return Spread.of(run[key] for run in results["runs"].get(load.name, {}).get(server, ()))


def disturbed(results, loads, server):
    return any(run.get("disturbed") for load in loads for run in results["runs"].get(load.name, {}).get(server, ()))


def milliseconds(found):
    return UNTAKEN if found is None else with_range(Spread(found.median / 1e3, found.low / 1e3, found.high / 1e3))


def section(results):
    facts = results["machine"]
    versions = "; ".join(f"{name} {version or '(version not said)'}" for name, version in results["versions"].items())
    parts = [
        BEGIN,
        "## Topics",
        f"One publisher and many subscribers of one topic, 64 B, uncompressed, as [whole servers](#whole-servers) are "
        f"measured. *Flat out* there are 16 messages on their way at any time; *the last* is the time from the moment at "
        f"which a message was sent, alone, until the last subscriber had it, wsload's own reading included, which "
        f"takes about as long as the server's writing. Measured on {facts['date']} on {facts['processor']}, "
        f"{facts['cores']} cores, {facts['kernel']}; {results['repeats']} runs of {results['seconds']:g} s each: {versions}.",
    ]
    marks = False
    for count, flat, alone in pairs():
        names = [name for name in results["versions"] if name in results["runs"].get(flat.name, {})]
        disturbing = {name for name in names if disturbed(results, (flat, alone), name)}
        marks = marks or bool(disturbing)
        rows = [
            [
                name + (" †" if name in disturbing else ""),
                with_range(spread(results, flat, name, "msgs_per_s")),
                with_range(spread(results, flat, name, "srv_us_per_msg")),
                milliseconds(spread(results, alone, name, "last_p50_us")),
                milliseconds(spread(results, alone, name, "last_p99_us")),
            ]
            for name in names
        ]
        if not rows:
            continue
        head = ["server", "deliveries/s, flat out", "server CPU µs/delivery", "the last: median, ms", "99 %, ms"]
        parts += [f"### {count:,} subscribers", table(head, rows)]
    if marks:
        parts.append("† something else on the machine, or its host, disturbed some of these runs, also when repeated.")
    missing = [f"- {name}: {why}." for name, why in results["absent"].items()]
    missing += [
        f"- {server}, {name}: {why.rstrip('.')}." for name, those in results["failed"].items() for server, why in those.items()
    ]
    if missing:
        parts += ["### Topics not measured", "\n".join(missing)]
    return "\n\n".join([*parts, END])
