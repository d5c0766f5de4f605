"""Runs the same tests in the browsers that are installed, each as a page in a window, and keeps what came out, by
the browsers' versions, in browsers.json.

A page posts its results to a server here and gets the URL of the next page in return: a browser has to know nothing
but where to begin.
"""

import contextlib
import datetime
import http.server
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator

import host
import plan
import report

GRACE = 15
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FIREFOX = ("firefox-esr", "firefox")
PREFERENCES = {
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.proxy.type": 0,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
}


class Course:
    """The tests before a browser, and what it has posted."""

    def __init__(self, tests: list[plan.Test], base: Callable[[plan.Test], str]) -> None:
        self.tests = tests
        self.base = base
        self.results: dict[str, host.Result] = {}
        self.changed = threading.Condition()

    @property
    def next(self) -> plan.Test | None:
        return next((test for test in self.tests if test.url not in self.results), None)

    def next_url(self) -> str:
        test = self.next
        return self.base(test) if test else "about:blank"

    def take(self, url: str, result: host.Result) -> str:
        with self.changed:
            # A page that was given up may still post; what was said first stays.
            self.results.setdefault(url, result)
            self.changed.notify_all()
            return self.next_url()

    def wait(self, test: plan.Test) -> bool:
        """Whether its results came in time."""
        with self.changed:
            return self.changed.wait_for(lambda: test.url in self.results, test.limit + GRACE)


class Control(http.server.ThreadingHTTPServer):
    """Where pages post; `course` is the one of the browser that runs."""

    course: Course


@contextlib.contextmanager
def control() -> Iterator[Control]:
    class Handler(http.server.BaseHTTPRequestHandler):
        server: Control

        def do_POST(self) -> None:
            report_ = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(self.server.course.take(report_["url"], host.Result.of(report_)))

        def do_GET(self) -> None:
            url = json.dumps(self.server.course.next_url())
            self.answer(f"<!doctype html><script>location.replace({url})</script>", "text/html")

        def answer(self, text: str, kind: str = "text/plain") -> None:
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Type", kind)
            self.end_headers()
            # Behind the last results the browser may be gone.
            with contextlib.suppress(ConnectionError):
                self.wfile.write(text.encode())

        def log_message(self, *arguments) -> None:
            pass

    server = Control(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def find(names: tuple[str, ...]) -> str | None:
    return next((path for name in names if (path := shutil.which(name))), None)


def version(program: str) -> str:
    """As it says itself: a name and a number."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    words = said.replace("Mozilla ", "").replace("Google ", "").split()
    number = next(i for i, word in enumerate(words) if word[0].isdigit())
    return " ".join(words[: number + 1])


def chromium(program: str, profile: pathlib.Path, ca: str, url: str) -> list[str]:
    # As root there is no sandbox; what it would keep in are the suite's own pages.
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return [
        program, "--headless=new", *sandbox, "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
        "--no-proxy-server", "--disable-background-networking", "--disable-component-update",
        "--ignore-certificate-errors", "--js-flags=--expose-gc", f"--user-data-dir={profile}", url,
    ]  # fmt: skip


def firefox(program: str, profile: pathlib.Path, ca: str, url: str) -> list[str]:
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("".join(lines))
    database = f"sql:{profile}"
    subprocess.run(["certutil", "-N", "-d", database, "--empty-password"], check=True)
    subprocess.run(["certutil", "-A", "-d", database, "-n", "wpt", "-t", "C,,", "-i", ca], check=True)
    return [program, "--headless", "--no-remote", "--profile", str(profile), url]


@contextlib.contextmanager
def running(make: Callable[..., list[str]], program: str, ca: str, url: str, log: pathlib.Path) -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="duplex-wpt-", ignore_cleanup_errors=True) as profile:
        command = make(program, pathlib.Path(profile), ca, url)
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def run(course: Course, make: Callable[..., list[str]], program: str, ca: str, url: str, log: pathlib.Path) -> None:
    while (test := course.next) is not None:
        with running(make, program, ca, url, log):
            while test is not None and course.wait(test):
                test = course.next
        if test is not None:
            print(f"wpt: {test.url}: nothing posted in time; starting anew behind it")
            course.take(test.url, host.Result("TIMEOUT", "nothing posted"))


def tell(results: dict[str, host.Result]) -> None:
    for url, result in results.items():
        for name, (status, message) in {"": (result.status, result.message), **result.subtests}.items():
            if status not in ("OK", "PASS"):
                print(f"{url}: {name or 'the harness'}: {status}: {message}")


Serving = Callable[[str], contextlib.AbstractContextManager[dict]]


def measure(tests: list[plan.Test], serving: Serving, out: pathlib.Path, is_whole: bool) -> int:
    found = [(find(CHROMIUM), chromium), (find(FIREFOX), firefox)]
    if not shutil.which("certutil"):
        print("wpt: Firefox is told of a certificate by certutil (Debian: libnss3-tools), which is not installed")
        found = found[:1]
    measured = {}
    with control() as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        with serving(url) as servers:
            for program, make in found:
                if program:
                    name = version(program)
                    server.course = course = Course(tests, lambda test: host.base(servers, test))
                    run(course, make, program, servers["ca"], url, out / f"{make.__name__}.log")
                    tell(course.results)
                    measured[name] = {
                        "date": str(datetime.date.today()),
                        "results": {test.url: report.summary(course.results[test.url]) for test in tests},
                    }
                    print(f"wpt: {name}: {report.count(course.results.values())}")
    if not measured:
        print("wpt: there is neither Chromium nor Firefox")
        return 1
    if is_whole:
        report.write_browsers(measured)
    return 0
