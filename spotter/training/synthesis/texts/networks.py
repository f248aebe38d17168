"""Addresses: URLs, mail addresses, IP addresses, paths, versions; also telephone numbers and streets."""

import string
from collections.abc import Callable

import numpy as np

from spotter.training.synthesis.texts.draws import chance, digits, filled, listed, pick, some, whole
from spotter.training.synthesis.vocabulary import COMMON, SIGNS

Pieces = Callable[[np.random.Generator], str]
_DOMAINS = listed(
    """
    .com .com .com .org .net .co.uk .com.sg .my .de .fr .io .es .it .nl .pl .eu .com.br .ch .at .gov .edu .info .dev
    .app .gr .cz .se .in .jp .museum
    """
)
_FOLDERS = listed(
    """
    usr bin lib etc home var log src data docs img assets Users Program Windows System32 Documents Downloads Desktop
    tmp opt local share build node_modules images
    """
)
_ENDINGS = listed(
    """
    txt pdf png jpg docx xlsx csv html php py js ts json zip tar.gz exe dll conf log xml md mp4 cpp h yml so.1 bak
    """
)
_ROADS = listed(
    """
    St St. Rd Rd. Ave Ave. Blvd Lane Jalan Street Road Drive # Straße Str. rue straat Calle c/ Via Platz pl. ul.
    gatan vägen Av. Rua náměstí utca Sok. Weg
    """
)
_PHONES = listed(
    """
    000-0000 000-000-0000 (000) (000)000-0000 1-800-000-0000 +1-000-000-0000 +10000000000 000.000.0000 +44(0)20
    +440000000000 0000-000000 (0000)000000 +49-00-000000 0000/0000000 +4900000000000 0000-00000-0 +33000000000
    00.00.00.00.00 +34000000000 000000000 00000000 +65-0000-0000 0000-0000 +603-0000 00-00000000 +91-0000000000
    00000-00000 +86-000-0000-0000 (00)0000-0000 +55(00)00000-0000 +48-000-000-000 +420000000000 (+000) 00/000.00.00
    +41(0)00 000/00000 0800-AAAAAAA 1-800-AAAAAAA ext.000 x0000
    """
)
_PARAMETERS = ("id", "q", "page", "lang", "utm_source", "ref", "v", "t")
_PRE_RELEASES = ("-beta", "-beta.2", "-rc1", "a1", "b2", ".dev0", "+build.5", "-SNAPSHOT", "-alpha", "_3", "-1ubuntu1")


def _name(rng: np.random.Generator) -> str:
    return pick(rng, SIGNS if chance(rng, 0.7) else COMMON)


def _names(rng: np.random.Generator, low: int, high: int, marks: str = "-_.") -> str:
    return pick(rng, marks).join(_name(rng) for _ in range(whole(rng, low, high)))


def _host(rng: np.random.Generator) -> str:
    name = _name(rng) + (pick(rng, ("", "-")) + _name(rng) if chance(rng, 0.4) else "")
    before = pick(rng, ("api.", "docs.", "shop.", "mail.", "blog.", "m.")) if chance(rng, 0.12) else ""
    return before + name + pick(rng, _DOMAINS)


def url(rng: np.random.Generator) -> str:
    """URLs, short and long: www.name.com https://host.de/path/page-1.html?id=42&q=new#top host.org/x."""
    scheme = pick(rng, ("http://", "https://", "https://", "https://www.", "www.", "www.", "www.", "", "", "ftp://"))
    text = scheme + _host(rng)
    if chance(rng, 0.08):
        host = pick(rng, ("localhost", "127.0.0.1", f"{whole(rng, 10, 99)}.0.0.{whole(rng, 1, 254)}"))
        text = f"http://{host}:{whole(rng, 80, 9999)}"
    if chance(rng, 0.55 if scheme else 0.25):
        parts = [_names(rng, 1, 2) if chance(rng, 0.7) else digits(rng, 1, 6) for _ in range(whole(rng, 0, 3))]
        text += "/" + "/".join(parts) + (pick(rng, ("", "", "/", ".html", ".php", ".pdf", ".jpg")) if parts else "")
        if chance(rng, 0.35):
            text += "?" + "&".join(
                f"{pick(rng, _PARAMETERS)}={pick(rng, (_name(rng), digits(rng, 1, 5)))}"
                for _ in range(whole(rng, 1, 3))
            )
        if chance(rng, 0.1):
            text += "#" + _name(rng)
    return text.upper() if chance(rng, 0.06) else text


def mail(rng: np.random.Generator) -> str:
    """Mail addresses: first.last@host.com info+shop@my-host.co.uk <name@host.de>."""
    name = pick(
        rng,
        (
            _names(rng, 1, 2, "._-"),
            _name(rng) + digits(rng, 1, 4),
            pick(rng, string.ascii_lowercase) + "." + _name(rng),
        ),
    )
    if chance(rng, 0.06):
        name += "+" + _name(rng)
    text = f"{name}@{_host(rng)}"
    form = rng.random()
    if form < 0.06:
        return f"<{text}>"
    return (
        f"mailto:{text}" if form < 0.09 else text.upper() if form < 0.14 else text.capitalize() if form < 0.2 else text
    )


