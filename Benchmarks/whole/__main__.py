"""Measures whole servers: CPU time per message of Duplex and its peers, under the same loads.

Each server has one core to itself and wsload another. Linux only.
"""

import argparse
import json
import os
import sys

import loads as loading
import machine
import report
import runner as running
import servers as serving

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, ".build-bench")


def names(text):
    return [name.strip() for name in text.split(",") if name.strip()]


def arguments():
    parser = argparse.ArgumentParser(
        prog="python3 Benchmarks/whole",
        description=__doc__,
        epilog='PEER="name=command with {port}" adds servers, several separated by ";": each echoes on /echo, '
        "with compression on /deflate, and sends what comes on /pub to all who are on /sub.",
    )
    parser.add_argument("--servers", type=names, default=[], metavar="A,B", help="only these (default: all)")
    parser.add_argument("--loads", type=names, default=[], metavar="X,Y", help="only these (default: all)")
    parser.add_argument("--repeats", type=int, metavar="N", help="how often (default: 5, fast: 3)")
    parser.add_argument("--seconds", type=float, metavar="S", help="length of a run (default: 3, fast: 1)")
    parser.add_argument("--fast", action="store_true", help="fewer and shorter runs")
    parser.add_argument("--duplex", default=os.path.join(ROOT, ".build/release/duplex"), metavar="PATH")
    parser.add_argument("--render", metavar="FILE", help="write the Markdown section into FILE, charts beside it")
    parser.add_argument("--saved", action="store_true", help="run nothing: render what .build-bench/whole.json has")
    options = parser.parse_args()
    if options.saved and not options.render:
        parser.error("--saved needs --render")
    options.repeats = options.repeats or (3 if options.fast else 5)
    options.seconds = options.seconds or (1 if options.fast else 3)
    if options.repeats < 1 or options.seconds <= 0:
        parser.error("--repeats and --seconds must be above zero")
    return options


def save(results, path):
    os.makedirs(BUILD, exist_ok=True)
    # Whole or not at all, also if this is interrupted.
    with open(path + ".new", "w") as file:
        json.dump(results, file, indent=1)
    os.replace(path + ".new", path)


def measure(options):
    loads = loading.choose(options.loads, loading.all_loads())
    running.raise_file_limit()
    wsload = running.build_wsload(
        os.path.join(ROOT, "Benchmarks/wsload/wsload.c"), os.path.join(BUILD, "wsload")
    )
    servers, absent = serving.find(
        options.servers,
        options.duplex,
        os.path.join(ROOT, "Benchmarks/peers/build.sh"),
        os.path.join(BUILD, "peers"),
    )
    if not servers:
        raise SystemExit("no server to measure")
    runner = running.Runner(wsload, os.path.join(BUILD, "logs"), options.seconds, 1 if options.seconds > 2 else 0.5)
    results = {
        "machine": machine.facts(),
        "file_limit": loading.file_limit(),
        "seconds": options.seconds,
        "repeats": options.repeats,
        "servers": {server.name: {"kind": server.kind, "version": server.version} for server in servers},
        "absent": absent,
        "runs": {},
        "failed": {},
    }
    # A part of it does not take the place of the whole, which took an hour.
    name = "whole-part.json" if options.loads or options.servers else "whole.json"
    running.run_all(
        runner, servers, loads, options.repeats, results, lambda found: save(found, os.path.join(BUILD, name))
    )
    return results


def main():
    options = arguments()
    if options.saved:
        with open(os.path.join(BUILD, "whole.json")) as file:
            results = json.load(file)
    else:
        results = measure(options)
    report.show(results)
    if options.render:
        report.render(results, options.render)
    # A peer may lack a load; Duplex may not.
    missed = [
        f"{server} under {load}"
        for load, failures in results["failed"].items()
        for server in failures
        if results["servers"][server]["kind"] == "duplex"
    ]
    if missed:
        raise SystemExit(f"failed: {', '.join(missed)}")


if __name__ == "__main__":
    if sys.platform != "linux":
        raise SystemExit("this reads /proc and uses taskset: Linux only")
    main()
