"""Writes the Grafana dashboard: python deploy/grafana/dashboard.py > deploy/grafana/dashboards/spotter.json"""

import json
import sys
from typing import Any

RATE = "[$__rate_interval]"
SPOT = 'path=~"/spot|/compat/.+"'
WIDTH, HEIGHT = 8, 8


def quantile(share: float, metric: str, by: str = "", where: str = "") -> str:
    """A quantile of a histogram, over the replicas."""
    labels = f"le, {by}" if by else "le"
    selector = f"{{{where}}}" if where else ""
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket{selector}{RATE})))"


def rate(metric: str, by: str = "", where: str = "") -> str:
    """A counter's increase per second, summed over the replicas."""
    grouping = f" by ({by}) " if by else ""
    return f"sum{grouping}(rate({metric}{f'{{{where}}}' if where else ''}{RATE}))"


def mean(metric: str) -> str:
    """A histogram's mean."""
    return f"{rate(f'{metric}_sum')} / {rate(f'{metric}_count')}"


def latencies(title: str, metric: str, where: str) -> dict[str, Any]:
    """A graph of a histogram's p50, p95 and p99."""
    return graph(title, "s", {f"p{100 * share:.0f}": quantile(share, metric, "", where) for share in (0.5, 0.95, 0.99)})


def graph(title: str, unit: str, targets: dict[str, str], text: str = "", top: float | None = None) -> dict[str, Any]:
    """Lines over time; targets: legend -> expression."""
    defaults: dict[str, Any] = {"unit": unit, "min": 0}
    if top is not None:
        defaults["max"] = top
    return {
        "type": "timeseries",
        "title": title,
        "description": text,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [
            {"refId": chr(65 + index), "expr": expression, "legendFormat": legend}
            for index, (legend, expression) in enumerate(targets.items())
        ],
    }


def number(title: str, unit: str, expression: str, text: str, steps: list[tuple[float | None, str]]) -> dict[str, Any]:
    """One number; steps: (lowest value, colour), in rising order."""
    thresholds = {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}
    return {
        "type": "stat",
        "title": title,
        "description": text,
        "fieldConfig": {"defaults": {"unit": unit, "thresholds": thresholds}, "overrides": []},
        "targets": [{"refId": "A", "expr": expression, "instant": True}],
    }


def table(title: str, expression: str) -> dict[str, Any]:
    """The current series with their labels."""
    target = {"refId": "A", "expr": expression, "format": "table", "instant": True}
    return {"type": "table", "title": title, "description": "", "targets": [target]}


RISING: list[tuple[float | None, str]] = [(None, "green"), (1, "orange"), (6, "red")]

NUMBERS = [
    number("Ready replicas", "short", "sum(spotter_ready)", "", [(None, "red"), (1, "green")]),
    number(
        "Goodput",
        "reqps",
        f'sum(rate(spotter_requests_total{{{SPOT},code="200"}}[1m]))',
        "Requests for reading (/spot and /compat) a second that are answered with 200.",
        [(None, "green")],
    ),
    number("p99 of reading, 5 min", "s", "spotter:spot_seconds:p99_5m", "", [(None, "green"), (2.048, "orange")]),
    number(
        "Engines busy",
        "percentunit",
        "avg(instance:spotter_engine_busy:ratio_rate1m)",
        "At 1 they can take no more.",
        [(None, "green"), (0.7, "orange"), (0.9, "red")],
    ),
    number(
        "Error budget's burn, 1 h",
        "short",
        "spotter:spot_errors:ratio_rate1h / 0.001",
        "1 uses the budget of 30 days up in 30 days.",
        RISING,
    ),
    number("Latency budget's burn, 1 h", "short", "spotter:spot_slow:ratio_rate1h / 0.01", "As before.", RISING),
]

