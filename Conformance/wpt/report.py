"""What came out: prints the table, compares with expected.json, and writes a section of docs/conformance.md. Fails on
a result other than the expected one, a better one too, and on a subtest that does not pass and has no reason among
the deviations in verdicts.json, accepted or not."""

import argparse
import collections
import datetime
import fnmatch
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterable

import host
import plan

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

import page  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
EXPECTED = HERE / "expected.json"
BROWSERS = HERE / "browsers.json"
PARTS = ["WebSocket", "WebSocketStream", "idlharness", "all"]
Results = dict[str, host.Result]


def status_of(result: host.Result) -> dict[str, str]:
    """subtest -> status. A harness that is not OK counts as one more, without a name."""
    statuses = {name: status for name, (status, _) in result.subtests.items()}
    return statuses if result.status == "OK" else {"": result.status, **statuses}


def summary(result: host.Result) -> list:
    """For browsers.json: the harness, how many subtests passed, and what became of the others."""
    others = {name: status for name, (status, _) in result.subtests.items() if status != "PASS"}
    return [result.status, len(result.subtests) - len(others), others]


def count(results: Iterable[host.Result]) -> str:
    words = collections.Counter(status for result in results for status, _ in result.subtests.values())
    harness = collections.Counter(result.status for result in results if result.status != "OK")
    said = [f"{words[word]} {word}" for word in sorted(words, key=lambda word: (word != "PASS", word))]
    said += [f"{n} tests {word}" for word, n in sorted(harness.items())]
    return ", ".join(said) or "–"


def write_lines(path: pathlib.Path, entries: dict) -> None:
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in entries.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def write_expected(results: Results) -> None:
    write_lines(EXPECTED, {url: [result.status, dict(status_of(result))] for url, result in results.items()})


