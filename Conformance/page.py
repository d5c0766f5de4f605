"""docs/conformance.md, of which each suite's report writes its own section and leaves the others alone."""

import pathlib

PAGE = pathlib.Path(__file__).resolve().parent.parent / "docs" / "conformance.md"
HEAD = "# Conformance\n\nWhat test suites of others say of Duplex, each section written by the command above it.\n"


def columns(rows: list[list[str]]) -> str:
    """A Markdown table, padded so that it reads in a terminal too."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(w) for cell, w in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("-" * w for w in widths) + " |")
    return "\n".join(lines)


def write_section(target: str, text: str) -> None:
    """Replaces what `make TARGET` wrote last, or adds it at the end."""
    begin, end = f"<!-- written by `make {target}`; do not edit -->", f"<!-- end of `make {target}` -->"
    section = f"{begin}\n{text.strip()}\n{end}\n"
    page = PAGE.read_text() if PAGE.exists() else ""
    if begin in page and end in page:
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(f"{end}\n")
        PAGE.write_text(before + section + after)
    else:
        PAGE.write_text((page or HEAD).rstrip("\n") + "\n\n" + section)
