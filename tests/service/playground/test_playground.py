"""The playground in a browser, as a person uses it."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from tests.programs import needs
from tests.reading.documents import HELLO, pdf, tiff
from tests.service.playground.conftest import KEY, PATIENCE, Visit
from tests.service.playground.page_model import PAGE, SHOWN
from tests.service.serving import Serving

pytestmark = needs("chromium", "THE PLAYGROUND", "Debian: apt-get install chromium")
expect.set_options(timeout=PATIENCE)

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
BEARER = {"Authorization": f"Bearer {KEY}"}
WORDS = "#stage polygon"


def sample(page: Page, name: str) -> None:
    """Has one of the playground's own pictures read."""
    page.click(f"[data-sample='{name}']")
    expect(page.locator("#found")).to_be_visible()


def put(page: Page, *files: tuple[str, bytes]) -> None:
    """Chooses files."""
    chosen = [{"name": name, "mimeType": "", "buffer": data} for name, data in files]
    page.set_input_files("#files", chosen)  # type: ignore[arg-type]


def slide(page: Page, score: float) -> None:
    """Moves the slider of the least score."""
    page.locator("#least").fill(str(score))


def requests_of(page: Page, path: str) -> list[str]:
    """Addresses below a path that are asked from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if path in request.url else None)
    return asked


def shown(text: Locator) -> str:
    """What a pane says, as it is copied: with empty lines between paragraphs."""
    return "\n\n".join(text.locator("p").all_text_contents())


def assert_accessible(page: Page) -> None:
    """axe finds nothing."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_the_key_is_asked_for_and_a_wrong_one_is_not_taken(visit: Visit) -> None:
    page = visit(key=None)
    expect(page.get_by_role("dialog")).to_contain_text("asks for a key")
    assert_accessible(page)
    page.fill("#key-value", "a-key-that-nobody-has")
    page.click("text=Use this key")
    expect(page.locator("#key-problem")).to_have_text("The service does not know this key.")
    page.fill("#key-value", KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#model")).to_contain_text("spotter 1")
    assert page.evaluate("[sessionStorage.getItem('spotter-key'), Object.keys(localStorage).length]") == [KEY, 0]
    sample(page, "street.webp")
    page.click("#key-open")
    page.click("text=Forget it")
    assert page.evaluate("sessionStorage.getItem('spotter-key')") is None


def test_a_sample_is_read_and_shown(visit: Visit, server: Serving) -> None:
    page = visit()
    expect(page.locator("#takes")).to_contain_text("PDF")
    assert_accessible(page)
    sample(page, "street.webp")
    expect(page.locator(WORDS)).to_have_count(len(SHOWN))
    expect(page.locator("#counts")).to_have_text(f"{len(SHOWN)} words")
    assert shown(page.locator("#pane-text")) == "Harbour Cafe\n\nEspresso\t2.60\nJuice"
    for stage in ("Upload", "Decode", "Queue", "Model", "Words", "Network"):
        expect(page.locator(".timing-parts")).to_contain_text(stage)
    expect(page.locator("#warnings")).to_contain_text("read at 640 of its 1280 pixels")
    digest = httpx.get(f"{server.url}/v1/model", headers=BEARER).json()["digest"].removeprefix("sha256:")
    expect(page.locator("#model")).to_contain_text(digest[:10])
    page.click("#tab-about")
    for fact in ("1280 \u00d7 720", "spotter, version 1", digest[:10], "Closer look"):
        expect(page.locator("#pane-about")).to_contain_text(fact)


def test_an_address_may_name_a_sample(visit: Visit) -> None:
    page = visit("#sample=street.webp")
    expect(page.locator(WORDS)).to_have_count(len(SHOWN))
    other = visit("#sample=../v1/model")
    expect(other.locator("#takes")).to_contain_text("PDF")
    expect(other.locator("#found")).to_be_hidden()


def test_outlines_lie_on_their_words(visit: Visit) -> None:
    page = visit()
    sample(page, "street.webp")
    sheet, word = page.locator(".picture").bounding_box(), page.locator(WORDS).first.bounding_box()
    assert sheet is not None
    assert word is not None
    assert word["x"] == pytest.approx(sheet["x"] + PAGE[0].left * sheet["width"], abs=2)
    assert word["y"] == pytest.approx(sheet["y"] + PAGE[0].top * sheet["height"], abs=2)
    assert word["width"] == pytest.approx((PAGE[0].right - PAGE[0].left) * sheet["width"], abs=4)


def test_the_threshold_acts_at_once_and_tells_what_the_service_would(
    visit: Visit, server: Serving, samples: Path
) -> None:
    page = visit()
    sample(page, "street.webp")
    asked = requests_of(page, "/spot")
    body = (samples / "street.webp").read_bytes()
    for score in (0.15, 0.3, 0.8, 0.92):
        slide(page, score)
        kept = [word for word in PAGE if word.score >= score]
        expect(page.locator(WORDS)).to_have_count(len(kept))
        query = {"min_score": str(score), "format": "text"}
        own = httpx.post(f"{server.url}/spot", params=query, content=body, headers=BEARER, timeout=60)
        page.click("#tab-text")
        assert shown(page.locator("#pane-text")) == own.text.rstrip("\n")
        page.click("#tab-json")
        query = {"min_score": str(score), "detail": "blocks"}
        own = httpx.post(f"{server.url}/spot", params=query, content=body, headers=BEARER, timeout=60)
        told, expected = json.loads(page.locator("#json").inner_text()), own.json()
        assert {name: told[name] for name in ("words", "image", "model")} == {
            name: expected[name] for name in ("words", "image", "model")
        }
        for level in ("lines", "blocks"):
            assert [each["text"] for each in told[level]] == [each["text"] for each in expected[level]]
            assert [each["score"] for each in told[level]] == pytest.approx([each["score"] for each in expected[level]])
    assert asked == []
    page.click("#least-reset")
    expect(page.locator(WORDS)).to_have_count(len(SHOWN))
    slide(page, 1)
    page.click("#tab-text")
    expect(page.locator("#pane-text")).to_have_text("No word has this score.")


def test_lines_and_blocks_are_outlined(visit: Visit) -> None:
    page = visit()
    sample(page, "street.webp")
    for level, count, first in (("Lines", 4, "Harbour Cafe"), ("Blocks", 2, "Harbour Cafe"), ("Words", 5, "Harbour")):
        page.get_by_role("radio", name=level).check()
        expect(page.locator(WORDS)).to_have_count(count)
        page.click("#tab-list")
        expect(page.locator("#tab-list")).to_have_text(level)
        expect(page.get_by_role("option")).to_have_count(count)
        expect(page.get_by_role("option").first).to_contain_text(first)
    page.click("#in-place")
    assert page.locator("#stage text").all_text_contents() == SHOWN


def test_words_are_pointed_at_chosen_and_copied(visit: Visit) -> None:
    page = visit()
    sample(page, "receipt.webp")
    page.hover(f"{WORDS}[data-index='2']")
    expect(page.locator(".tip")).to_have_text("Espresso0.90")
    expect(page.locator("#pane-text .hovered")).to_have_text("Espresso")
    page.click(f"{WORDS}[data-index='2']")
    expect(page.locator("#pane-text .chosen")).to_have_text("Espresso")
    page.click(f"{WORDS}[data-index='3']", modifiers=["Shift"])
    page.click("text=Copy 2 words")
    expect(page.locator("#copied")).to_have_text("Text copied")
    assert page.evaluate("navigator.clipboard.readText()") == "Espresso\t2.60"
    page.locator("#stage").press("Escape")
    expect(page.locator(".chosen")).to_have_count(0)
    page.locator("#stage").press("Control+c")
    expect(page.locator("#copied")).to_have_text("Text copied")
    assert page.evaluate("navigator.clipboard.readText()") == "Harbour Cafe\n\nEspresso\t2.60\nJuice"
    page.click("#copy-json")
    expect(page.locator("#copied")).to_have_text("JSON copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert [word["text"] for word in copied["words"]] == SHOWN


def test_words_are_reached_by_keys_alone(visit: Visit) -> None:
    page = visit()
    sample(page, "receipt.webp")
    page.focus("#tab-text")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-list")).to_be_focused()
    page.keyboard.press("Tab")
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Espresso")
    expect(page.locator(f"{WORDS}.chosen")).to_have_count(1)
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_have_count(2)


def test_the_picture_is_zoomed_and_moved_every_way(visit: Visit) -> None:
    page = visit(has_touch=True)
    sample(page, "street.webp")
    percent = page.locator("#zoom-fit")
    fitted = percent.inner_text()
    stage = page.locator("#stage").bounding_box()
    assert stage is not None
    x, y = stage["x"] + 300, stage["y"] + 200

    def at(index: int) -> tuple[float, float]:
        box = page.locator(f"{WORDS}[data-index='{index}']").bounding_box()
        assert box is not None
        return box["x"], box["y"]

    def zoomed() -> float:
        return float(percent.inner_text().rstrip("%")) / float(fitted.rstrip("%"))

    page.click("#zoom-in")
    assert zoomed() == pytest.approx(1.4, abs=0.05)
    page.click("#zoom-out")
    page.focus("#stage")
    page.keyboard.press("+")
    assert zoomed() == pytest.approx(1.25, abs=0.05)
    page.keyboard.press("1")
    expect(percent).to_have_text("100%")
    page.keyboard.press("0")
    expect(percent).to_have_text(fitted)
    page.mouse.move(x, y)
    page.mouse.wheel(0, -500)
    expect(percent).not_to_have_text(fitted)
    assert zoomed() == pytest.approx(2.2, abs=0.2)
    before = at(0)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30, steps=4)
    page.mouse.up()
    after = at(0)
    assert (after[0] - before[0], after[1] - before[1]) == pytest.approx((60, 30), abs=1.5)
    expect(page.locator(".chosen")).to_have_count(0)  # a drag chooses nothing
    page.keyboard.press("ArrowRight")
    assert at(0)[0] == pytest.approx(after[0] - 60, abs=1.5)
    percent.click()
    expect(percent).to_have_text(fitted)
    touches = page.context.new_cdp_session(page)

    def fingers(kind: str, *places: float) -> None:
        points = [{"x": place, "y": y, "id": number} for number, place in enumerate(places)]
        touches.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    fingers("touchStart", x, x + 100)
    for spread in (10, 20, 30, 40, 50):
        fingers("touchMove", x - spread, x + 100 + spread)
    fingers("touchEnd")
    expect(percent).not_to_have_text(fitted)
    assert zoomed() == pytest.approx(2.0, abs=0.1)


def test_files_are_chosen_dropped_pasted_and_taken_away(visit: Visit, samples: Path) -> None:
    page = visit()
    picture = (samples / "receipt.webp").read_bytes()
    put(page, ("a.webp", picture), ("b.webp", picture))
    entries = page.locator("#sheets li")
    expect(page.locator("#sheets li.read")).to_have_count(2)
    give = """([bytes, kind]) => {
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], `${kind}.webp`, {type: 'image/webp'}));
        const Kind = kind === 'paste' ? ClipboardEvent : DragEvent;
        const how = kind === 'paste' ? {clipboardData: data} : {dataTransfer: data};
        if (kind === 'drop') document.body.dispatchEvent(new DragEvent('dragenter', {...how, bubbles: true}));
        document.body.dispatchEvent(new Kind(kind, {...how, bubbles: true, cancelable: true}));
    }"""
    for count, kind in ((3, "paste"), (4, "drop")):
        page.evaluate(give, [list(picture), kind])
        expect(page.locator("#sheets li.read")).to_have_count(count)
        expect(page.locator("#sheet-name")).to_have_text(f"{kind}.webp")
    expect(page.locator("#drop")).to_be_hidden()
    expect(page.locator("#sheets img")).to_have_count(4)
    for left in (3, 2, 1, 0):
        entries.first.hover()
        entries.first.locator(".remove").click()
        expect(entries).to_have_count(left)
    expect(page.locator("#empty")).to_be_visible()
    expect(page.locator("#found")).to_be_hidden()


def test_a_pdf_is_shown_page_by_page(visit: Visit) -> None:
    page = visit()
    sample(page, "form.pdf")
    expect(page.locator("#sheets li.read")).to_have_count(2)
    expect(page.locator("#sheets img")).to_have_count(2)
    expect(page.locator("#sheet-name")).to_have_text("form.pdf, page 1")
    picture = page.locator(".picture")
    expect(picture).to_have_js_property("naturalHeight", 2272)
    first = picture.get_attribute("src")
    page.focus("#stage")
    page.keyboard.press("PageDown")
    expect(page.locator("#sheet-name")).to_have_text("form.pdf, page 2")
    expect(picture).not_to_have_attribute("src", first or "")
    expect(picture).to_have_js_property("naturalHeight", 2272)
    page.click("#tab-export")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download Picture").click()
    with Image.open(waiting.value.path()) as drawn:
        assert drawn.size[1] == 2272


def test_a_pdf_that_carries_text_says_so_and_a_broken_page_is_a_problem_of_its_own(visit: Visit) -> None:
    page = visit()
    put(page, ("carried.pdf", pdf([HELLO])))
    expect(page.locator("#pane-text")).to_contain_text("Hello World")
    page.click("#tab-about")
    expect(page.locator("#pane-about")).to_contain_text("the text that the PDF carries")


def test_what_the_browser_cannot_open_is_drawn_by_the_service(visit: Visit) -> None:
    page = visit()
    put(page, ("scan.tiff", tiff([(200, 10, 10), (10, 200, 10)], (300, 200))))
    expect(page.locator("#sheets li.read")).to_have_count(2)
    expect(page.locator(".picture")).to_have_js_property("naturalWidth", 300)
    expect(page.locator(WORDS)).to_have_count(len(SHOWN))


def test_the_camera_takes_a_picture(visit: Visit) -> None:
    page = visit()
    page.click("#camera-open")
    expect(page.locator("#camera-take")).to_be_enabled()
    page.click("#camera-take")
    expect(page.locator("#sheet-name")).to_contain_text("camera")
    expect(page.locator(WORDS)).to_have_count(len(SHOWN))
    assert page.evaluate("document.getElementById('camera-video').srcObject") is None


BEGINNINGS = {
    "JSON": b"{",
    "JSON lines": b"{",
    "Plain text": b"Harbour Cafe",
    "hOCR": b"<?xml",
    "ALTO 4": b"<?xml",
    "TSV": b"level\t",
    "Picture": b"\x89PNG",
    "Searchable PDF": b"%PDF",
}


def test_every_form_is_downloaded_as_the_service_writes_it(visit: Visit, server: Serving) -> None:
    page = visit()
    sample(page, "street.webp")
    slide(page, 0.8)
    page.click("#tab-export")
    capabilities = httpx.get(f"{server.url}/v1/capabilities", headers=BEARER).json()
    expect(page.locator(".forms li")).to_have_count(len(capabilities["writes"]))
    assert len(capabilities["writes"]) == len(BEGINNINGS)
    for name, beginning in BEGINNINGS.items():
        with page.expect_download() as waiting:
            page.get_by_role("button", name=f"Download {name}", exact=True).click()
        written = Path(waiting.value.path()).read_bytes()
        assert written.startswith(beginning)
        assert waiting.value.suggested_filename.startswith("street.")
        if beginning not in (b"\x89PNG", b"%PDF"):
            assert b"Harbour" in written
            assert b"Juice" not in written, "it is not of the threshold that is shown"
    command = page.locator(".command").inner_text()
    assert "--data-binary @'street.webp'" in command
    assert f"{server.url}/spot?min_score=0.80" in command


def test_problems_are_shown_with_their_remedy(visit: Visit) -> None:
    page = visit()
    put(page, ("notes.txt", b"no picture at all"))
    card = page.locator("#problem")
    for part in (
        "This is not a picture that we read",
        "the bytes are no",
        "Send a kind of file",
        "HTTP 415",
        "request",
    ):
        expect(card).to_contain_text(part)
    expect(page.locator("#sheets li.failed")).to_have_count(1)
    assert_accessible(page)
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, "PNG")
    put(page, ("cut.png", buffer.getvalue()[:60]))
    expect(card).to_contain_text("The picture does not decode")


