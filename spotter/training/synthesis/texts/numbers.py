# ruff: noqa: RUF001, RUF002 -- signs that look like others are what this is about
"""Numbers in the notations of many countries: whole, grouped, with decimals, as percentages, amounts and sizes."""

import numpy as np

from spotter.training.synthesis.texts.draws import Odds, chance, digits, listed, magnitude, pick, whole

SIGNS_OF_CURRENCY = "$¢£¤¥₠₡₢₣₤₥₦₧₨₩₪₫€₭₮₯₰₱₲₳₴₵₶₷₸₹₺₻₼₽₾₿"
_USUAL = Odds(
    {"$": 8, "€": 8, "£": 5, "¥": 2, "₹": 2, "₽": 1, "₩": 1, "₺": 1, "₴": 0.5, "₫": 0.5, "₪": 0.5, "any": 2.5}
)
_CODES_BEFORE = ("RM", "US$", "S$", "HK$", "A$", "C$", "R$", "Rs.", "Rs", "CHF", "EUR", "USD", "GBP", "Fr.", "DM", "R")
_CODES_AFTER = listed(
    """
    kr kr. zł Kč Ft lei CHF EUR Euro USD SEK NOK TL €/kg €/St c p ct
    """
)
_SMALL = listed(
    """
    m cm mm km µm nm in ft kg g mg µg t lb lbs oz l L ml cl
    """
)
_OTHERS = listed(
    """
    V A mA W kW MW kWh mAh Hz kHz MHz GHz Ω kΩ MΩ µF nF pF mH °C °F ° K kPa hPa bar psi N Nm dB dBm lm lx cal kcal
    kJ J KB kB MB GB TB Mbit/s Mbps MB/s fps px dpi pt em rpm ppm s ms h min d km/h mph m/s m² cm² km² m³ cm³ m2 m3
    mol mmol/l mg/dl IU pcs x W/m² kg/m³ m/s² ″ ′ " ' %vol g/l mg/ml µl Pa MPa Å ℃ ℉ bn k
    """
)
_FRACTIONS = "½¼¾"


def grouped(rng: np.random.Generator) -> str:
    """Numbers of a thousand and more, with commas, points or apostrophes between groups: 24,100 24.100 1'250'000
    1,23,456.

    Commas and points are equally frequent, so that a reader cannot guess them.
    """
    mark = Odds({",": 42.0, ".": 42.0, "'": 4.0, "’": 4.0, "in": 8.0}).draw(rng)
    groups = Odds({1: 70.0, 2: 24.0, 3: 6.0}).draw(rng)
    if mark == "in":  # lakhs and crores
        number = (
            f"{whole(rng, 1, 99)}"
            + "".join(f",{whole(rng, 0, 99):02d}" for _ in range(groups))
            + f",{digits(rng, 3, 3)}"
        )
    else:
        number = f"{whole(rng, 1, 999)}" + "".join(f"{mark}{digits(rng, 3, 3)}" for _ in range(groups))
    if chance(rng, 0.3):
        number += ("," if mark == "." else ".") + digits(rng, 2, 2)
    return _signed(rng, number, 0.06)


def decimal(rng: np.random.Generator) -> str:
    """Numbers with decimals, and powers of ten: 0.05 3,14 -3.5 .75 1e-5 2.5E+03 6.02×10²³."""
    form = rng.random()
    mark = pick(rng, ".,")
    whole_part = "0" if chance(rng, 0.25) else str(magnitude(rng, 3.3))
    if form < 0.84:
        return _signed(
            rng, f"{whole_part}{mark}{digits(rng, 1, Odds({1: 30, 2: 34, 3: 24, 4: 8, 6: 4}).draw(rng))}", 0.14
        )
    if form < 0.88:
        return f".{digits(rng, 1, 3)}"
    if form < 0.95:
        sign = pick(rng, ("", "-", "-", "+"))
        after = pick(rng, ("", "." + digits(rng, 1, 3)))
        return f"{whole(rng, 1, 9)}{after}{pick(rng, 'eE')}{sign}{pick(rng, ('', '0'))}{whole(rng, 1, 9)}"
    power = _raised(str(whole(rng, 2, 24)), chance(rng, 0.4))
    return f"{whole(rng, 1, 9)}{mark}{digits(rng, 1, 3)}{pick(rng, '×·')}10{power}"


def fraction(rng: np.random.Generator) -> str:
    """Fractions, ratios and products: 3/4 12½ 1-1/2 16:9 3x4 10×15."""
    form = rng.random()
    if form < 0.3:
        return f"{whole(rng, 1, 12)}/{whole(rng, 2, 64)}"
    if form < 0.5:
        return f"{pick(rng, ('', str(whole(rng, 1, 30))))}{pick(rng, _FRACTIONS)}"
    if form < 0.58:
        return f"{whole(rng, 1, 9)}-{whole(rng, 1, 7)}/{pick(rng, ('2', '4', '8', '16'))}"
    if form < 0.75:
        return f"{whole(rng, 1, 100)}:{whole(rng, 1, 100)}"
    sides = [str(magnitude(rng, 3.3)) for _ in range(whole(rng, 2, 3))]
    return pick(rng, ("x", "×", "×", "X", "*")).join(sides) + pick(rng, ("", "", "cm", "mm", "px", "m"))


