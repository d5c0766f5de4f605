"""Bar charts as SVG by hand: small, and readable in light and dark."""

from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH = 760
LEFT = 170
RIGHT = 110
TOP = 64
ROW = 30
BAR = 18

# The picture brings its own background: where a page's colours differ from the system's, the text still
# stands on the one it was chosen for.
STYLE = """
  svg { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
  .page { fill: #ffffff; }
  text { fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .faint { fill: #59636e; font-size: 12px; }
  .duplex { fill: #1f6feb; }
  .peer { fill: #8c959f; }
  .floor { fill: #c7a252; }
  .range { stroke: #1f2328; stroke-width: 1.5; }
  .axis { stroke: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; }
    text { fill: #f0f6fc; }
    .faint { fill: #9198a1; }
    .duplex { fill: #4493f8; }
    .peer { fill: #6e7681; }
    .floor { fill: #9e7d35; }
    .range { stroke: #f0f6fc; }
    .axis { stroke: #3d444d; }
  }
"""


@dataclass(frozen=True)
class Bar:
    label: str
    spread: object
    # duplex, peer or floor
    kind: str


def number(value):
    """Three digits that say something."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}"


def steps(top):
    """About four round numbers from zero to beyond the longest bar."""
    size = 10.0 ** -6
    while True:
        for factor in (1, 2, 5):
            if top / (size * factor) <= 5:
                step = size * factor
                count = int(top / step) + (top % step > 0)
                return [step * index for index in range(count + 1)]
        size *= 10


def bar_chart(title, unit, bars):
    """Horizontal bars for the medians, with a line from the lowest to the highest."""
    marks = steps(max(bar.spread.high for bar in bars))
    scale = (WIDTH - LEFT - RIGHT) / marks[-1]
    bottom = TOP + ROW * len(bars)
    height = bottom + 34
    spoken = "; ".join(f"{bar.label} {number(bar.spread.median)}" for bar in bars)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" role="img" aria-labelledby="title description">',
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="description">{escape(f"{unit}: {spoken}")}</desc>',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>',
        f'<text class="title" x="16" y="26">{escape(title)}</text>',
        f'<text class="faint" x="16" y="46">{escape(unit)}; less is better; the line: lowest to highest</text>',
    ]
    for mark in marks:
        x = LEFT + mark * scale
        out.append(f'<line class="axis" x1="{x:.1f}" y1="{TOP - 4}" x2="{x:.1f}" y2="{bottom}"/>')
        out.append(f'<text class="faint" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{mark:,.6g}</text>')
    for index, bar in enumerate(bars):
        y = TOP + ROW * index + (ROW - BAR) / 2
        middle = y + BAR / 2
        low, high, end = (
            LEFT + value * scale for value in (bar.spread.low, bar.spread.high, bar.spread.median)
        )
        out += [
            f'<text x="{LEFT - 10}" y="{middle + 4.5:.1f}" text-anchor="end">{escape(bar.label)}</text>',
            f'<rect class="{bar.kind}" x="{LEFT}" y="{y:.1f}" width="{end - LEFT:.1f}" height="{BAR}" rx="2"/>',
            f'<line class="range" x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}"/>',
            f'<text x="{max(high, end) + 8:.1f}" y="{middle + 4.5:.1f}">{number(bar.spread.median)}</text>',
        ]
    out.append("</svg>")
    return "\n".join(out) + "\n"
