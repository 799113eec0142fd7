"""chart.py RESULT.jsonl OUT.svg "TITLE": draws the output of peers.py, recall@10 against queries per second, one line per system."""

import json
import math
import sys
from html import escape

WIDTH, HEIGHT = 860, 520
LEFT, RIGHT, TOP, BOTTOM = 70, 210, 56, 52
LEAST, MOST = 0.5, 0.9999  # recalls; a higher recall is drawn at the right edge
RECALLS = [0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999]
COLOURS = ["#4878b0", "#58935a", "#8a6bb1", "#a8763e", "#3f9196", "#b3609b", "#7d7d7d", "#8c8c2f", "#5f6fd0"]
OURS = ["#d1382c", "#e8743b", "#c2185b", "#e39b1f"]

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #222 }
  .title { font-size: 16px; font-weight: 600 }
  .faint { fill: #666 }
  .grid { stroke: #ddd }
  .paper { fill: #fff }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6e6e6 } .faint { fill: #a0a0a0 } .grid { stroke: #3a3a3a } .paper { fill: #181818 }
  }
"""


def across(recall):
    """A logarithmic scale of the miss rate."""
    missed = lambda share: -math.log10(1 - min(share, MOST))
    part = (missed(recall) - missed(LEAST)) / (missed(MOST) - missed(LEAST))
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def main():
    path, out, title = sys.argv[1:4]
    with open(path) as file:
        systems = [line for line in map(json.loads, file) if "widths" in line]
    points = {}
    for system in systems:
        found = [(width["recall"], width["rate"]) for width in system["widths"] if width["recall"] >= LEAST]
        # A point that is slower than another one and has no higher recall is not drawn.
        points[system["system"]] = [(r, q) for r, q in found if not any(a >= r and b > q for a, b in found)]
    rates = [rate for found in points.values() for _, rate in found]
    low, high = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)))
    down = lambda rate: HEIGHT - BOTTOM - (math.log10(rate) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="title" x="{LEFT}" y="24">{escape(title)}</text>',
        f'<text class="faint" x="{LEFT}" y="42">queries a second of one thread, by recall@10; up and right is better</text>',
    ]
    for recall in RECALLS:
        x, label = across(recall), "1" if recall == MOST else f"{recall:g}"
        svg.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        svg.append(f'<text text-anchor="middle" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}">{label}</text>')
    for power in range(low, high + 1):
        y = down(10**power)
        svg.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        svg.append(f'<text text-anchor="end" x="{LEFT - 8}" y="{y + 4:.1f}">{10**power:,}</text>')
    svg.append(f'<text class="faint" x="{LEFT}" y="{HEIGHT - 10}">recall@10; at the right edge: 0.9999 and more</text>')
    own, others = iter(OURS), iter(COLOURS)
    for place, (name, found) in enumerate(points.items()):
        ours = name.startswith("ours")
        colour, width = (next(own), 3) if ours else (next(others), 1.6)
        places = [(across(recall), down(rate)) for recall, rate in found]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        svg.append(f'<polyline fill="none" stroke="{colour}" stroke-width="{width}" points="{line}"/>')
        for x, y in places:
            svg.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if ours else 3}" fill="{colour}"/>')
        y = TOP + 10 + 20 * place
        svg.append(f'<circle cx="{WIDTH - RIGHT + 24}" cy="{y - 4}" r="5" fill="{colour}"/>')
        svg.append(f'<text x="{WIDTH - RIGHT + 36}" y="{y}">{escape(name)}</text>')
    svg.append("</svg>")
    with open(out, "w") as file:
        file.write("\n".join(svg) + "\n")


if __name__ == "__main__":
    main()
