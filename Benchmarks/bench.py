#!/usr/bin/env python3
"""make bench: measures Duplex, whole and in parts, and writes docs/performance.md.

  make bench                        everything, in about an hour on Linux; writes the page
  make bench ARGS="--loads ping-pong --servers duplex,beast"
                                    some of the whole servers; prints their tables, writes no page
  make bench ARGS=--fast            all of them, in a hurry; prints, writes no page
  make bench ARGS=--micro           the protocol core and a client's faces, two minutes; prints, writes no page
  make bench ARGS=--parts           the same, and writes them into the page, beside the servers that are there
  make bench ARGS=--topics          topics only, five minutes; writes them into the page
  make bench ARGS="--topics duplex,beast"
                                    the same of these servers
  make bench ARGS=--saved           measures nothing; writes the page from the last run of everything

Further options are those of `python3 Benchmarks/whole --help`.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / ".build-bench"
WHOLE = ROOT / "Benchmarks" / "whole"
RECORDS = BUILD / "whole.json"
MICRO = BUILD / "micro.md"
TOPICS = BUILD / "topics.md"
TRIED = ROOT / "Benchmarks" / "tried.md"
PAGE = ROOT / "docs" / "performance.md"

sys.path.insert(0, str(WHOLE))
import fanout  # noqa: E402
import loads as loading  # noqa: E402
import report  # noqa: E402

INTRODUCTION = """\
# Performance

Written by `make bench`; do not edit. What did not help is told by hand, in [Benchmarks/tried.md](../Benchmarks/tried.md).

