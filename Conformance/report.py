#!/usr/bin/env python3
"""Judges what Conformance/run.sh has run.

Prints a table of sections and roles and compares each case with expected.json. Any difference is a failure,
and so is anything but OK that is not among the deviations below, accepted or not.

  report.py            after a run of every case: also writes its part of docs/conformance.md
  report.py --accept   the same, and writes expected.json anew
  report.py --fast     after a run of some cases: these are compared, and nothing is written
"""

import collections
import datetime
import fnmatch
import json
import pathlib
import re
import sys

import page

TOP = pathlib.Path(__file__).resolve().parent.parent
OUT = TOP / ".build-conformance"
EXPECTED = TOP / "Conformance" / "expected.json"

ROLES = {
    "server": "server",
    "server-epoll": "server, epoll",
    "server-nio": "server, SwiftNIO",
    "client": "client",
    "client-task": "client, by a task",
}
SECTIONS = {
    "1": "Framing",
    "2": "Pings and pongs",
    "3": "Reserved bits",
    "4": "Opcodes",
    "5": "Fragmentation",
    "6": "UTF-8",
    "7": "Closing",
    "9": "Limits and speed",
    "10": "Automatic fragmentation",
    "12": "Compression, payloads",
    "13": "Compression, parameters",
}
LATE = (
    "The task is told of a message when its turn comes. By then the frame behind it, which broke the protocol, "
    "may have failed the connection, and no data may be sent behind a close frame (RFC 6455 §5.5.1). Ten cases "
    "can show it; which of them do is chance."
)
# Which cases may end otherwise than OK, as what, how, and why: shell patterns, as many as there are reasons.
DEVIATIONS = [
    ("7.1.6", "*", "INFORMATIONAL", "By design of the suite: whether a message is answered when a close frame "
     "follows it at once is left to each side."),
    ("7.13.[12]", "*", "INFORMATIONAL", "By design of the suite: RFC 6455 §7.4.2 says nothing of close codes "
     "5000 and 65535. Duplex refuses them."),
    ("3.[234]", "client-task", "NON-STRICT", LATE),
    ("4.1.[345]", "client-task", "NON-STRICT", LATE),
    ("4.2.[345]", "client-task", "NON-STRICT", LATE),
    ("5.15", "client-task", "NON-STRICT", LATE),
]


def order(case):
    return [int(part) for part in case.split(".")]


def verdict(result):
    """One word for both halves of a result; what goes wrong first counts."""
    behavior, closing = result
    if behavior == "OK" and closing != "OK":
        return f"closing {closing}"
    return behavior


def deviation(case, role, result):
    """The row of DEVIATIONS that a result falls under, if any."""
    for row in DEVIATIONS:
        cases, roles, word, _ = row
        if (
            fnmatch.fnmatchcase(case, cases)
            and fnmatch.fnmatchcase(role, roles)
            and result[0] == word
            and result[1] in ("OK", word)
        ):
            return row
    return None


class Run:
    """What run.sh has left behind."""

    def __init__(self):
        # case -> role -> [behavior, behaviorClose]
        self.results = collections.defaultdict(dict)
        self.specs = {}
        for role in ROLES:
            self.specs[role] = json.loads((OUT / f"{role}.json").read_text())
            reports = json.loads((OUT / role / "index.json").read_text())
            for case, result in reports["Duplex"].items():
                self.results[case][role] = [result["behavior"], result["behaviorClose"]]
        log = (OUT / "server.log").read_text()
        self.version = re.search(r"Testsuite Version ([0-9.]+)", log).group(1)

    def is_whole(self):
        return self.specs["server"]["cases"] == ["*"]

    def should_have(self, case, role):
        def is_in(patterns):
            return any(fnmatch.fnmatchcase(case, pattern) for pattern in patterns)

        spec = self.specs[role]
        return is_in(spec["cases"]) and not is_in(spec.get("exclude-cases", []))

    def items(self):
        """(case, role, result), in the order of the suite."""
        for case in sorted(self.results, key=order):
            for role in ROLES:
                if role in self.results[case]:
                    yield case, role, self.results[case][role]


