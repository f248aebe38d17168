"""Takes the picture of the playground that its page shows: python -m docs.images.playground OUT.png

The shipped model reads the receipt of the playground's samples; Debian's chromium shows it.
"""

import sys

from playwright.sync_api import expect, sync_playwright

from tests.programs import find
from tests.service.serving import serving

SIZE = 1280, 800


def take(out: str) -> None:
    with serving() as service, sync_playwright() as driver:
        service.ready()
        browser = driver.chromium.launch(executable_path=find("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme="light")
        page.goto(f"{service.url}/#sample=receipt.webp")
        expect(page.locator("#found")).to_be_visible(timeout=60_000)
        page.reload()  # the first picture takes longer than those after it
        expect(page.locator("#found")).to_be_visible(timeout=60_000)
        page.screenshot(path=out)
        browser.close()


if __name__ == "__main__":
    take(sys.argv[1])