Five parts: [whole servers](#whole-servers) beside other people's, [topics](#topics) with many subscribers, [the protocol core](#the-protocol-core) without any I/O, [what each face of a client costs](#the-faces-of-a-client), and [what was tried and did not help](#what-was-tried-and-did-not-help). The digits are those of one machine, which is named below; ratios travel better than digits, and `make bench` takes yours.
"""

CONNECTION = """\
### Messages through a connection

From the bytes of a read, by way of a callback that sends each message back, to the bytes of a write: all that a message costs a server above the socket. Each read begins with a copy of its bytes.

{table}
"""

FACES = """\
## The faces of a client

A client of each kind talks to the echo of the same `duplex serve`, in turn, {rounds} rounds of {seconds} s: text of 64 B, uncompressed, over loopback. One message at a time gives the round trip; 64 under way give the rate. The client's CPU is that of its whole process for each message there and back; what is above the callbacks is what the layers between cost. The last row is a script in `duplex-js`, measured right behind the others.

{table}
"""

# Rounds, and seconds of each run in them.
FACE_ROUNDS = {False: (7, 1), True: (3, 0.3)}
# Repeats, and seconds of each.
TOPIC_RUNS = (3, 3)


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
    could_be_told = measure_connection()
    return measure_faces(hurried) and could_be_told and are_met


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


def measure_faces(hurried):
    """Adds what each face of a client costs above the one below. Returns whether that could be told."""
    for product in ("duplex", "faces", "duplex-js"):
        subprocess.run(["swift", "build", "-c", "release", "--product", product], cwd=ROOT, check=True)
    products = ROOT / ".build" / "release"
    rounds, seconds = FACE_ROUNDS[hurried]
    server = subprocess.Popen([products / "duplex", "serve", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        line = next((line for line in server.stdout if line.strip().startswith("echo")), None)
        if line is None:
            complain("duplex serve did not say where its echo is")
            return False
        url = line.split()[1]
        command = [products / "faces", url, str(seconds), str(rounds)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        script = script_face(products / "duplex-js", url, rounds, seconds)
    finally:
        server.terminate()
        server.wait()
    table = done.stdout.strip()
    if not done.returncode:
        table += "\n" + script_row(script, table)
    section = FACES.format(table=table, rounds=rounds, seconds=seconds)
    print(section)
    if not MICRO.exists() or done.returncode:
        return False
    with MICRO.open("a") as file:
        file.write(f"\n{section}\n")
    return True


def script_face(program, url, rounds, seconds):
    """What a script gets, one message at a time and 64: medians of messages a second, of the round trip in
    microseconds, its 99 %, and of the process's microseconds a message, without those that an empty run takes."""

    def run(*arguments):
        process = subprocess.Popen([program, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
        words = process.stdout.read().split()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"bench: {program} ended with {process.returncode}")
        return [float(word) for word in words], 1e6 * (usage.ru_utime + usage.ru_stime)

    script = ROOT / "Benchmarks" / "faces" / "face.js"
    start = statistics.median(run(script, url, 0, 1)[1] for _ in range(rounds))
    figures = {}
    for window in (1, 64):
        runs = [run(script, url, seconds, window) for _ in range(rounds)]
        rows = [(count / seconds, half, most, (used - start) / count) for (count, half, most), used in runs]
        figures[window] = [statistics.median(column) for column in zip(*rows)]
    return figures


def script_row(figures, table):
    """The row of a script, behind those of the faces in Swift."""
    # | face | round trip | 99 % | CPU | above | rate | CPU | above |
    callbacks = table.splitlines()[2].split("|")
    base = [float(callbacks[column].split()[0]) for column in (4, 7)]
    (_, half, most, cpu), (rate, _, _, cpu_of_many) = figures[1], figures[64]
    return (
        f"| `WebSocket` of a script, in duplex-js | {half:.1f} µs | {most:.1f} µs | {cpu:.1f} µs "
        f"| {cpu - base[0]:.1f} µs | {rate:.0f}/s | {cpu_of_many:.2f} µs | {cpu_of_many - base[1]:.1f} µs |"
    )


def measure_topics(names):
    """Returns whether Duplex could be measured."""
    if sys.platform != "linux":
        complain("SKIPPED: topics are measured on Linux only, by /proc and taskset")
        return False
    subprocess.run(["swift", "build", "-c", "release", "--product", "duplex"], cwd=ROOT, check=True)
    results = fanout.measure(str(ROOT), str(BUILD), names, *TOPIC_RUNS)
    TOPICS.write_text(fanout.section(results) + "\n")
    print(TOPICS.read_text())
    return "duplex" in results["versions"] and not any("duplex" in failed for failed in results["failed"].values())


def marked(page, begin, end):
    """What stands between two marks, with them; nothing where they are missing."""
    return begin + page.partition(begin)[2].partition(end)[0] + end if begin in page and end in page else ""


def write_topics():
    """Renews what the page says of topics, and keeps the rest."""
    page = PAGE.read_text()
    old, new = marked(page, fanout.BEGIN, fanout.END), TOPICS.read_text().strip()
    # Behind the whole servers where there is none yet.
    page = page.replace(old, new) if old else page.replace(report.END, f"{report.END}\n\n{new}", 1)
    PAGE.write_text(page)


def write_parts():
    """Renews what the page says beside the whole servers, which it keeps."""
    page = PAGE.read_text()
    if report.BEGIN not in page or report.END not in page:
        raise SystemExit(f"bench: {PAGE} has no whole servers to keep: run `make bench` without options first")
    join_page(marked(page, report.BEGIN, report.END))


def join_page(whole):
    topics = TOPICS.read_text() if TOPICS.exists() else marked(PAGE.read_text(), fanout.BEGIN, fanout.END)
    parts = [INTRODUCTION, whole, topics, MICRO.read_text(), TRIED.read_text()]
    PAGE.write_text("\n\n".join(part.strip() for part in parts if part) + "\n")


def write_page():
    if not RECORDS.exists() or not MICRO.exists():
        raise SystemExit(f"bench: {RECORDS} or {MICRO} is missing: run `make bench` without options first")
    records = json.loads(RECORDS.read_text())
    absent = [load.name for load in loading.all_loads(records["file_limit"]) if load.name not in records["runs"]]
    kinds = {server["kind"] for server in records["servers"].values()}
    absent += sorted({"duplex", "peer", "floor"} - kinds)
    if absent:
        raise SystemExit(f"bench: the last run was a partial one, without {', '.join(absent)}: no page is written")
    join_page(report.BEGIN + "\n" + report.END)
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
    if arguments == ["--parts"]:
        are_met = measure_core(hurried=False)
        could_be_told = measure_topics([])
        write_parts()
        return are_met and could_be_told
    if arguments[:1] == ["--topics"] and len(arguments) < 3:
        could_be_told = measure_topics([name for names in arguments[1:] for name in names.split(",")])
        write_topics()
        return could_be_told
    if arguments:
        return measure_whole(arguments)
    went_through = measure_whole([])
    met = measure_core(hurried=False)
    met = measure_topics([]) and met
    if went_through:
        write_page()
    else:
        complain("not all of it could be measured: no page is written")
    return went_through and met


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