def tag(rng: np.random.Generator) -> str:
    """Hashtags and names of accounts: #OpenNow @blue_river42 r/coffee #sale2024."""
    form = rng.random()
    words = [_name(rng) for _ in range(whole(rng, 1, 3))]
    if form < 0.35:
        return "#" + "".join(word.capitalize() for word in words)
    if form < 0.55:
        return "#" + "".join(words) + pick(rng, ("", "", str(whole(rng, 2010, 2030))))
    if form < 0.9:
        return "@" + pick(rng, ("", "_", ".")).join(words[:2]) + pick(rng, ("", "_", digits(rng, 1, 3)))
    return pick(rng, ("r/", "u/", "/u/", "t.me/", "fb.com/")) + "".join(words[:2])


def path(rng: np.random.Generator) -> str:
    r"""Paths and names of files: /usr/lib/tower.so.1 C:\Users\lake\notes.txt \\host\share ~/docs new_park.pdf *.csv."""
    parts = [pick(rng, _FOLDERS) if chance(rng, 0.6) else _names(rng, 1, 2, "-_") for _ in range(whole(rng, 1, 4))]
    file = f"{_names(rng, 1, 3)}{pick(rng, ('', '', digits(rng, 1, 4), f'({whole(rng, 1, 9)})'))}.{pick(rng, _ENDINGS)}"
    form = rng.random()
    if form < 0.3:
        return (file.upper() if chance(rng, 0.15) else file) if form < 0.26 else f"*.{pick(rng, _ENDINGS)}"
    if form < 0.65:
        return pick(rng, ("/", "/", "/", "~/", "./", "../", "$HOME/", "")) + "/".join(
            [*parts, pick(rng, (file, file, ""))]
        )
    root = pick(rng, ("C:\\", "C:\\", "D:\\", "\\\\server\\", "%APPDATA%\\", ".\\", "HKLM\\"))
    return root + "\\".join([*parts, pick(rng, (file, file, ""))])


def network(rng: np.random.Generator) -> str:
    """Addresses of machines: 192.168.0.12 10.0.0.0/24 127.0.0.1:8080 fe80::1a2b:0:3c4d 00:1A:2B:3C:4D:5E."""
    form = rng.random()
    if form < 0.55:
        first = pick(rng, ("192.168", "10.0", "172.16", f"{whole(rng, 1, 255)}.{whole(rng, 0, 255)}"))
        after = pick(rng, ("", "", "", f":{whole(rng, 20, 65535)}", f"/{whole(rng, 8, 32)}"))
        return f"{first}.{whole(rng, 0, 255)}.{whole(rng, 0, 255)}{after}"
    hexadecimal = "0123456789abcdef"
    if form < 0.75:
        groups = [some(rng, hexadecimal, 1, 4) for _ in range(8)]
        start, end = sorted(rng.choice(np.arange(1, 8), 2, replace=False).tolist())
        return f"{':'.join(groups[:start])}::{':'.join(groups[end:])}" if chance(rng, 0.6) else ":".join(groups)
    octets = [some(rng, hexadecimal, 2, 2) for _ in range(6)]
    text = pick(rng, ":-").join(octets) if form < 0.95 else ".".join(octets[n] + octets[n + 1] for n in (0, 2, 4))
    return text.upper() if chance(rng, 0.5) else text


def version(rng: np.random.Generator) -> str:
    """Versions and version requirements: v1.2.3 1.0.0-beta.2 10.0.19045 >=3.9 ^1.2.0 rev.B Android14."""
    form = rng.random()
    number = ".".join(str(whole(rng, 0, 30 if chance(rng, 0.8) else 2030)) for _ in range(whole(rng, 2, 4)))
    if form < 0.4:
        return pick(rng, ("v", "v", "V", "")) + number
    if form < 0.6:
        return number + pick(rng, _PRE_RELEASES)
    if form < 0.8:
        return pick(rng, (">=", "==", "~=", "^", "~", "<", "≥", "<=")) + number
    return pick(
        rng, ("Rev.", "rev", "Ver.", "R", "Android", "iOS", "Python", "PHP/", "Chrome/", "USB", "HTTP/", "Wi-Fi")
    ) + number[:5].rstrip(".")


def phone(rng: np.random.Generator) -> str:
    """Telephone numbers of many countries, or parts of them that are separate words."""
    text = filled(rng, pick(rng, _PHONES)) if chance(rng, 0.85) else digits(rng, 4, 11)
    form = rng.random()
    return pick(rng, ("Tel:", "Tel.:", "T:", "☎", "Fax:", "tel:", "M.")) + text if form < 0.05 else text


def street(rng: np.random.Generator) -> str:
    """Parts of postal addresses: house numbers, kinds of roads, post codes."""
    form = rng.random()
    if form < 0.3:
        return f"{whole(rng, 1, 400)}{pick(rng, ('', '', 'A', 'b', '-1', '/2', ',', 'bis', '-12'))}"
    if form < 0.6:
        return pick(rng, _ROADS)
    if form < 0.75:
        return f"#{whole(rng, 1, 30):02d}-{whole(rng, 1, 200):02d}"
    return filled(
        rng,
        pick(
            rng,
            (
                "00000",
                "00000",
                "000000",
                "0000",
                "00-000",
                "0000AA",
                "A0A",
                "AA0",
                "AA00",
                "0AA",
                "A-0000",
                "00000-0000",
                "SE-00000",
                "D-00000",
            ),
        ),
    )
