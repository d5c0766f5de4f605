#!/usr/bin/env python3
"""Judges what Conformance/run.sh has run.

Prints a table of sections and roles and compares each case with expected.json. Any difference is a failure,
and so is anything but OK that is not among the deviations below, accepted or not.

  report.py            after a run of every case: also writes docs/conformance.md
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

TOP = pathlib.Path(__file__).resolve().parent.parent
OUT = TOP / ".build-conformance"
EXPECTED = TOP / "Conformance" / "expected.json"
PAGE = TOP / "docs" / "conformance.md"

ROLES = ["server", "client"]
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
# Which cases may end otherwise than OK, how, and why: shell patterns, as many as there are reasons.
DEVIATIONS = [
    ("7.1.6", "INFORMATIONAL", "By design of the suite: whether a message is answered that a close frame follows "
     "at once is left to each side."),
    ("7.13.1", "INFORMATIONAL", "By design of the suite: RFC 6455 §7.4.2 has no rule for close code 5000."),
    ("7.13.2", "INFORMATIONAL", "By design of the suite: RFC 6455 §7.4.2 has no rule for close code 65535."),
    ("12.*", "UNIMPLEMENTED", "permessage-deflate is not offered and not accepted yet."),
    ("13.*", "UNIMPLEMENTED", "permessage-deflate is not offered and not accepted yet."),
]


def order(case):
    return [int(part) for part in case.split(".")]


def verdict(result):
    """One word for both halves of a result; what goes wrong first counts."""
    behavior, closing = result
    if behavior == "OK" and closing != "OK":
        return f"closing {closing}"
    return behavior


def deviation(case, result):
    """The row of DEVIATIONS that a result falls under, if any."""
    for row in DEVIATIONS:
        pattern, word, _ = row
        if fnmatch.fnmatchcase(case, pattern) and result[0] == word and result[1] in ("OK", word):
            return row
    return None


def read_run():
    """case -> role -> [behavior, behaviorClose], the patterns of what should have run, the suite's version."""
    run = collections.defaultdict(dict)
    for role in ROLES:
        reports = json.loads((OUT / role / "index.json").read_text())
        for case, result in reports["Duplex"].items():
            run[case][role] = [result["behavior"], result["behaviorClose"]]
    patterns = json.loads((OUT / "server" / "spec.json").read_text())["cases"]
    version = re.search(r"Testsuite Version (\S+)", (OUT / "server.log").read_text()).group(1)
    return run, patterns, version


def columns(rows):
    """A Markdown table, padded so that it reads in a terminal too."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * w for w in widths) + " |")
    return "\n".join(lines)


def count(cases, run, role):
    words = collections.Counter(verdict(run[case].get(role, ["MISSING", ""])) for case in cases)
    # Good news first, the rest by name.
    return ", ".join(f"{words[w]} {w}" for w in sorted(words, key=lambda w: (w != "OK", w)))


def section_table(run):
    rows = [["section", "cases", *(f"as {role}" for role in ROLES)]]
    for section, name in SECTIONS.items():
        cases = [case for case in run if case.split(".")[0] == section]
        if cases:
            rows.append([f"{section} {name}", str(len(cases)), *(count(cases, run, role) for role in ROLES)])
    rows.append(["all", str(len(run)), *(count(run, run, role) for role in ROLES)])
    return columns(rows)


def deviation_table(run):
    rows = [["cases", "how many", "role", "result", "why"]]
    for row in DEVIATIONS:
        roles = collections.Counter(
            role for case in run for role in run[case] if deviation(case, run[case][role]) is row
        )
        if roles:
            counts = sorted(set(roles.values()))
            rows.append([row[0], " / ".join(map(str, counts)), ", ".join(r for r in ROLES if r in roles), *row[1:]])
    return columns(rows)


def find_differences(run, patterns):
    """What keeps the run from being good: one sentence each."""
    expected = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    wanted = {case for case in expected if any(fnmatch.fnmatchcase(case, pattern) for pattern in patterns)}
    for case in sorted(wanted | set(run), key=order):
        for role in ROLES:
            was, now = (results.get(case, {}).get(role) for results in (expected, run))
            if was != now:
                yield f"{case} as {role}: {now or 'did not run'}, expected {was or 'nothing'}"


def find_failures(run):
    for case in sorted(run, key=order):
        for role in ROLES:
            result = run[case].get(role)
            if result and result != ["OK", "OK"] and not deviation(case, result):
                page = f"{OUT.name}/{role}/duplex_case_{case.replace('.', '_')}.html"
                yield f"{case} as {role}: {result}, see {page}"


def write_expected(run):
    lines = [f"  {json.dumps(case)}: {json.dumps(run[case])}" for case in sorted(run, key=order)]
    EXPECTED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def write_page(run, version):
    PAGE.write_text(f"""\
# Conformance

Written by `make conformance`; do not edit. The [Autobahn TestSuite](https://github.com/crossbario/autobahn-testsuite) {version}, all of its cases, on {datetime.date.today()}: its fuzzing client against the echo of `duplex serve`, its fuzzing server against an echo client made with `WebSocketConnection.connect`, both with default limits.

{section_table(run)}

A case counts as OK if the suite says OK of what was exchanged and of how the connection was closed. The result of each case is in [expected.json](../Conformance/expected.json); a run that gives any other fails.

## Deviations

{deviation_table(run)}
""")


def main(arguments):
    run, patterns, version = read_run()
    print(section_table(run))
    if arguments == ["--accept"]:
        write_expected(run)
    wrong = [*find_failures(run), *find_differences(run, patterns)]
    for sentence in wrong:
        print(f"conformance: {sentence}", file=sys.stderr)
    if not wrong and patterns == ["*"]:
        write_page(run, version)
    return 1 if wrong else 0


sys.exit(main(sys.argv[1:]))
