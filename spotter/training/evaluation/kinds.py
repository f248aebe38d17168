"""Classifies transcripts by kind of word."""

import re
import unicodedata
from typing import Literal, get_args

Kind = Literal[
    "plain",
    "integer",
    "thousands",
    "decimal",
    "date",
    "percentage",
    "unit",
    "currency",
    "other number",
    "code",
    "URL or mail",
    "hyphenated",
    "17 and more characters",
    "accented",
    "single character",
    "end punctuation",
    "other",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""The kinds, in the order of tables."""

_LONG = 17
_APOSTROPHES = "'\u2019"
_OPENING = f'([{{"«„“\u201a\u2018¿¡{_APOSTROPHES}'
_CLOSING = f'.,;:!?…)]}}"»”{_APOSTROPHES}'
_SIGNS = "-+\u2212±"
_PLAIN = re.compile(f"[A-Za-z]+([{_APOSTROPHES}][A-Za-z]+)*")
_HYPHENATED = re.compile("[^\\W\\d_][-\u2010\u2011\u2013]([^\\W\\d_]|$)")

_DATES = (
    re.compile(r"(?P<a>\d{1,2})(?P<mark>[./-])(?P<b>\d{1,2})(?P=mark)(\d{4}|\d{2})"),
    re.compile(r"\d{4}(?P<mark>[./-])(?P<a>\d{1,2})(?P=mark)(?P<b>\d{1,2})"),
)
_MONTH = (
    "(jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec|january|february|march|april|june|july|august|september|october|"
    "november|december)"
)
_NAMED_DATE = re.compile(rf"(\d{{1,2}}[-./]?{_MONTH}|{_MONTH}[-./]?\d{{1,2}})([-./,']*(\d{{4}}|\d{{2}}))?", re.I)

# The text before a number's first digit, the digits with their separators, and the text after them.
_VALUE = re.compile(r"(?P<before>[^\d.,]*)(?P<digits>[\d.,'\u2019]*\d)(?P<after>.*)")
_SHAPES: tuple[tuple[re.Pattern[str], frozenset[Kind]], ...] = (
    (re.compile(r"\d+"), frozenset({"integer"})),
    (re.compile(r"[1-9]\d{0,2}(,\d{3})+|[1-9]\d?(,\d\d)+,\d{3}"), frozenset({"thousands"})),
    (re.compile(r"([1-9]\d{0,2}(,\d{3})+|[1-9]\d?(,\d\d)+,\d{3})\.\d+"), frozenset({"thousands", "decimal"})),
    # A single point before three digits is taken for a decimal point.
    (re.compile(r"[1-9]\d{0,2}(\.\d{3}){2,}"), frozenset({"thousands"})),
    (re.compile(r"[1-9]\d{0,2}(\.\d{3})+,\d+"), frozenset({"thousands", "decimal"})),
    (re.compile(r"[1-9]\d{0,2}(['\u2019]\d{3})+"), frozenset({"thousands"})),
    (re.compile(r"[1-9]\d{0,2}(['\u2019]\d{3})+[.,]\d+"), frozenset({"thousands", "decimal"})),
    (re.compile(r"\d*[.,]\d+"), frozenset({"decimal"})),
)
_CURRENCY_SIGNS = (
    "$ US$ CA$ A$ C$ HK$ S$ NZ$ R$ € £ ¥ ￥ ₹ ₽ ₩ ₺ ₫ ₴ ₪ ₱ ₦ ฿ ¢ USD EUR GBP CHF JPY CNY RMB INR AUD CAD SEK NOK DKK "
    "PLN CZK HUF MYR SGD HKD BRL RM RS FR KR ZŁ KČ FT LEI ,- .-"
)
_CURRENCIES = frozenset(_CURRENCY_SIGNS.split())
# Case-sensitive, and without those that more often denote a floor, a flat or a decade: 5A, 5B, 1950s.
_LETTER_UNITS = frozenset("gtmlLhVWx\u00d7°")
_UNIT_SIGNS = (
    "kg mg µg mcg lb lbs oz km cm mm µm nm mi ft yd in ha ml cl dl hl gal pt °C °F °K kV mV kW MW mA mAh Ah kWh Wh Hz "
    "kHz MHz GHz kB MB GB TB Kbps Mbps Gbps px dpi fps rpm ms min hr hrs kcal cal kJ IU bar mbar psi Pa hPa kPa MPa Nm "
    "dB lm lx mol ppm m² m³ cm² cm³ km² mm² m2 m3 cm2 cm3 km2 km/h mph m/s mg/l g/l mg/dl mmol/l kg/m² g/m²"
)
_UNITS = frozenset(unit.casefold() for unit in _UNIT_SIGNS.split())
# Top-level domains, without those that are also ordinary words.
_TOPS = (
    "com|org|net|edu|gov|mil|info|biz|app|dev|io|ai|co|tv|eu|uk|de|fr|es|ch|nl|pt|pl|cz|sk|dk|se|fi|ie|ro|hu|gr|ru|ua|tr|ca|"
    "mx|br|ar|au|nz|jp|cn|hk|tw|kr|sg|vn|za"
)
_ADDRESS = re.compile(
    r"[a-z][a-z+]*://\S+|www\.\S+|(mailto:)?[^\s@]+@[\w-]+(\.[\w-]+)+|"
    rf"[\w-]*[^\W\d][\w-]*(\.[\w-]+)*\.({_TOPS})(:\d+)?([/?#]\S*)?",
    re.I,
)


def kinds(transcript: str) -> frozenset[Kind]:
    """The kinds of a transcript; of several words, the kinds of each; none for an empty transcript.

    Brackets, quotes and punctuation around a word are ignored, except where they define the kind.

    integer: digits only. thousands: digits grouped by commas, apostrophes or, where there are two groups or a decimal
    comma follows, points. decimal: a point or comma before further digits. date: day, month and year in digits, or a
    month's English name with a day. percentage, unit, currency: a number with such a sign attached; by its digits it
    may also be thousands or decimal. other number: digits and marks, as in times and telephone numbers.
    code: letters mixed with digits, of none of the kinds above.
    hyphenated: without digits, and with a hyphen between letters or after the last one, as at the end of a line.
    accented: has a Latin letter beyond ASCII. end punctuation: ends in a punctuation mark other than a hyphen.
    plain: two or more ASCII letters, possibly with apostrophes between them, and of no other kind. other: none of
    these.
    """
    return frozenset(kind for word in transcript.split() for kind in _kinds_of_word(word))


def _kinds_of_word(word: str) -> frozenset[Kind]:
    found: set[Kind] = set()
    if len(word) == 1:
        found.add("single character")
    if len(word) >= _LONG:
        found.add("17 and more characters")
    if word[-1] in _CLOSING and any(character.isalnum() for character in word):
        found.add("end punctuation")
    if any(_is_accented(character) for character in unicodedata.normalize("NFC", word)):
        found.add("accented")
    core = word.lstrip(_OPENING).rstrip(_CLOSING)
    if _ADDRESS.fullmatch(core):
        found.add("URL or mail")
    elif any(character.isdecimal() for character in core):
        found |= _kinds_of_number(core)
    elif _HYPHENATED.search(core):
        found.add("hyphenated")
    if not found:
        found.add("plain" if _PLAIN.fullmatch(word) else "other")
    return frozenset(found)


def _kinds_of_number(core: str) -> frozenset[Kind]:
    """The kinds of a word that has a digit and is not an address."""
    if _is_date(core):
        return frozenset({"date"})
    mixed: Kind = "code" if any(character.isalpha() for character in core) else "other number"
    match = _VALUE.fullmatch(core.lstrip(_SIGNS))
    if match is None:
        return frozenset({mixed})
    shape = next((found for form, found in _SHAPES if form.fullmatch(match["digits"])), frozenset[Kind]())
    before, after = match["before"].rstrip(_SIGNS), match["after"]
    attached: Kind
    if not before and not after:
        return shape or frozenset({mixed})
    if (before.upper() in _CURRENCIES and not after) or (not before and after.upper() in _CURRENCIES):
        attached = "currency"
    elif not before and after in ("%", "‰"):
        attached = "percentage"
    elif not before and (after in _LETTER_UNITS or after.casefold() in _UNITS):
        attached = "unit"
    else:
        return frozenset({mixed})
    return (shape - {"integer"}) | {attached}


def _is_date(text: str) -> bool:
    for form in _DATES:
        match = form.fullmatch(text)
        if match:
            low, high = sorted((int(match["a"]), int(match["b"])))
            return 1 <= low <= 12 and high <= 31
    return _NAMED_DATE.fullmatch(text) is not None


def _is_accented(character: str) -> bool:
    return not character.isascii() and character.isalpha() and unicodedata.name(character, "").startswith("LATIN ")
