"""The pages that the suite's own server makes up for tests that are scripts; here only browsers ask for them."""

import pathlib
from html import escape

import meta
from wptserve.handlers import handler

HERE = pathlib.Path(__file__).resolve().parent


def page(path: pathlib.Path) -> str:
    """The page of a .any.js or a .window.js in a window."""
    found = meta.of_file(path)
    lines = ["<!doctype html>", "<meta charset=utf-8>"]
    if found.title:
        lines.append(f"<title>{escape(found.title)}</title>")
    if found.long:
        lines.append("<meta name=timeout content=long>")
    is_any = path.name.endswith(".any.js")
    if is_any:
        answers = "isWindow: () => true, isWorker: () => false, isShadowRealm: () => false"
        lines.append(f"<script>self.GLOBAL = {{ {answers} }};</script>")
    sources = [*meta.HARNESS, *(script.source for script in found.scripts), path.name]
    lines += [f'<script src="{escape(source)}"></script>' for source in sources]
    lines.append("<div id=log></div>")
    return "\n".join(lines) + "\n"


def routes(suite: pathlib.Path, control: str) -> list[tuple]:
    """For wptserve, before its own. The harness's report goes to `control`, if there is one."""

    @handler
    def make(request, response):
        path = suite / request.url_parts.path.lstrip("/")
        script = path.with_name(path.name.removesuffix(".html") + ".js")
        if not script.is_file() or suite not in script.resolve().parents:
            return 404, [], "no such test"
        return [("Content-Type", "text/html; charset=utf-8")], page(script)

    @handler
    def report(request, response):
        text = (HERE / "browser-report.js").read_text()
        return [("Content-Type", "text/javascript; charset=utf-8")], f"{text}({control!r});\n"

    made = [("GET", "*.any.html", make), ("GET", "*.window.html", make)]
    return [*made, ("GET", "/resources/testharnessreport.js", report)] if control else made
