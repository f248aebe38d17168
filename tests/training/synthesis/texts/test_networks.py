import ipaddress
import re
from urllib.parse import parse_qsl, urlsplit

from spotter.training.synthesis.texts import networks
from tests.training.synthesis.texts.drawing import drawn

HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,6}|localhost", re.IGNORECASE)


def test_addresses_of_pages_can_be_parsed() -> None:
    texts = drawn(networks.url, 3000)
    for text in texts:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        assert parts.hostname, text
        assert HOST.fullmatch(parts.hostname) or ipaddress.ip_address(parts.hostname), text
        assert not parts.query or parse_qsl(parts.query, strict_parsing=True), text
    assert max(map(len, texts)) > 45
    for start in ("www.", "https://", "http://"):
        assert sum(text.startswith(start) for text in texts) > 100
    assert sum("?" in text for text in texts) > 100


def test_addresses_of_mail() -> None:
    form = re.compile(r"(?:mailto:)?<?[\w.+-]+@(?:[\w-]+\.)+[a-z]{2,6}>?", re.IGNORECASE)
    assert all(form.fullmatch(text) for text in drawn(networks.mail, 2000))


def test_tags_and_accounts() -> None:
    form = re.compile(r"[#@]\w[\w.]*|(?:r|/?u|t\.me|fb\.com)/\w+")
    assert all(form.fullmatch(text) for text in drawn(networks.tag))


def test_paths_of_both_worlds() -> None:
    texts = drawn(networks.path, 2000)
    windows = re.compile(r"(?:[A-Z]:\\|\\\\server\\|%APPDATA%\\|\.\\|HKLM\\)[^/]*")
    unix = re.compile(r"(?:/|~/|\./|\.\./|\$HOME/)?[\w./()-]*/[\w./()-]*")
    file = re.compile(r"[\w.()-]+\.[\w.]+|\*\.[\w.]+")
    kinds = [[form.fullmatch(text) is not None for form in (windows, unix, file)] for text in texts]
    assert all(any(kind) for kind in kinds)
    assert min(sum(kind[n] for kind in kinds) for n in range(3)) > 300


def test_addresses_of_machines() -> None:
    hardware = re.compile(
        r"[0-9A-F]{2}(?:([:-])[0-9A-F]{2})(?:\1[0-9A-F]{2}){4}|(?:[0-9A-F]{4}\.){2}[0-9A-F]{4}", re.IGNORECASE
    )
    seen: set[str | int] = set()
    for text in drawn(networks.network, 2000):
        if hardware.fullmatch(text):
            seen.add("hardware")
        elif "/" in text:
            seen.add(ipaddress.ip_network(text, strict=False).version)
        else:
            bare = text.split(":")[0] if text.count(":") == 1 else text
            seen.add(ipaddress.ip_address(bare).version)
    assert seen == {"hardware", 4, 6}


def test_versions() -> None:
    form = re.compile(
        r"(?:[vV]|>=|==|~=|\^|~|<|≥|<=|[A-Za-z][A-Za-z-]*[./]?)?\d+(?:\.\d+)*(?:[-.+_]?[a-zA-Z0-9]+(?:\.\d+)?)?"
    )
    texts = drawn(networks.version, 1500)
    assert all(form.fullmatch(text) for text in texts)
    assert any(re.fullmatch(r"v\d+\.\d+\.\d+", text) for text in texts)


def test_telephone_numbers() -> None:
    form = re.compile(r"(?:[A-Z][a-z]*[.:]+|tel:|☎)?(?:(?:ext\.|x)?[\d()+./-]+|(?:\d{4}|1-\d{3})-[A-Z]{7})")
    texts = drawn(networks.phone, 2000)
    assert all(form.fullmatch(text) for text in texts), [text for text in texts if not form.fullmatch(text)]
    assert all(any(text.startswith(start) for text in texts) for start in ("+", "(", "0", "1-8"))
    assert len({re.sub(r"\d", "0", text) for text in texts}) > 40


def test_parts_of_postal_addresses() -> None:
    form = re.compile(r"#\d\d-\d{2,3}|\d{1,3}(?:A|b|-1|/2|,|bis|-12)?|[A-Z0-9-]{3,10}|\D+")
    texts = drawn(networks.street, 1500)
    assert all(form.fullmatch(text) for text in texts)
    assert {"Straße", "Rd.", "ul."} <= set(texts)