def test_who_is_refused_for_now_is_told_when_to_try_again(visit: Visit) -> None:
    page = visit()
    full = {
        "title": "The service has all the work it can take",
        "status": 429,
        "detail": "64 pictures",
        "retry_after": 1,
    }
    answers: Iterator[int] = iter([429])

    def answer(route: Route) -> None:
        if next(answers, 0):
            headers = {"Retry-After": "1", "Content-Type": "application/problem+json"}
            route.fulfill(status=429, body=json.dumps({**full, "remedy": "Try again."}), headers=headers)
        else:
            route.continue_()

    page.route("**/spot?*", answer)
    page.click("[data-sample='street.webp']")
    expect(page.locator("#problem")).to_contain_text("all the work it can take")
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_enabled()
    again.click()
    expect(page.locator(WORDS)).to_have_count(len(SHOWN))
    expect(page.locator("#problem")).to_be_hidden()


def test_options_are_those_that_the_service_tells_of(visit: Visit, server: Serving) -> None:
    page = visit()
    sample(page, "street.webp")
    asked = requests_of(page, "/spot?")
    page.click("#options-open")
    parameters = httpx.get(f"{server.url}/v1/capabilities", headers=BEARER).json()["parameters"]
    fields = {each["name"] for each in parameters} - {"model", "min_score", "detail", "format", "ignore"}
    expect(page.locator("#options .field")).to_have_count(len(fields))
    assert_accessible(page)
    page.fill("#option-max_side", "320")
    page.select_option("#option-pdf", "ocr")
    page.click("text=Read again")
    expect(page.locator("#warnings")).to_contain_text("read at 320 of its 1280 pixels")
    assert "max_side=320" in asked[0]
    assert "pdf=ocr" in asked[0]


