"""What PromQL expressions ask for, and what answers them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
TARGET = {"instance", "job"}
"""Labels that Prometheus gives every series it scrapes."""
OF_BALANCER = {
    "haproxy_frontend_http_responses_total": {"proxy", "code"} | TARGET,
    "haproxy_server_http_responses_total": {"proxy", "server", "code"} | TARGET,
}
"""What rules ask of HAProxy: tests/topology looks whether it is there."""


@dataclass(frozen=True)
class Page:
    """A /metrics page: labels of each series' name, and the values that each label has somewhere."""

    labels: dict[str, set[str]]
    values: dict[str, set[str]]


@dataclass(frozen=True)
class Selector:
    """A series that is asked for; matchers: (label, operator, value)."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Asked:
    """What one expression asks for. grouped: the labels it groups or matches by."""

    text: str
    selectors: tuple[Selector, ...]
    grouped: frozenset[str]


def parse(text: str) -> Asked:
    """Raises ValueError unless it is PromQL, once Grafana has filled in its variables."""
    selectors: list[Selector] = []
    grouped: set[str] = set()

    def visit(expression: promql_parser.Expr) -> None:
        if isinstance(expression, promql_parser.VectorSelector):
            matchers = tuple((each.name, str(each.op), each.value) for each in expression.matchers.matchers)
            assert expression.name is not None, text
            selectors.append(Selector(expression.name, matchers))
        elif isinstance(expression, promql_parser.AggregateExpr) and expression.modifier is not None:
            grouped.update(expression.modifier.labels)

    promql_parser.walk(promql_parser.parse(text.replace("$__rate_interval", "1m")), visit)
    return Asked(text, tuple(selectors), frozenset(grouped))


def rules() -> list[dict[str, Any]]:
    """Every rule that Prometheus is given."""
    document = yaml.safe_load((DEPLOY / "prometheus/rules.yml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    """The Grafana dashboard."""
    document: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboards/spotter.json").read_text())
    return document


def expressions() -> Iterator[str]:
    """Every expression that rules and dashboard hold."""
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in dashboard()["panels"] for target in panel["targets"])
