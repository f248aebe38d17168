"""Rules and dashboard ask for what the service shows."""

import json
import re
import runpy
from typing import Any, get_args

import pytest
import yaml

from spotter.service.models.watcher import Outcome
from tests.deploy.promql import DEPLOY, OF_BALANCER, TARGET, Page, dashboard, expressions, parse, rules

OF_PROMETHEUS = {"up": TARGET}


def known(page: Page) -> dict[str, set[str]]:
    """Labels of every series: the service's, Prometheus' own, and those that rules record."""
    series = {name: labels | TARGET for name, labels in page.labels.items()} | OF_PROMETHEUS | OF_BALANCER
    for rule in rules():
        if "record" in rule:
            asked = parse(rule["expr"])
            series[rule["record"]] = set(asked.grouped - {"le"}) | (
                TARGET if rule["record"].startswith("instance:") else set()
            )
    return series


@pytest.mark.parametrize("text", sorted(set(expressions())))
def test_expressions_ask_for_series_and_labels_that_exist(text: str, page: Page) -> None:
    series, asked = known(page), parse(text)
    for selector in asked.selectors:
        assert selector.name in series
        for label, operator, value in selector.matchers:
            assert label in series[selector.name]
            if label == "outcome":
                assert value in get_args(Outcome)
            elif label == "path" and operator == "MatchOp.Re":
                for each in value.split("|"):
                    assert any(re.fullmatch(each, path) for path in page.values[label])
            elif label in {"path", "stage", "le"}:
                assert operator == "MatchOp.Equal"
                assert value in page.values[label]
    everywhere = set[str]().union(*(series[selector.name] for selector in asked.selectors))
    assert asked.grouped <= everywhere


def test_a_wrong_name_is_seen(page: Page) -> None:
    assert parse("rate(spotter_request_total[5m])").selectors[0].name not in known(page)
    with pytest.raises(ValueError, match="parenthesis"):
        parse("sum by (code (spotter_requests_total)")


def test_the_dashboard_shows_every_metric_of_ours(page: Page) -> None:
    text = " ".join(target["expr"] for panel in dashboard()["panels"] for target in panel["targets"])
    text += " ".join(rule["expr"] for rule in rules() if rule.get("record", "?") in text)
    ours = {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in page.labels if name.startswith("spotter_")}
    assert {name for name in ours if name not in text} == set()


def test_the_dashboard_is_what_its_program_writes() -> None:
    written: dict[str, Any] = runpy.run_path(str(DEPLOY / "grafana/dashboard.py"))["dashboard"]()
    assert json.loads(json.dumps(written)) == dashboard()


def test_panels_do_not_overlap() -> None:
    cells: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        taken = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells
        cells |= taken


def test_every_alert_has_its_page_in_the_guide() -> None:
    guide = (DEPLOY.parent / "docs/operate.md").read_text()
    alerts = {rule["alert"]: rule for rule in rules() if "alert" in rule}
    assert set(re.findall(r"^### (Spotter\w+)$", guide, re.MULTILINE)) == set(alerts)
    for name, rule in alerts.items():
        assert rule["annotations"]["runbook"] == f"docs/operate.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_every_rule_is_seen_to_fire_and_to_stay_silent_by_a_test() -> None:
    fire: set[str] = set()
    silent: set[str] = set()
    recorded: set[str] = set()
    for path in (DEPLOY / "prometheus/tests").glob("*.yml"):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                (fire if case.get("exp_alerts") else silent).add(case["alertname"])
            for case in test.get("promql_expr_test", []):
                recorded |= set(re.findall(r'__name__="([^"]+)"', str(case.get("exp_samples"))))
    alerts = {rule["alert"] for rule in rules() if "alert" in rule}
    assert fire == alerts
    assert silent == alerts
    assert recorded == {rule["record"] for rule in rules() if "record" in rule}
