"""What there is in the suite's folder websockets/, file by file and URL by URL, and what becomes of each.

Every file has a verdict in verdicts.json, by the first pattern that matches: `helper` for what is not a test, `run`,
or else what a test needs that a host of nothing but JavaScript does not have. A file without one is an error, so that
nothing that the suite adds vanishes silently; so is a page to be run that turns out to be more than its scripts.
"""

import dataclasses
import fnmatch
import json
import pathlib

import meta

FOLDER = "websockets"
VERDICTS = pathlib.Path(__file__).resolve().parent / "verdicts.json"
# By what META calls them: what the suite's server calls the page of a .any.js in that kind of global.
KINDS = {
    "window": ".any.html",
    "dedicatedworker": ".any.worker.html",
    "sharedworker": ".any.sharedworker.html",
    "serviceworker": ".any.serviceworker.html",
}
WORKERS = ["dedicatedworker", "sharedworker", "serviceworker"]


class Unplanned(Exception):
    """The suite has what the verdicts do not know."""


@dataclasses.dataclass
class Test:
    # As in the suite's manifests: the path from the top, without a slash, and the variant's query.
    url: str
    path: pathlib.Path
    meta: meta.Meta
    # Why it is not run; empty if it is.
    reason: str

    @property
    def limit(self) -> int:
        """Seconds, as in the suite's own runner."""
        return 60 if self.meta.long else 10

    @property
    def is_secure(self) -> bool:
        return ".https." in self.path.name or "wpt_flags=https" in self.url

    @property
    def is_h2(self) -> bool:
        return "wpt_flags=h2" in self.url

    @property
    def part(self) -> str:
        """The row of the table."""
        inner = self.url.removeprefix(FOLDER + "/").partition("?")[0]
        if inner.startswith("idlharness"):
            return "idlharness"
        if inner.startswith("stream/"):
            return "WebSocketStream"
        return "WebSocket"


def first_match(rules: list[list[str]], name: str) -> str | None:
    return next((verdict for pattern, verdict in rules if fnmatch.fnmatchcase(name, pattern)), None)


def urls(name: str, found: meta.Meta) -> list[str]:
    """The paths at which a file of the suite is a test, before variants."""
    if name.endswith(".any.js"):
        kinds = found.globals or ["window", "dedicatedworker"]
        names = dict.fromkeys(k for kind in kinds for k in (WORKERS if kind == "worker" else [kind]))
        return [name.removesuffix(".any.js") + KINDS[kind] for kind in names if kind in KINDS]
    for end in (".window.js", ".worker.js"):
        if name.endswith(end):
            return [name.removesuffix(".js") + ".html"]
    return [name]


def tests_of(suite: pathlib.Path, path: pathlib.Path, verdicts: dict) -> list[Test]:
    name = path.relative_to(suite / FOLDER).as_posix()
    verdict = first_match(verdicts["files"], name)
    if verdict is None:
        raise Unplanned(f"{FOLDER}/{name} has no verdict")
    if verdict == "helper":
        return []
    found = meta.of_file(path)
    if verdict == "run" and not found.has_harness:
        raise Unplanned(f"{FOLDER}/{name} is to be run, but does not load testharness.js")
    if verdict == "run" and found.needs:
        raise Unplanned(f"{FOLDER}/{name} is to be run, but needs {found.needs}")
    tests = []
    for url in urls(name, found):
        for variant in found.variants or [""]:
            reason = "" if verdict == "run" else verdict
            reason = reason or first_match(verdicts["urls"], url + variant) or ""
            tests.append(Test(f"{FOLDER}/{url}{variant}", path, found, reason))
    return tests


def make(suite: pathlib.Path) -> list[Test]:
    verdicts = json.loads(VERDICTS.read_text())
    tests, unplanned = [], []
    for path in sorted((suite / FOLDER).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            try:
                tests += tests_of(suite, path, verdicts)
            except Unplanned as error:
                unplanned.append(str(error))
    if unplanned:
        raise Unplanned("\n".join([*unplanned, f"say in {VERDICTS.name} what becomes of it"]))
    return tests
