"""The bar chart of a run, as SVG."""

from xml.sax.saxutils import escape

WIDTH, BAR, GAP, LEFT = 760, 18, 6, 190

CHARTS = (
    ("saturated", "us", "CPU per delivery, µs: one stream, 1,000 clients, "
     "200 bytes, as fast as it goes"),
    ("saturated", "rate", "deliveries per second, the same"),
    ("paced", "us", "CPU per delivery, µs: 100 events/s"),
    ("paced", "p99", "latency, 99th percentile, µs: 100 events/s"),
    ("idle", "bytes", "memory of an idle client, bytes"),
    ("rpc", "us", "CPU per call, µs: RPC over RabbitMQ, 256 calls in flight"),
)


def plot(results, machine, path):
    parts, y = [], 20
    for scenario, figure, title in CHARTS:
        rows = [(name, r[figure]) for name, r in
                results.get(scenario, {}).items() if figure in r]
        if not rows:
            continue
        top = max(v for _, v in rows) or 1
        parts.append('<text x="10" y="%d" class="t">%s</text>' % (
            y, escape(title)))
        y += 12
        for name, value in rows:
            width = max(1, (WIDTH - LEFT - 90) * value / top)
            parts.append(
                '<text x="%d" y="%d" class="n">%s</text>'
                '<rect x="%d" y="%d" width="%.1f" height="%d" class="%s"/>'
                '<text x="%.1f" y="%d">%s</text>' % (
                    LEFT - 8, y + 13, escape(name), LEFT, y, width, BAR,
                    "o" if name.startswith("ESS") else "b",
                    LEFT + width + 6, y + 13,
                    "%.0f" % value if value >= 100 else "%.2f" % value))
            y += BAR + GAP
        y += 24
    for line in ("%s, %s cores, Linux %s" % (
            machine["cpu"], machine["cores"], machine["kernel"]),
            machine["packages"]):
        parts.append('<text x="10" y="%d">%s</text>' % (y, escape(line)))
        y += 16
    with open(path, "w") as f:
        f.write('<svg xmlns="http://www.w3.org/2000/svg" width="%d" '
                'height="%d" font-family="sans-serif" font-size="12">\n'
                '<style>.t{font-weight:bold}.n{text-anchor:end}'
                '.o{fill:#2a7}.b{fill:#999}</style>\n'
                '<rect width="100%%" height="100%%" fill="white"/>\n%s\n'
                '</svg>\n' % (WIDTH, y, "\n".join(parts)))
