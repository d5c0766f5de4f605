#!/usr/bin/env python3
"""Writes Sources/WebSockets/URL/UnicodeTables.swift: what a URL's host needs of Unicode.

    python3 -m venv venv
    venv/bin/pip install idna==3.13 unicodedata2==17.0.0
    venv/bin/python scripts/unicode-tables.py

The packages are pinned, so that the same file comes out everywhere: `idna` has the mapping table of UTS #46 and
the joining types, `unicodedata2` the rest of the character database. Both are of the Unicode version below; a
newer one means new pins here and new expectations in the tests.

Only code points that UTS #46 leaves valid after its mapping can reach normalization and the rules for labels.
For all others the tables may say anything, which keeps them small.
"""

import pathlib
import sys

import idna.idnadata
import idna.uts46data
import unicodedata2

UNICODE = "17.0.0"
TARGET = pathlib.Path(__file__).parent.parent / "Sources/WebSockets/URL/UnicodeTables.swift"
END = 0x110000

# The kinds of row in the mapping table; HostMapping.swift reads them.
VALID, IGNORED, DISALLOWED, SHIFT, ALTERNATE, SEQUENCE = range(6)

# Bidi classes as far as RFC 5893 §2 tells them apart.
BIDI = {"L": 0, "R": 1, "AL": 1, "AN": 2, "EN": 3, "NSM": 4}
BIDI |= {name: 5 for name in ("ES", "CS", "ET", "ON", "BN")}
BIDI_OTHER = 6

JOINING = {"U": 0, "C": 0, "L": 1, "R": 2, "D": 3, "T": 4}


def statuses():
    """For every code point its status in UTS #46 and what it is mapped to."""
    rows = idna.uts46data.uts46data
    table = []
    for row, following in zip(rows, rows[1:] + ((END, ""),)):
        # The deviations are valid, as the processing is never transitional.
        status = "V" if row[1] == "D" else row[1]
        target = tuple(map(ord, row[2])) if status == "M" else ()
        table += [(status, target)] * (following[0] - row[0])
    assert len(table) == END and {status for status, _ in table} <= set("VIXM")
    return table


class Pool:
    """The sequences that code points are mapped to, one after the other, each stored once."""

    def __init__(self):
        self.scalars = []

    def index(self, run):
        for start in range(len(self.scalars) - len(run) + 1):
            if self.scalars[start : start + len(run)] == run:
                return start
        self.scalars += run
        return len(self.scalars) - len(run)


def mapping_rows(table, pool):
    """Rows (first code point, kind, payload); each holds up to the next one's first."""

    def shift(point):
        if point < END and table[point][0] == "M" and len(table[point][1]) == 1:
            return table[point][1][0] - point
        return None

    def shift_run(point):
        end = point
        while shift(point) is not None and shift(end) == shift(point):
            end += 1
        return end - point

    def alternates(point):
        return shift(point) == 1 and point + 1 < END and table[point + 1][0] == "V"

    rows = []
    point = 0
    while point < END:
        start = point
        status, target = table[point]
        if status != "M":
            while point < END and table[point][0] == status:
                point += 1
            rows.append((start, {"V": VALID, "I": IGNORED, "X": DISALLOWED}[status], 0))
        elif alternates(point):
            while alternates(point):
                point += 2
            rows.append((start, ALTERNATE, 0))
        else:
            run = shift_run(point)
            lonely = point + run == END or table[point + run][0] != "M"
            if run >= 3 or run and lonely:
                point += run
                rows.append((start, SHIFT, shift(start) % (1 << 24)))
                continue
            length = len(target)
            sequence = []
            while point < END and table[point][0] == "M" and len(table[point][1]) == length:
                if point > start and (shift_run(point) >= 3 or alternates(point)):
                    break
                sequence += table[point][1]
                point += 1
            index = pool.index(sequence)
            assert length < 32 and index < 1 << 19
            rows.append((start, SEQUENCE, index << 5 | length))
    return rows


def mapped(rows, pool, point):
    """What the reader makes of the rows: the check on the table's own encoding."""
    low, high = 0, len(rows)
    while high - low > 1:
        middle = (low + high) // 2
        if rows[middle][0] <= point:
            low = middle
        else:
            high = middle
    start, kind, payload = rows[low]
    if kind in (VALID, IGNORED, DISALLOWED):
        return "VIX"[kind], ()
    if kind == SHIFT:
        return "M", (point + payload - (1 << 24 if payload >> 23 else 0),)
    if kind == ALTERNATE:
        return ("V", ()) if (point - start) % 2 else ("M", (point + 1,))
    length = payload & 31
    index = (payload >> 5) + (point - start) * length
    return "M", tuple(pool.scalars[index : index + length])


