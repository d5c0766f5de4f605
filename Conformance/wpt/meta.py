"""What a file of the suite says of itself: its META lines, or the elements of its page."""

import dataclasses
import html.parser
import pathlib
import re

META = re.compile(r"^//\s*META:\s*(\w+)=(.*)$")
CHARSET = re.compile(rb"<meta\s+charset=[\"']?([\w-]+)", re.IGNORECASE)
HARNESS = ("/resources/testharness.js", "/resources/testharnessreport.js")
# What a page may consist of and still be nothing but its scripts; div is the harness's log.
PLAIN = {"html", "head", "meta", "title", "link", "script", "body", "div", "p", "h1"}
# Words of a script that need more than a global with WebSocket in it.
DOCUMENT = re.compile(r"\b(document|XMLHttpRequest|Worker|importScripts|iframe|frames|opener|parent)\b")


@dataclasses.dataclass
class Script:
    """An element <script>, or a META script: by its `source`, or with its `text`."""

    source: str = ""
    text: str = ""


@dataclasses.dataclass
class Meta:
    title: str = ""
    long: bool = False
    variants: list[str] = dataclasses.field(default_factory=list)
    scripts: list[Script] = dataclasses.field(default_factory=list)
    globals: list[str] = dataclasses.field(default_factory=list)
    # What keeps a page from being nothing but its scripts; None if nothing does.
    needs: str | None = None
    has_harness: bool = True


def of_script(text: str) -> Meta:
    """By the lines at the top of a .js file."""
    meta = Meta()
    for line in text.splitlines():
        found = META.match(line)
        if not found:
            if line.strip() and not line.startswith("//"):
                break
            continue
        key, value = found.groups()
        match key:
            case "title":
                meta.title = value.strip()
            case "timeout":
                meta.long = value.strip() == "long"
            case "variant":
                meta.variants.append(value.strip())
            case "script":
                meta.scripts.append(Script(source=value.strip()))
            case "global":
                meta.globals = [name.strip() for name in value.split(",")]
    return meta


class Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.meta = Meta(has_harness=False)
        self.inside = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.inside = tag
        if tag == "script":
            source = values.get("src", "")
            if source == HARNESS[0]:
                self.meta.has_harness = True
            if source not in HARNESS:
                self.meta.scripts.append(Script(source=source))
        elif tag == "meta" and values.get("name") == "timeout":
            self.meta.long = values.get("content") == "long"
        elif tag == "meta" and values.get("name") == "variant":
            self.meta.variants.append(values.get("content", ""))
        elif tag not in PLAIN or any(name.startswith("on") for name in values):
            self.meta.needs = self.meta.needs or f"<{tag}>"

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "title":
            self.meta.title += data
        elif self.inside == "script" and self.meta.scripts:
            self.meta.scripts[-1].text += data
            found = DOCUMENT.search(data)
            if found:
                self.meta.needs = self.meta.needs or found.group()


def of_page(data: bytes) -> Meta:
    declared = CHARSET.search(data)
    # As browsers take a page that does not say.
    parser = Page()
    parser.feed(data.decode(declared.group(1).decode() if declared else "windows-1252", "replace"))
    parser.close()
    parser.meta.scripts = [script for script in parser.meta.scripts if script.source or script.text.strip()]
    return parser.meta


def of_file(path: pathlib.Path) -> Meta:
    return of_page(path.read_bytes()) if path.suffix == ".html" else of_script(path.read_text("utf-8"))
