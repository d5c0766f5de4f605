#!/usr/bin/env python3
"""make bench: measures Duplex, whole and in parts, and writes docs/performance.md.

  make bench                        everything, in about an hour on Linux; writes the page
  make bench ARGS="--loads ping-pong --servers duplex,beast"
                                    some of the whole servers; prints their tables, writes no page
  make bench ARGS=--fast            all of them, in a hurry; prints, writes no page
  make bench ARGS=--micro           the protocol core alone, about a minute; prints, writes no page
  make bench ARGS=--saved           measures nothing; writes the page from the last run of everything

Further options are those of `python3 Benchmarks/whole --help`.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / ".build-bench"
WHOLE = ROOT / "Benchmarks" / "whole"
RECORDS = BUILD / "whole.json"
MICRO = BUILD / "micro.md"
TRIED = ROOT / "Benchmarks" / "tried.md"
PAGE = ROOT / "docs" / "performance.md"

sys.path.insert(0, str(WHOLE))
import loads as loading  # noqa: E402
import report  # noqa: E402

INTRODUCTION = """\
# Performance

Written by `make bench`; do not edit. What did not help is told by hand, in [Benchmarks/tried.md](../Benchmarks/tried.md).

Three parts: [whole servers](#whole-servers) beside other people's, [the protocol core](#the-protocol-core) without any I/O, and [what was tried and did not help](#what-was-tried-and-did-not-help). The digits are those of one machine, which is named below; ratios travel better than digits, and `make bench` takes yours.
"""

CONNECTION = """\
### Messages through a connection

From the bytes of a read, by way of a callback that sends each message back, to the bytes of a write: all that a message costs a server above the socket. Each read begins with a copy of its bytes.

{table}
"""


def complain(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def measure_whole(arguments):
    """Returns whether every load went through."""
    if sys.platform != "linux":
        complain("SKIPPED: whole servers are measured on Linux only, by /proc and taskset")
        return False
    for product in ("duplex", "task-echo"):
        subprocess.run(["swift", "build", "-c", "release", "--product", product], cwd=ROOT, check=True)
    return subprocess.run([sys.executable, WHOLE, *arguments], cwd=ROOT).returncode == 0


def measure_core(hurried):
    """Returns whether every goal was met."""
    BUILD.mkdir(exist_ok=True)
    MICRO.unlink(missing_ok=True)
    command = ["swift", "run", "-c", "release", "--package-path", "Benchmarks", "duplex-benchmarks"]
    command += ["--output", MICRO] + (["--quick"] if hurried else [])
    are_met = subprocess.run(command, cwd=ROOT).returncode == 0
    return measure_connection() and are_met


def measure_connection():
    """Adds what a message costs on its way through a connection. Returns whether that could be told."""
    subprocess.run(["swift", "build", "-c", "release", "--product", "connection-path"], cwd=ROOT, check=True)
    done = subprocess.run([ROOT / ".build/release/connection-path"], stdout=subprocess.PIPE, text=True)
    section = CONNECTION.format(table=done.stdout.strip())
    print(section)
    if not MICRO.exists() or done.returncode:
        return False
    with MICRO.open("a") as file:
        file.write(f"\n{section}\n")
    return True


def write_page():
    if not RECORDS.exists() or not MICRO.exists():
        raise SystemExit(f"bench: {RECORDS} or {MICRO} is missing: run `make bench` without options first")
    records = json.loads(RECORDS.read_text())
    absent = [load.name for load in loading.all_loads(records["file_limit"]) if load.name not in records["runs"]]
    kinds = {server["kind"] for server in records["servers"].values()}
    absent += sorted({"duplex", "peer", "floor"} - kinds)
    if absent:
        raise SystemExit(f"bench: the last run was a partial one, without {', '.join(absent)}: no page is written")
    places = [report.BEGIN + "\n" + report.END, MICRO.read_text(), TRIED.read_text()]
    PAGE.write_text("\n\n".join(part.strip() for part in [INTRODUCTION, *places]) + "\n")
    report.render(records, str(PAGE))


def main(arguments):
    if "--help" in arguments or "-h" in arguments:
        print(__doc__.strip())
        return True
    if arguments == ["--saved"]:
        write_page()
        return True
    if "--micro" in arguments:
        if set(arguments) - {"--micro", "--fast"}:
            raise SystemExit("bench: --micro goes with --fast only")
        return measure_core("--fast" in arguments)
    if arguments:
        return measure_whole(arguments)
    went_through = measure_whole([])
    met = measure_core(hurried=False)
    if went_through:
        write_page()
    else:
        complain("not all of it could be measured: no page is written")
    return went_through and met


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
