"""The operators' page in a browser."""

import httpx
import pytest
from playwright.sync_api import expect

from tests.programs import needs
from tests.reading.tiny import picture
from tests.service.playground.conftest import KEY, PATIENCE, Visit
from tests.service.playground.test_playground import BEARER, PHONE, assert_accessible
from tests.service.serving import Serving

pytestmark = needs("chromium", "THE STATUS PAGE", "Debian: apt-get install chromium")
expect.set_options(timeout=PATIENCE)

STAGES = ("Upload", "Decode", "Queue", "Model", "Words")


def test_the_page_shows_what_the_metrics_tell(visit: Visit, server: Serving) -> None:
    body = picture((9, 9, 9), (300, 200))
    httpx.post(f"{server.url}/spot", content=body, headers=BEARER, timeout=60)
    page = visit("status")
    expect(page.locator("#state")).to_have_text("Ready")
    expect(page.locator(".card")).to_have_count(8)
    for _ in range(3):
        assert httpx.post(f"{server.url}/spot", content=body, headers=BEARER, timeout=60).status_code == 200
    assert httpx.post(f"{server.url}/spot", content=b"nothing", headers=BEARER, timeout=60).status_code == 415

    def card(name: str) -> str:
        return page.get_by_role("region", name=name, exact=True).inner_text()

    def figure(name: str, title: str) -> str:
        entry = page.get_by_role("region", name=name, exact=True).locator(".figures div").filter(has_text=title)
        return entry.locator("dd").inner_text()

    refusals = page.get_by_role("region", name="Refusals", exact=True)
    expect(refusals.locator("tbody tr").filter(has_text="415")).to_have_count(1)
    expect(refusals.locator(".figures div").filter(has_text="4xx in the window").locator("dd")).to_have_text("1")
    digest = httpx.get(f"{server.url}/v1/model", headers=BEARER).json()["digest"]
    for fact in ("spotter, version 1", digest, "live", "loaded 1"):
        assert fact in card("Model")
    for stage in STAGES:
        assert stage in card("Latency by stage")
    assert figure("Queue", "inside") == "0"
    assert figure("Queue", "decoders busy").endswith("of 2")
    assert figure("Batches", "pictures each") == "1.00"
    assert float(figure("Traffic", "answered/s")) > 0
    assert float(figure("Traffic", "words/s")) == pytest.approx(5 * float(figure("Traffic", "answered/s")), rel=0.05)
    for share in ("p50", "p95", "p99"):
        assert figure("Latency of /spot", share).endswith("s")
    assert page.locator("svg.spark").count() >= 10
    page.click("#pause")
    expect(page.locator("#pause")).to_have_text("Go on")
    page.select_option("#window", "60")
    assert_accessible(page)


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("form", [{}, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(visit: Visit, colours: str, form: dict[str, object]) -> None:
    page = visit("status", color_scheme=colours, **form)
    expect(page.locator(".card")).to_have_count(8)
    assert_accessible(page)
    assert page.viewport_size is not None
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"], "wider than its window"


def test_without_a_key_the_metrics_are_shown_and_one_may_be_given(visit: Visit) -> None:
    page = visit("status", key=None)
    model = page.get_by_role("region", name="Model", exact=True)
    expect(model).to_contain_text("spotter, version 1")
    expect(model).not_to_contain_text("Follows")
    page.click("#key-open")
    page.fill("#key-value", KEY)
    page.keyboard.press("Enter")
    expect(model).to_contain_text("Follows")


def test_guarded_or_hidden_metrics_are_told(visit: Visit) -> None:
    page = visit("status")
    problem = {"title": "A key is needed", "status": 401, "detail": "no key", "remedy": "Send one."}
    page.route(
        "**/metrics", lambda route: route.fulfill(status=401, json=problem, content_type="application/problem+json")
    )
    page.reload()
    expect(page.get_by_role("dialog")).to_contain_text("asks for a key")
    expect(page.locator("#state")).to_have_text("No figures")
    page.unroute("**/metrics")
    page.fill("#key-value", KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_have_text("Ready")
    page.route("**/metrics", lambda route: route.fulfill(status=404, body=""))
    expect(page.locator("#problem")).to_contain_text("A balancer keeps them from outside")


def test_figures_are_those_that_prometheus_would_tell(visit: Visit) -> None:
    page = visit("status")
    found = page.evaluate(
        r"""async () => {
            const {parse, value, values, growth, buckets, quantile} = await import('/playground/js/status/metrics.js');
            const text = (a, b, inf, n) => `# HELP h x\n# TYPE h histogram\nh_bucket{le="1.0",s="a"} ${a}\n` +
                `h_bucket{le="2.0",s="a"} ${b}\nh_bucket{le="+Inf",s="a"} ${inf}\n` +
                `n_total{k="a\\"b,}\\\\"} ${n}\nplain 4e2\n`;
            const [before, after] = [parse(text(0, 0, 0, 7)), parse(text(2, 6, 8, 3))];
            const between = buckets(before, after, 'h', {s: 'a'});
            return {
                plain: value(after, 'plain'), label: values(after, 'n_total', 'k'),
                begun: growth(before, after, 'n_total'),
                counts: between.map(({count}) => count), median: quantile(0.5, between), low: quantile(0.25, between),
                high: quantile(0.95, between), none: quantile(0.5, buckets(after, after, 'h')),
                absent: value(after, 'x', {}, null),
            };
        }"""
    )
    assert found == {
        "plain": 400,
        "label": ['a"b,}\\'],
        "begun": 3,
        "counts": [2, 4, 2],
        "median": 1.5,
        "low": 1,
        "high": 2,
        "none": None,
        "absent": None,
    }