def count(run, cases, role):
    words = collections.Counter(verdict(run.results[case][role]) for case in cases if role in run.results[case])
    # Good news first, the rest by name.
    return ", ".join(f"{words[w]} {w}" for w in sorted(words, key=lambda w: (w != "OK", w))) or "–"


def section_table(run):
    rows = [["section", "cases", *ROLES.values()]]
    for section, name in [*SECTIONS.items(), (None, "all")]:
        cases = [case for case in run.results if section in (None, case.split(".")[0])]
        if cases:
            title = f"{section} {name}" if section else name
            rows.append([title, str(len(cases)), *(count(run, cases, role) for role in ROLES)])
    return page.columns(rows)


def deviation_table(run):
    rows = [["cases", "role", "result", "why"]]
    found = collections.defaultdict(lambda: collections.defaultdict(list))
    for case, role, result in run.items():
        row = deviation(case, role, result)
        if row:
            _, _, word, why = row
            found[word, why][role].append(case)
    for (word, why), roles in found.items():
        by_cases = collections.defaultdict(list)
        for role, cases in roles.items():
            # More than a dozen are said by their sections.
            if len(cases) > 12:
                cases = [f"{section}.*" for section in dict.fromkeys(case.split(".")[0] for case in cases)]
            by_cases[" ".join(cases)].append(ROLES[role])
        rows += [[cases, "; ".join(names), word, why] for cases, names in by_cases.items()]
    return page.columns(rows)


def find_failures(run):
    """What no run may have: one sentence each."""
    for case, role, result in run.items():
        if result != ["OK", "OK"] and not deviation(case, role, result):
            page = f"{OUT.name}/{role}/duplex_case_{case.replace('.', '_')}.html"
            yield f"{case}, {ROLES[role]}: {result}, see {page}"


def is_race(case, role, *results):
    """Whether results differ only by who came first, the task or the next frame: the task may be lucky."""
    rows = [result and deviation(case, role, result) for result in results]
    return all(
        result == ["OK", "OK"] or (row and row[3] is LATE) for result, row in zip(results, rows)
    )


def find_differences(run):
    """What this run has otherwise than expected: one sentence each."""
    expected = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    for case in sorted({*expected, *run.results}, key=order):
        for role in ROLES:
            was, now = (results.get(case, {}).get(role) for results in (expected, run.results))
            if was != now and (now or run.should_have(case, role)) and not is_race(case, role, was, now):
                yield f"{case}, {ROLES[role]}: {now or 'did not run'}, expected {was or 'nothing'}"


def write_expected(run):
    lines = [f"  {json.dumps(case)}: {json.dumps(run.results[case])}" for case in sorted(run.results, key=order)]
    EXPECTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def write_page(run):
    page.write_section("conformance", f"""\
## Autobahn TestSuite

The [Autobahn TestSuite](https://github.com/crossbario/autobahn-testsuite) {run.version}, all of its cases, on {datetime.date.today()}, everything with default limits:

- **server**: its fuzzing client against the echo of `duplex serve`, on Linux's io_uring.
- **server, epoll** and **server, SwiftNIO**: the same with `--engine epoll` and `--engine nio`.
- **client**: its fuzzing server against a client that echoes by callbacks, `WebSocketConnection.connect(to:callbacks:)`.
- **client, by a task**: the same against a client whose task reads `messages`. Compression is left out: how a message is read makes no difference to it.

{section_table(run)}

A case counts as OK if the suite says OK both of what was exchanged and of how the connection was closed. The result of each case is in [expected.json](../Conformance/expected.json); a run with any other result fails.

### Deviations

{deviation_table(run)}
""")


def main(arguments):
    run = Run()
    print(section_table(run))
    if arguments == ["--accept"]:
        write_expected(run)
    wrong = [*find_failures(run), *find_differences(run)]
    for sentence in wrong:
        print(f"conformance: {sentence}", file=sys.stderr)
    if not wrong and run.is_whole():
        write_page(run)
    return 1 if wrong else 0


sys.exit(main(sys.argv[1:]))