def percentage(rng: np.random.Generator) -> str:
    """Percentages: 1.0% 58% ±5% -0,5% 10-15% >99.9% 0.8‰."""
    number = (
        str(whole(rng, 0, 120)) if chance(rng, 0.5) else f"{whole(rng, 0, 110)}{pick(rng, '.,')}{digits(rng, 1, 2)}"
    )
    before = pick(rng, ("-", "+", "±", "~", "≈", "<", ">", "≤", "≥")) if chance(rng, 0.2) else ""
    if not before and chance(rng, 0.08):
        before = f"{whole(rng, 1, 40)}{pick(rng, '-–')}"
    sign = "‰" if chance(rng, 0.03) else "%"
    text = before + number + sign
    form = rng.random()
    return f"({text})" if form < 0.07 else text + pick(rng, ",.;:") if form < 0.14 else text


def unit(rng: np.random.Generator) -> str:
    """A size with its unit, or sometimes a unit alone: 24g 3.5mm 220V 37.5°C 10µF 4kΩ 5-10kg m²."""
    name = pick(rng, _SMALL) if chance(rng, 0.5) else pick(rng, _OTHERS)
    form = rng.random()
    if form < 0.12:
        return name if chance(rng, 0.7) else f"[{name}]" if chance(rng, 0.5) else f"({name})"
    if form < 0.6:
        number = str(magnitude(rng, 3.2))
    elif form < 0.9:
        number = f"{magnitude(rng, 2.5)}{pick(rng, '.,')}{digits(rng, 1, 2)}"
    elif form < 0.95:
        number = f"{whole(rng, 1, 20)}{pick(rng, '-–/')}{whole(rng, 21, 300)}"
    else:
        number = f"{pick(rng, ('<', '>', '±', '~', 'Ø', '⌀', '-', '+'))}{magnitude(rng, 2.5)}"
    return number + name


def amount(rng: np.random.Generator, currency: float, cents: float) -> str:
    """Money: $12.50 1.234,56€ CHF5.- 12,- -3.00 (4.50) £2m. currency, cents: shares, 0..1, of the amounts with a
    currency sign and with cents."""
    size = magnitude(rng, 2.7 if chance(rng, 0.85) else 5.0)
    mark = pick(rng, ".,")
    form = rng.random()
    text = f"{size:,}".replace(",", "," if mark == "." else pick(rng, ".'")) if chance(rng, 0.6) else str(size)
    if chance(rng, cents):
        text += f"{mark}{whole(rng, 0, 99):02d}"
        if chance(rng, 0.02):
            text = f"{mark}{text[-2:]}"
    elif form < 0.06:
        return pick(rng, ("", "", "CHF", "€")) + text + pick(rng, (".-", ",-", ".–", ",–", ":-", "/-"))
    elif form < 0.1:
        text += pick(rng, ("k", "K", "m", "M", "bn", "Mio.", "B"))
    if form > 0.97:
        return f"({text})"
    if form > 0.93:
        text = f"-{text}" if chance(rng, 0.8) else f"+{text}"
    if not chance(rng, currency):
        return text
    sign = _USUAL.draw(rng)
    sign = pick(rng, SIGNS_OF_CURRENCY) if sign == "any" else sign
    place = rng.random()
    if place < 0.5:
        return sign + text
    if place < 0.72:
        return text + sign
    return pick(rng, _CODES_BEFORE) + text if place < 0.86 else text + pick(rng, _CODES_AFTER)


def ordinal(rng: np.random.Generator) -> str:
    """Ordinal numbers: 1st 22nd 3. 2e 1er 4º 3ª 5th, 1°."""
    number = whole(rng, 1, 120)
    form = rng.random()
    if form < 0.5:
        ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
        return f"{number}{ending.upper() if chance(rng, 0.3) else ending}"
    return f"{number}{pick(rng, ('.', '.', 'e', 'er', 'ème', 'º', 'ª', '°', 'o', 'a'))}"


def _signed(rng: np.random.Generator, number: str, share: float) -> str:
    if not chance(rng, share):
        return number
    sign = pick(rng, ("-", "-", "-", "-", "+", "+", "±", "−", "~", "<", ">", "≈", "("))
    return f"({number})" if sign == "(" else sign + number


def _raised(number: str, negative: bool) -> str:
    return ("⁻" if negative else "") + number.translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