def test_a_choice_of_models_is_offered_where_there_are_several(visit: Visit, server: Serving) -> None:
    page = visit(key=None)
    told = httpx.get(f"{server.url}/v1/capabilities", headers=BEARER).json()
    (choice,) = (each["schema"] for each in told["parameters"] if each["name"] == "model")
    assert choice["enum"] == ["spotter"]
    choice["enum"] += ["abcnet"]
    page.route("**/v1/capabilities", lambda route: route.fulfill(json=told))
    page.evaluate(f"sessionStorage.setItem('spotter-key', '{KEY}')")
    page.reload()
    asked = requests_of(page, "/spot?")
    page.get_by_label("Model", exact=True).select_option("abcnet")
    page.click("[data-sample='street.webp']")
    expect(page.locator("#problem")).to_contain_text("there is no model 'abcnet' here; there are: spotter")
    assert "model=abcnet" in asked[0]


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("form", [{}, PHONE], ids=["desktop", "phone"])
def test_axe_finds_nothing(visit: Visit, colours: str, form: dict[str, object]) -> None:
    page = visit(color_scheme=colours, **form)
    sample(page, "form.pdf")
    expect(page.locator("#sheets img")).to_have_count(2)
    page.locator(WORDS).first.click(force=True)
    for tab in ("text", "list", "json", "export", "about"):
        page.click(f"#tab-{tab}")
        assert_accessible(page)
    assert page.viewport_size is not None
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"], "wider than its window"


def test_colours_are_the_systems_until_they_are_chosen(visit: Visit) -> None:
    page = visit(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.click("#theme")
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    assert page.evaluate(ground) == light
    page.click("#theme")
    assert page.evaluate(ground) == dark