ROWS: dict[str, list[dict[str, Any]]] = {
    "Traffic": [
        graph("Requests a second, by status", "reqps", {"{{code}}": rate("spotter_requests_total", "code", SPOT)}),
        graph(
            "Goodput and words",
            "short",
            {
                "200 a second": rate("spotter_requests_total", "", SPOT + ',code="200"'),
                "words a second": rate("spotter_words_total"),
                "pictures a second, {{model}}": rate("spotter_pictures_total", "model"),
            },
        ),
        graph(
            "Errors, share of requests",
            "percentunit",
            {
                "ours (5xx)": "spotter:spot_errors:ratio_rate5m",
                "refused (429)": "spotter:rejections:ratio_rate5m",
                "slower than 2.048 s": "spotter:spot_slow:ratio_rate5m",
            },
        ),
    ],
    "Latency": [
        latencies("Reading: /spot and /compat", "spotter_request_seconds", SPOT),
        *(
            latencies(f"Stage: {stage}", "spotter_stage_seconds", f'stage="{stage}"')
            for stage in ("upload", "decode", "queue", "infer", "postprocess")
        ),
    ],
    "Saturation": [
        graph(
            "Engine busy",
            "percentunit",
            {"{{instance}}": "instance:spotter_engine_busy:ratio_rate1m"},
            "Share of the time in which batches run.",
            1,
        ),
        graph(
            "Queue's cost, padded pixels",
            "short",
            {"{{instance}}": "sum by (instance) (spotter_queue_pixels)"},
            "SPOTTER_QUEUE_PIXELS is the limit.",
        ),
        graph(
            "Pictures inside",
            "short",
            {
                "inside {{instance}}": "sum by (instance) (spotter_queue_pictures)",
                "waiting for a batch {{instance}}": "sum by (instance) (spotter_batch_queue_pictures)",
            },
        ),
        graph(
            "Pictures a batch",
            "short",
            {
                "mean": mean("spotter_batch_pictures"),
                "p95": quantile(0.95, "spotter_batch_pictures"),
            },
        ),
        graph(
            "Padding, share of a batch's pixels",
            "percentunit",
            {"mean": mean("spotter_batch_padding_ratio"), "p95": quantile(0.95, "spotter_batch_padding_ratio")},
            "",
            1,
        ),
        latencies("Seconds a batch", "spotter_batch_seconds", ""),
        graph(
            "Batches a second, by why they ran then",
            "short",
            {"{{reason}}": rate("spotter_dispatches_total", "reason")},
        ),
        graph(
            "Second looks a second, at pictures of small words",
            "short",
            {"{{outcome}}": rate("spotter_second_looks_total", "outcome")},
        ),
        graph(
            "Decoders at work",
            "short",
            {"{{instance}}": 'sum by (instance) (spotter_decoders{kind="busy"})'},
            "SPOTTER_DECODERS is the limit.",
        ),
        graph(
            "Longest decoding now",
            "s",
            {"{{instance}}": "spotter_decode_longest_seconds"},
            "One that goes on rising is a decoder lost: SpotterDecoderStuck.",
        ),
        graph(
            "Connections, share of the limit",
            "percentunit",
            {
                "{{instance}}": 'sum by (instance) (spotter_connections{kind="open"})'
                ' / sum by (instance) (spotter_connections{kind="limit"})'
            },
            "",
            1,
        ),
        graph("Memory", "bytes", {"{{instance}}": "process_resident_memory_bytes"}),
        graph("Uploads held", "bytes", {"{{instance}}": "spotter_upload_bytes"}),
        graph(
            "GPU memory",
            "bytes",
            {"{{kind}} {{instance}}": "sum by (instance, kind) (spotter_gpu_memory_bytes)"},
            "Of the whole GPU, by all its processes; nothing on processors.",
        ),
    ],
    "Refused, given up": [
        graph("Rejected a second, by reason", "short", {"{{reason}}": rate("spotter_rejections_total", "reason")}),
        graph("Clients gone a second, by stage", "short", {"{{stage}}": rate("spotter_cancellations_total", "stage")}),
        graph(
            "Deadlines passed a second, by stage", "short", {"{{stage}}": rate("spotter_expirations_total", "stage")}
        ),
        graph(
            "Failed parts of multipart requests a second, by problem",
            "short",
            {"{{type}}": rate("spotter_failed_parts_total", "type")},
        ),
    ],
    "Replicas and models": [
        graph("Ready", "short", {"{{instance}}": "spotter_ready"}, "", 1),
        graph(
            "Models loaded, by outcome",
            "short",
            {"{{model}}: {{outcome}}": "sum by (model, outcome) (spotter_reloads_total)"},
        ),
        graph(
            "Replicas by model",
            "short",
            {"{{name}} {{version}}": "count by (model, name, version, digest) (spotter_model_info)"},
        ),
        table("Models", "count by (model, name, version, digest) (spotter_model_info)"),
    ],
}


def dashboard() -> dict[str, Any]:
    """The whole dashboard."""
    panels: list[dict[str, Any]] = []

    def put(panel: dict[str, Any], x: int, y: int, width: int, height: int) -> None:
        source = {} if panel["type"] == "row" else {"datasource": {"type": "prometheus", "uid": "prometheus"}}
        place = {"x": x, "y": y, "w": width, "h": height}
        panels.append({"id": len(panels) + 1, **panel, "gridPos": place, **source})

    for index, panel in enumerate(NUMBERS):
        put(panel, 4 * index, 0, 4, 4)
    y = 4
    for title, row in ROWS.items():
        put({"type": "row", "title": title, "collapsed": False, "panels": [], "targets": []}, 0, y, 24, 1)
        y += 1
        for index, panel in enumerate(row):
            put(panel, index % 3 * WIDTH, y + index // 3 * HEIGHT, WIDTH, HEIGHT)
        y += -(-len(row) // 3) * HEIGHT
    return {
        "uid": "spotter",
        "title": "Spotter",
        "schemaVersion": 39,
        "version": 2,
        "refresh": "5s",
        "time": {"from": "now-30m", "to": "now"},
        "templating": {"list": []},
        "annotations": {
            "list": [
                {
                    "name": "Alerts",
                    "enable": True,
                    "datasource": {"type": "prometheus", "uid": "prometheus"},
                    "expr": 'ALERTS{alertstate="firing",alertname=~"Spotter.*"}',
                    "titleFormat": "{{alertname}}",
                    "iconColor": "red",
                }
            ]
        },
        "panels": panels,
    }


if __name__ == "__main__":
    json.dump(dashboard(), sys.stdout, indent=1)
    print()
