"""Tables of the figures, for the terminal and as a section of Markdown with its charts."""

import os

import loads as loading
from figures import Figures
from plots import Bar, bar_chart, number
from servers import REFERENCE

BEGIN = "<!-- Whole servers: written by Benchmarks/whole; do not edit -->"
END = "<!-- Whole servers: end -->"
UNTAKEN = "–"
WSLOAD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../wsload/wsload.c")


def table(head, rows):
    """The first column to the left, figures to the right."""
    cells = [head, *rows]
    widths = [max(len(row[index]) for row in cells) for index in range(len(head))]

    def row_text(row):
        padded = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]]
    return "\n".join([row_text(head), f"| {' | '.join(rule)} |", *map(row_text, rows)])


def with_range(spread, places=None):
    if spread is None:
        return UNTAKEN
    text = number if places is None else lambda value: f"{value:.{places}f}"
    return f"{text(spread.median)} ({text(spread.low)}–{text(spread.high)})"


def percent(spread):
    return UNTAKEN if spread is None else f"{spread.median:.0%}"


def capital(text):
    return text[0].upper() + text[1:]


def marked(figures, name):
    return name + (" †" if figures.disturbed(name) else "") + (" ‡" if figures.lost(name) else "")


def cost_name(load):
    return "bytes/connection" if load.cost_unit == "bytes" else f"server CPU µs/{load.unit}"


def load_table(figures):
    load = figures.load
    columns = [
        ("server", lambda name: marked(figures, name)),
        (cost_name(load), lambda name: with_range(figures.cost(name))),
        ("Duplex ahead", lambda name: with_range(figures.duplex_ahead(name), 2)),
    ]
    if load.has_floor:
        columns.append(("× raw TCP", lambda name: with_range(figures.over_floor(name), 2)))
    columns.append((f"{load.units}/s", lambda name: with_range(figures.rate(name))))
    if load.timed:
        columns.append(("server busy", lambda name: percent(figures.spread(name, "srv_cpu"))))
        columns.append(("wsload busy", lambda name: percent(figures.spread(name, "gen_cpu"))))
    else:
        columns.insert(
            2, ("before the echo", lambda name: with_range(figures.spread(name, "bytes_per_conn_open")))
        )
    if load.timed and load.needs == "deflate":
        # Less work is done where less is compressed away.
        columns.append(("bytes in a reply", lambda name: number(figures.spread(name, "rx_per_msg").median)))
    return table(
        [head for head, _ in columns], [[cell(name) for _, cell in columns] for name in figures.servers]
    )


def summary_table(all_figures):
    """How far Duplex is ahead of each peer, under each load that both took."""
    peers = dict.fromkeys(
        name
        for figures in all_figures
        for name in figures.servers
        if figures.kinds[name] == "peer" and figures.duplex_ahead(name)
    )
    rows = []
    for figures in all_figures:
        ratios = [figures.duplex_ahead(name) for name in peers]
        if any(ratios):
            cells = [UNTAKEN if ratio is None else f"{ratio.median:.2f}" for ratio in ratios]
            rows.append([figures.load.name, *cells])
    return table(["load", *peers], rows) if rows else ""


def untaken(results, all_figures):
    lines = [f"- **{name}**, under any load: {reason}." for name, reason in results["absent"].items()]
    for figures in all_figures:
        for name, reason in figures.failed.items():
            runs = len(figures.runs.get(name, ()))
            after = f", left out after {runs} good runs" if runs else ""
            lines.append(f"- {name}, {figures.load.name}{after}: {reason.rstrip('.')}.")
    return lines


def measured(results):
    found = [Figures(results, load) for load in loading.all_loads(results["file_limit"])]
    return [figures for figures in found if figures.runs or figures.failed]


def show(results):
    found = measured(results)
    for figures in found:
        if figures.runs:
            print(f"\n{figures.load.name}: {figures.load.title}\n\n{load_table(figures)}")
    summary = summary_table(found)
    if summary:
        print(f"\nDuplex ahead, by messages per second of server CPU\n\n{summary}")
    missing = untaken(results, found)
    if missing:
        print("\nNot measured:\n\n" + "\n".join(missing))


def origin(results):
    machine = results["machine"]
    files = results["file_limit"]
    limited = f", at most {files:,} open files" if loading.most_connections(files) < 20000 else ""
    versions = [
        f"{name} {about['version'] or '(version not said)'}"
        for name, about in results["servers"].items()
        if about["kind"] == "peer" and any(name in runs for runs in results["runs"].values())
    ]
    duplex = results["servers"].get(REFERENCE, {}).get("version", "")
    text = (
        f"Measured on {machine['date']} on {machine['processor']}, {machine['cores']} cores, "
        f"{machine['kernel']}{limited}; {' '.join(filter(None, ['Duplex', duplex]))} built by {machine['swift']}, "
        f"the load generator and what is C or C++ by {machine['cc']}; {results['repeats']} runs of {results['seconds']:g} s."
    )
    return text + (f" Peers: {'; '.join(versions)}." if versions else " No peers were available.")


