"""Runs the WebSocket part of web-platform-tests in `duplex-js`, and compares with expected.json.

  run.py --suite DIR                    every test; rewrites its part of docs/conformance.md
  run.py --suite DIR --accept           the same, and makes what came out the expected results
  run.py --suite DIR --only PATTERN     the tests whose URL contains it, or matches it as a shell pattern
  run.py --suite DIR --host COMMAND     another host; compares with nothing and writes nothing
  run.py --suite DIR --list             what becomes of every test, without running any
  run.py --suite DIR --browsers         measures the browsers that are installed instead; rewrites browsers.json
"""

import argparse
import concurrent.futures
import contextlib
import fnmatch
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator

import browsers
import host
import plan
import report

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
OUT = TOP / ".build-conformance-wpt"
AT_ONCE = 4


@contextlib.contextmanager
def serving(suite: pathlib.Path, control: str = "") -> Iterator[dict]:
    """The servers of one run; they end with the block."""
    command = [sys.executable, str(HERE / "serve.py"), "--suite", str(suite), "--folder", str(OUT)]
    if control:
        command += ["--control", control]
    pipe = subprocess.PIPE
    with (
        (OUT / "server.err").open("w") as errors,
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, text=True) as process,
    ):
        assert process.stdin and process.stdout
        try:
            line = process.stdout.readline()
            if not line:
                process.wait()
                sys.exit(f"{(OUT / 'server.err').read_text()}wpt: the servers did not start")
            yield json.loads(line)
        finally:
            process.stdin.close()


def run_all(host_: host.Host, tests: list[plan.Test]) -> dict[str, host.Result]:
    results = {}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        running = {pool.submit(host_.run, test): test for test in tests}
        try:
            for done in concurrent.futures.as_completed(running):
                results[running[done].url] = done.result()
                if sys.stderr.isatty():
                    print(f"\rwpt: {len(results)} of {len(tests)} tests", end="", file=sys.stderr)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return {test.url: results[test.url] for test in tests}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("--suite", type=pathlib.Path, help="a checkout of web-platform-tests")
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("--only", metavar="PATTERN")
    parser.add_argument("--host", metavar="COMMAND", help="default: .build/release/duplex-js")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--browsers", action="store_true")
    options = parser.parse_args()
    if not options.suite or not (options.suite / "resources" / "testharness.js").is_file():
        parser.error("needs a checkout of https://github.com/web-platform-tests/wpt: make wpt WPT=DIR")
    if options.accept and (options.only or options.host):
        parser.error("what is accepted are the results of every test, in duplex-js")
    return options


def main() -> int:
    options = parse()
    suite = options.suite.resolve()
    try:
        planned = plan.make(suite)
    except plan.Unplanned as error:
        sys.exit("".join(f"wpt: {line}\n" for line in str(error).splitlines()).strip())
    if options.list:
        for test in planned:
            print(f"{test.url}: {'not run, needs ' + test.reason if test.reason else 'run'}")
        return 0
    tests = [test for test in planned if not test.reason]
    if options.only:
        tests = [test for test in tests if options.only in test.url or fnmatch.fnmatchcase(test.url, options.only)]
    if not tests:
        sys.exit("wpt: no such test is run; --list says what becomes of each")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    if options.browsers:
        return browsers.measure(tests, lambda control: serving(suite, control), OUT, is_whole=not options.only)
    command = shlex.split(options.host) if options.host else [str(TOP / ".build" / "release" / "duplex-js")]
    if not shutil.which(command[0]):
        sys.exit(f"wpt: there is no {command[0]}")
    folder = OUT / "tests"
    folder.mkdir()
    with serving(suite) as servers:
        results = run_all(host.Host(command, servers, folder), tests)
    return report.conclude(planned, results, options)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
