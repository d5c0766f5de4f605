"""Runs one test in a JavaScript host: `HOST --base-url URL --ca FILE --expose-gc FILE...`, the files being a preamble,
testharness.js, the scripts of the test, and what reports the results as a line on stdout."""

import dataclasses
import json
import pathlib
import re
import secrets
import subprocess
import threading
import urllib.parse
import urllib.request

import plan

HERE = pathlib.Path(__file__).resolve().parent
# Whatever the environment says of proxies: it is all on loopback.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# How much longer than its limit a test may take to report.
GRACE = 10
# How long a host whose test is complete may take to close what the test left open.
ENDING = 0.3
PORT = re.compile(r"\b(localhost|127\.0\.0\.1):\d+")


@dataclasses.dataclass
class Result:
    # OK, ERROR, TIMEOUT, PRECONDITION_FAILED as testharness.js has it, or CRASH.
    status: str
    message: str | None = None
    # name -> (PASS, FAIL, TIMEOUT, NOTRUN or PRECONDITION_FAILED, message)
    subtests: dict[str, tuple[str, str | None]] = dataclasses.field(default_factory=dict)

    @staticmethod
    def of(report: dict) -> "Result":
        # A few tests name themselves by URLs, whose ports differ from run to run.
        subtests = {
            PORT.sub(r"\1:PORT", one["name"]): (one["status"], one["message"]) for one in report["subtests"]
        }
        if len(subtests) < len(report["subtests"]):
            return Result("ERROR", "two subtests have the same name", subtests)
        return Result(report["status"], report["message"], subtests)


def base(servers: dict, test: plan.Test) -> str:
    """The URL of its page."""
    kind = "h2" if test.is_h2 else "https" if test.is_secure else "http"
    scheme = "http" if kind == "http" else "https"
    return f"{scheme}://{servers['host']}:{servers['ports'][kind][0]}/{test.url}"


class Host:
    def __init__(self, command: list[str], servers: dict, folder: pathlib.Path) -> None:
        self.command = command
        self.servers = servers
        self.folder = folder
        self.cache: dict[str, str] = {}
        self.lock = threading.Lock()

    def fetch(self, url: str) -> str:
        """A script as the server gives it out, its templates filled in."""
        with self.lock:
            if url not in self.cache:
                # Always by HTTP, which gives out the same.
                path = urllib.parse.urlsplit(url).path
                plain = f"http://{self.servers['host']}:{self.servers['ports']['http'][0]}{path}"
                with DIRECT.open(plain, timeout=30) as response:
                    self.cache[url] = response.read().decode("utf-8")
            return self.cache[url]

    def scripts(self, test: plan.Test) -> list[tuple[str, str]]:
        """Name and text of what makes up the test, in order."""
        page = base(self.servers, test)
        found = []
        for script in test.meta.scripts:
            name = script.source.rpartition("/")[2] or test.path.stem + ".js"
            text = self.fetch(urllib.parse.urljoin(page, script.source)) if script.source else script.text
            found.append((name, text))
        if test.path.suffix != ".html":
            found.append((test.path.name, self.fetch(urllib.parse.urljoin(page, test.path.name))))
        return found

    def prepare(self, test: plan.Test, mark: str) -> list[pathlib.Path]:
        settings = json.dumps({
            "title": test.meta.title, "isPage": test.path.suffix == ".html", "isIdl": test.part == "idlharness",
            "bridge": self.servers["bridge"], "limit": test.limit, "mark": mark,
        })  # fmt: skip
        # Behind a bracket: these files end in a function, which is called here.
        named = [
            ("preamble.js", f"{(HERE / 'preamble.js').read_text()}({settings});\n"),
            ("testharness.js", self.fetch(urllib.parse.urljoin(base(self.servers, test), "/resources/testharness.js"))),
            *self.scripts(test),
            ("report.js", f"{(HERE / 'report.js').read_text()}({settings});\n"),
        ]
        place = self.folder / urllib.parse.quote(test.url, safe="")
        place.mkdir()
        files = []
        for i, (name, text) in enumerate(named):
            files.append(place / f"{i:02}-{name}")
            files[-1].write_text(text, encoding="utf-8")
        return files

    def run(self, test: plan.Test) -> Result:
        mark = secrets.token_hex(8) + " "
        files = self.prepare(test, mark)
        errors = files[0].parent / "stderr.txt"
        options = ["--base-url", base(self.servers, test), "--ca", self.servers["ca"], "--expose-gc"]
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                [*self.command, *options, *map(str, files)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
            )  # fmt: skip
        return self.watch(process, test, mark, errors)

    def watch(self, process: subprocess.Popen, test: plan.Test, mark: str, errors: pathlib.Path) -> Result:
        killed = threading.Event()

        def kill() -> None:
            killed.set()
            process.kill()

        timer = threading.Timer(test.limit + GRACE, kill)
        timer.start()
        result = None
        assert process.stdout
        with process.stdout as lines:
            for line in lines:
                text = line.decode("utf-8", "replace")
                if text.startswith(mark):
                    result = Result.of(json.loads(text.removeprefix(mark)))
                    break
            # Before its stdout is closed, which would end a host that has more to say.
            status = self.end(process, ENDING if result else GRACE)
        timer.cancel()
        said = errors.read_text("utf-8", "replace").strip()
        if result and (status is None or status >= 0):
            return result
        if killed.is_set():
            return Result("TIMEOUT", f"nothing reported in {test.limit + GRACE} s")
        if status is not None and status < 0:
            return Result("CRASH", f"ended by signal {-status}: {said}", result.subtests if result else {})
        return Result("ERROR", f"ended with status {status} before the test was complete: {said}")

    @staticmethod
    def end(process: subprocess.Popen, grace: float) -> int | None:
        """Its exit status, or None if it was ended from here."""
        try:
            return process.wait(grace)
        except subprocess.TimeoutExpired:
            process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return None