METHOD = """\
Each server is a process of its own with one core; the load comes from [wsload]({wsload}) on another, over
loopback. Echoes are checked (kind, length, content; of those beyond 2 KiB one in 16 to the last byte), deliveries by
length and order. gorilla, libwebsockets and picows leave it to the application whether text is UTF-8; the others
check it, as the standard demands. Within a repeat all servers take turns, each started afresh; figures are medians
of the repeats, with the lowest–highest in brackets.

The figure to look at is the CPU time that the server's process takes for a message, user and kernel together: it
means the same whether the server or wsload is the limit. *Duplex ahead* is Duplex's messages per second of server
CPU over the other's (for idle connections, the other's memory over Duplex's), run beside run: 1.00 and more means
that Duplex, with its default engine, is ahead. *× raw TCP* is the cost over that of a plain TCP echo, the floor.
Messages/s say little where wsload is busier than the server."""


def legend(found):
    marks = []
    if any(figures.disturbed(name) for figures in found for name in figures.servers):
        marks.append("† something else on the machine, or its host, disturbed some of these runs, also when repeated.")
    if any(figures.lost(name) for figures in found for name in figures.servers):
        marks.append("‡ some messages were never delivered.")
    return marks


def picture(name, title, unit, bars, directory, link):
    with open(os.path.join(directory, f"{name}.svg"), "w") as file:
        file.write(bar_chart(title, unit, bars))
    return f"![{unit}: {title}]({link}/{name}.svg)"


def bars_of(figures, label=lambda name: name):
    return [Bar(label(name), figures.cost(name), figures.kinds[name]) for name in figures.servers]


def section(results, path, directory, link):
    found = measured(results)
    where = os.path.relpath(WSLOAD, os.path.dirname(os.path.abspath(path)))
    # One line for each paragraph, as in the rest of the documents.
    method = "\n\n".join(part.replace("\n", " ") for part in METHOD.format(wsload=where).split("\n\n"))
    parts = [BEGIN, "## Whole servers", origin(results), method, *legend(found)]
    summary = summary_table(found)
    if summary:
        parts += ["### Duplex beside its peers", "*Duplex ahead*, under each load:", summary]
    for figures in found:
        load = figures.load
        if figures.runs and load.group != "scaling":
            unit = capital(cost_name(load))
            parts += [f"### {capital(load.name)}", f"{capital(load.title)}.", load_table(figures)]
            parts.append(picture(load.name, capital(load.title), unit, bars_of(figures), directory, link))
    scaled = [figures for figures in found if figures.load.group == "scaling" and figures.runs]
    parts += scaling(scaled, directory, link)
    missing = untaken(results, found)
    if missing:
        parts += ["### Not measured", "\n".join(missing)]
    return "\n\n".join([*parts, END]) + "\n"


def scaling(found, directory, link):
    """One table and one chart for all numbers of connections."""
    if not found:
        return []
    rows, bars = [], []
    for name in dict.fromkeys(name for figures in found for name in figures.servers):
        for figures in found:
            if name not in figures.runs:
                continue
            count = f"{int(figures.load.arguments[2]):,}"
            cells = [marked(figures, name), count, with_range(figures.cost(name)), with_range(figures.rate(name))]
            rows.append(cells + [f"{figures.spread(name, 'p99_us').median / 1000:,.1f}"])
            bars.append(Bar(f"{name}, {count}", figures.cost(name), figures.kinds[name]))
    head = ["server", "connections", "server CPU µs/message", "messages/s", "99th percentile, ms"]
    title = "64 B, one message in flight on each of so many connections"
    return [
        "### Scaling",
        f"{title}. All of them send at once, so the latency includes the queue they form.",
        table(head, rows),
        picture("scaling", title, "Server CPU µs/message", bars, directory, link),
    ]


def render(results, path):
    """Puts the section into the file, in place of an earlier one, and the charts beside it."""
    folder = "performance"
    directory = os.path.join(os.path.dirname(os.path.abspath(path)), folder)
    os.makedirs(directory, exist_ok=True)
    text = section(results, path, directory, folder)
    before, after = "", ""
    if os.path.exists(path):
        with open(path) as file:
            before = file.read()
        if BEGIN in before and END in before:
            before, _, rest = before.partition(BEGIN)
            after = rest.partition(END)[2].lstrip("\n")
        before = before.rstrip("\n") + "\n\n" if before.strip() else ""
    with open(path, "w") as file:
        file.write(before + text + (f"\n{after}" if after else ""))
    print(f"\nwritten: {path}, {directory}/*.svg")