def property_rows(table):
    """Rows (first code point, bits): bidi class, joining type, mark or not, combining class."""
    joining = idna.idnadata.joining_types()
    rows = []
    for point in range(END):
        if table[point][0] != "V":
            continue
        character = chr(point)
        bidi = BIDI.get(unicodedata2.bidirectional(character), BIDI_OTHER)
        join = JOINING[chr(joining.get(point, ord("U")))]
        mark = unicodedata2.category(character).startswith("M")
        bits = ((bidi << 3 | join) << 1 | mark) << 8 | unicodedata2.combining(character)
        if not rows or rows[-1][1] != bits:
            rows.append((point, bits))
    assert rows[0][0] == 0
    return rows


def compositions(table):
    """Triples (first, second, composite), by first and second. Hangul is computed and not among them."""
    triples = []
    for point in range(END):
        decomposition = unicodedata2.decomposition(chr(point))
        if table[point][0] != "V" or not decomposition or decomposition.startswith("<"):
            continue
        first, second = (int(part, 16) for part in decomposition.split())
        # What the reader relies on: a valid composite is one that NFC keeps, and its parts are valid.
        assert table[first][0] == table[second][0] == "V"
        assert unicodedata2.normalize("NFC", chr(point)) == chr(point)
        triples.append((first, second, point))
    return sorted(triples)


def check(table):
    """That nothing but valid code points, each by itself in NFC, comes out of the mapping."""
    for status, target in table:
        text = "".join(map(chr, target))
        assert status != "M" or all(table[scalar][0] == "V" for scalar in target)
        assert status != "M" or unicodedata2.normalize("NFC", text) == text


def text(number, width):
    """Six bits a character, the most significant first, in the 64 characters from "0" to "o"."""
    assert 0 <= number < 1 << 6 * width
    return "".join(chr(0x30 + (number >> 6 * place & 63)) for place in reversed(range(width)))


def literal(name, comment, content):
    lines = [content[start : start + 96] for start in range(0, len(content), 96)]
    body = "\\#\n        ".join(lines)
    return f'    /// {comment}\n    static let {name}: StaticString = #"""\n        {body}\n        """#\n'


def main():
    if not (idna.uts46data.__version__ == unicodedata2.unidata_version == UNICODE):
        sys.exit(f"idna is of Unicode {idna.uts46data.__version__}, unicodedata2 of "
                 f"{unicodedata2.unidata_version}; this script wants {UNICODE}")
    table = statuses()
    check(table)
    pool = Pool()
    mapping = mapping_rows(table, pool)
    assert all(mapped(mapping, pool, point) == table[point] for point in range(END))
    properties = property_rows(table)
    triples = compositions(table)
    by_composite = sorted(range(len(triples)), key=lambda row: triples[row][2])

    parts = [
        literal(
            "mapping",
            "Rows of 8: first code point (21 bits), kind (3), payload (24).",
            "".join(text(start << 3 | kind, 4) + text(payload, 4) for start, kind, payload in mapping),
        ),
        literal(
            "sequences",
            "What a row of the mapping points into: scalars of 4.",
            "".join(text(scalar, 4) for scalar in pool.scalars),
        ),
        literal(
            "properties",
            "Rows of 6: first code point (21 bits), bidi (3), joining (3), mark (1), combining class (8).",
            "".join(text(start << 15 | bits, 6) for start, bits in properties),
        ),
        literal(
            "compositions",
            "Rows of 12: first, second and composite scalar, by first and second.",
            "".join(text(scalar, 4) for triple in triples for scalar in triple),
        ),
        literal(
            "compositionOrder",
            "Rows of 2: numbers of the rows of `compositions`, by composite.",
            "".join(text(row, 2) for row in by_composite),
        ),
    ]
    TARGET.write_text(
        "// Generated by scripts/unicode-tables.py from Unicode "
        + UNICODE
        + "; do not edit.\n\n"
        + "/// The numbers in these tables have six bits a character, so that they are text in the program's image: nothing\n"
        + "/// to build when it starts, and nothing for the compiler to think about. ``PackedTable`` reads them.\n"
        + "enum UnicodeTables {\n"
        + f'    static let version = "{UNICODE}"\n\n'
        + "\n".join(parts)
        + "}\n"
    )
    print(
        f"{TARGET.name}: {TARGET.stat().st_size} bytes; {len(mapping)} rows of mapping, {len(pool.scalars)} scalars, "
        f"{len(properties)} rows of properties, {len(triples)} compositions"
    )


main()