def write_browsers(measured: dict) -> None:
    """One line for each test, so that a change can be read; the browsers that were not measured now stay."""
    anew = {name.split()[0] for name in measured}
    kept = {name: one for name, one in read(BROWSERS).items() if name.split()[0] not in anew}
    text = []
    for name, one in sorted({**kept, **measured}.items()):
        lines = [f"      {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in one["results"].items()]
        head = f'  {json.dumps(name)}: {{\n    "date": {json.dumps(one["date"])},\n    "results": {{\n'
        text.append(head + ",\n".join(lines) + "\n    }\n  }")
    BROWSERS.write_text("{\n" + ",\n".join(text) + "\n}\n", encoding="utf-8")


def read(path: pathlib.Path) -> dict:
    return json.loads(path.read_text("utf-8")) if path.exists() else {}


def in_part(tests: Iterable[plan.Test], part: str) -> list[plan.Test]:
    return [test for test in tests if part in (test.part, "all")]


def subtests(passed: int, total: int) -> str:
    return f"{passed} of {total}" if total else "–"


def part_table(planned: list[plan.Test], results: Results, name: str) -> str:
    browsers = read(BROWSERS)
    rows = [["part", "tests in the suite", "run", f"subtests passed by {name}", *browsers]]
    for part in PARTS:
        tests = in_part(planned, part)
        run = [results[test.url] for test in tests if test.url in results]
        statuses = [status for result in run for status, _ in result.subtests.values()]
        cells = [subtests(statuses.count("PASS"), len(statuses))]
        for one in browsers.values():
            known = [one["results"][test.url] for test in tests if test.url in results and test.url in one["results"]]
            passed = sum(n for _, n, _ in known)
            cells.append(subtests(passed, passed + sum(len(others) for *_, others in known)))
        rows.append([part, str(len(tests)), str(len(run)), *cells])
    return page.columns(rows)


def listed_table(planned: list[plan.Test]) -> str:
    reasons = collections.Counter(test.reason for test in planned if test.reason)
    rows = [["tests", "what they need"], *([str(n), reason] for reason, n in reasons.most_common())]
    return page.columns(rows)


def deviations(results: Results) -> list[tuple[str, str, str, str | None]]:
    """(URL, subtest, status, why): all that is not PASS. No reason is a failure of the run."""
    rules = read(plan.VERDICTS)["deviations"]
    found = []
    for url, result in results.items():
        for name, status in status_of(result).items():
            if status != "PASS":
                why = (why for u, n, why in rules if fnmatch.fnmatchcase(url, u) and fnmatch.fnmatchcase(name, n))
                found.append((url, name, status, next(why, None)))
    return found


def in_browser(one: dict, url: str, name: str) -> str:
    if url not in one["results"]:
        return "–"
    harness, _, others = one["results"][url]
    return others.get(name, "PASS") if name else harness


def deviation_table(found: list[tuple[str, str, str, str | None]]) -> str:
    browsers = read(BROWSERS)
    rows = [["test", "subtest", "result", *browsers, "why"]]
    merged: dict[tuple, list[str]] = collections.defaultdict(list)
    for url, name, status, why in found:
        path, _, variant = url.removeprefix(f"{plan.FOLDER}/").partition("?")
        others = tuple(in_browser(one, url, name) for one in browsers.values())
        merged[path, name, status, others, why or ""].append(variant)
    for (path, name, status, others, why), variants in merged.items():
        test = path + (f" ({', '.join(variants)})" if any(variants) else "")
        cells = [test, name or "(the harness)", status, *others, why]
        rows.append([cell.replace("|", "\\|").replace("\n", " ") for cell in cells])
    return page.columns(rows) if found else "None."


def version_of(tests: list[plan.Test]) -> str:
    """Which version of the suite this was, as far as the checkout tells."""
    folder = tests[0].path
    while folder.name != plan.FOLDER:
        folder = folder.parent
    git = ["git", "-C", str(folder.parent), "rev-parse", "--show-toplevel", "HEAD"]
    said = subprocess.run(git, capture_output=True, text=True).stdout.split()
    if len(said) == 2 and pathlib.Path(said[0]) == folder.parent:
        return f"commit {said[1][:10]}"
    newest = max(path.stat().st_mtime for path in folder.rglob("*") if path.is_file())
    return f"as of {datetime.date.fromtimestamp(newest)}"


def write_page(planned: list[plan.Test], results: Results) -> None:
    measured = "; ".join(f"{name} on {one['date']}" for name, one in read(BROWSERS).items())
    page.write_section("wpt", f"""\
## web-platform-tests

The folder [websockets](https://github.com/web-platform-tests/wpt/tree/master/websockets) of web-platform-tests, {version_of(planned)}, in `duplex-js`, on {datetime.date.today()}, against the suite's own servers and handlers; beside it the same tests as pages of browsers, measured by the same runner ({measured or "none yet"}). The result of each subtest is in [expected.json](../Conformance/wpt/expected.json); a run with any other result fails.

{part_table(planned, results, "Duplex")}

### What is not run

A host of JavaScript that is not a browser has no documents, and what a browser keeps around them. Which tests these are: `make wpt WPT=DIR ARGS=--list`.

{listed_table(planned)}

### What does not pass

{deviation_table(deviations(results))}
""")


def find_differences(results: Results, is_whole: bool) -> Iterable[str]:
    expected = read(EXPECTED)
    for url in sorted({*results, *(expected if is_whole else [])}):
        was = expected.get(url, ["nothing", {}])[1]
        now = status_of(results[url]) if url in results else {}
        for name in dict.fromkeys([*was, *now]):
            if was.get(name) != now.get(name):
                label = f"{url}: {name or 'the harness'}"
                yield f"{label}: {now.get(name, 'did not run')}, expected {was.get(name, 'nothing')}"


def conclude(planned: list[plan.Test], results: Results, options: argparse.Namespace) -> int:
    failures = deviations(results)
    for url, name, status, why in failures:
        if why is None:
            message = results[url].subtests[name][1] if name else results[url].message
            print(f"{url}: {name or 'the harness'}: {status}: {message}")
    print(part_table(planned, results, options.host.split()[0] if options.host else "Duplex"))
    print(count(results.values()))
    if options.host:
        return 0
    if options.accept:
        write_expected(results)
    wrong = list(find_differences(results, is_whole=not options.only))
    for url, name, status, why in failures:
        if why is None:
            wrong.append(f"{url}: {name or 'the harness'}: {status} without a reason")
    for sentence in wrong:
        print(f"wpt: {sentence}", file=sys.stderr)
    if not wrong and not options.only:
        write_page(planned, results)
    return 1 if wrong else 0
