"""Identifiers: serial numbers, licence plates, passports, bank accounts, books, hashes, keys, names with underscores,
and values joined to their captions."""

import base64
import string

import numpy as np

from spotter.training.synthesis.texts import dates, numbers
from spotter.training.synthesis.texts.draws import chance, digits, filled, listed, pick, some, whole
from spotter.training.synthesis.vocabulary import COMMON, RECEIPTS

_CONFUSED = "O0OI1l1S5B8Z2G6QDUV7TC3E"  # letters and digits that are easily confused
_HEXADECIMAL = "0123456789abcdef"
_CODE = string.ascii_uppercase + string.digits
_PLATES = listed(
    """
    AA00AAA A-AAn000 AA-AAn00 AAA-An AA-000-AA nAAA000 AAA-0000 AAA0000 AAA000 00-AA-00 000-AAA 0000AAA AA000AA
    AAA0A00 A000AA AA00AA0000 AA00000 AAA00A nA00000 AA·00000 AAA·000
    """
)
_STATES = listed(
    """
    UTO D<< GBR USA FRA ITA ESP POL NLD SWE CZE HUN GRC AUS CAN IND BRA
    """
)
_NAMES = listed(
    """
    ERIKSSON ANNA MARIA MUSTERMANN ERIKA SMITH JOHN GARCIA LOPEZ JUAN CARLOS DUPONT JEAN PIERRE ROSSI GIULIA
    KOWALSKI JAN NOVAK PETR NAGY ISTVAN PAPADOPOULOS GEORGIOS SILVA SOUZA JOAO KUMAR RAVI SINGH PRIYA TAN WEI LING
    OBRIEN SEAN VAN DER BERG JANSEN HANSEN LARS JOHANSSON KARIN MUELLER HANS BAKKER SOFIE MARTINEZ LUCIA BROWN DAVID
    LEE MIN HO
    """
)
_ACCOUNTS = {
    "DE": 18,
    "AT": 16,
    "CH": 17,
    "FR": 23,
    "ES": 20,
    "IT": 23,
    "NL": 14,
    "BE": 12,
    "GB": 18,
    "PL": 24,
    "SE": 20,
}
_ACCOUNTS |= {
    "DK": 14,
    "NO": 11,
    "FI": 14,
    "PT": 21,
    "IE": 18,
    "CZ": 20,
    "HU": 24,
    "GR": 23,
    "RO": 20,
    "TR": 22,
    "LU": 16,
}
_LETTERED = {"GB", "NL", "IE", "RO"}  # accounts of these countries begin with four letters
_PREFIXES = (
    "sk_live_",
    "pk_test_",
    "api-",
    "key_",
    "tok_",
    "sess_",
    "id_",
    "AKIA",
    "eyJ",
    "xox-",
    "whsec_",
    "pat_",
    "",
)
_MARKS = listed(
    """
    S/N: SN: S/N SN P/N: PN LOT LOT: L L. REF: ID: No. MODEL: IMEI: EXP BN: #
    """
)
_ENDINGS = (".pdf", ".jpg", ".txt", ".csv", ".py", ".zip", ".png", ".docx")
_CAPTIONS = listed(
    """
    Date Time Tel Fax No Qty Ref Total Invoice Order ID Item Price Tax GST VAT Amount Bill Table Cashier Page Phone Cash
    Change Receipt Rate Subtotal Due Code Model Weight Batch Exp Lot Room Gate Seat Flight Ver Rev Doc
    """
)


def code(rng: np.random.Generator) -> str:
    """Short codes: KX7 B204 TR-0451 0x3F A7bQ9."""
    form = rng.random()
    if form < 0.4:
        return some(rng, _CODE, 2, 9)
    if form < 0.6:
        return some(rng, string.ascii_uppercase, 1, 3) + digits(rng, 1, 6)
    if form < 0.75:
        return f"{some(rng, string.ascii_uppercase, 1, 3)}{pick(rng, '-/_')}{digits(rng, 2, 6)}"
    if form < 0.82:
        return "0x" + some(rng, _HEXADECIMAL.upper(), 2, 8)
    return some(rng, string.ascii_letters + string.digits, 3, 9)


def serial(rng: np.random.Generator) -> str:
    """Part, serial and lot numbers, with O and 0, I and 1, S and 5, B and 8 mixed: SN:B8O0-I1S5 LOT2G6Z."""
    form = rng.random()
    if form < 0.45:
        text = some(rng, _CONFUSED, 3, 12)
    elif form < 0.8:
        text = pick(rng, "--/._").join(
            some(rng, _CONFUSED if chance(rng, 0.5) else _CODE, 1, 5) for _ in range(whole(rng, 2, 4))
        )
    else:
        text = some(rng, _CODE, 2, 4) + digits(rng, 3, 9) + some(rng, _CODE, 0, 3)
    return pick(rng, _MARKS) + text if chance(rng, 0.22) else text


def plate(rng: np.random.Generator) -> str:
    """Licence plates of many countries, without their spaces."""
    return filled(rng, pick(rng, _PLATES))


def mrz(rng: np.random.Generator) -> str:
    """A line of a machine-readable zone (ICAO Doc 9303) with check digits: TD3 of 44, TD2 of 36, TD1 of 30
    characters."""
    width = (44, 44, 36, 30, 30)[int(rng.integers(5))]
    line = whole(rng, 1, 3 if width == 30 else 2)
    state, number = pick(rng, _STATES), _padded(some(rng, _CODE, 8, 9), 9)
    born, expires = (f"{whole(rng, 0, 99):02d}{whole(rng, 1, 12):02d}{whole(rng, 1, 28):02d}" for _ in range(2))
    names = _padded(
        f"{'<'.join(pick(rng, _NAMES) for _ in range(whole(rng, 1, 2)))}<<{pick(rng, _NAMES)}<{pick(rng, _NAMES)}", 44
    )
    sex = pick(rng, "MF<")
    if width == 30:
        if line == 1:
            return _padded(f"{pick(rng, ('I<', 'ID', 'AC'))}{state}{number}{check_digit(number)}", 30)
        if line == 3:
            return names[:30]
        body = f"{born}{check_digit(born)}{sex}{expires}{check_digit(expires)}{state}{'<' * 11}"
        return body + check_digit(body)
    if line == 1:
        kind = pick(rng, ("P<", "P<", "V<", "PD")) if width == 44 else pick(rng, ("I<", "ID"))
        return (f"{kind}{state}{names}" + "<" * 44)[:width]
    body = f"{number}{check_digit(number)}{state}{born}{check_digit(born)}{sex}{expires}{check_digit(expires)}"
    if width == 44:
        personal = _padded(some(rng, _CODE, 0, 13), 14)
        body += personal + check_digit(personal)
    else:
        body = _padded(body, 35)
    return body + check_digit(body)


def check_digit(text: str) -> str:
    """The check digit of a field of a machine-readable zone (ICAO Doc 9303, part 3): weights 7, 3, 1, modulo 10."""
    values = (0 if mark == "<" else int(mark, 36) for mark in text)
    return str(sum(value * (7, 3, 1)[n % 3] for n, value in enumerate(values)) % 10)


def _padded(text: str, width: int) -> str:
    return text[:width].ljust(width, "<")


def guid(rng: np.random.Generator) -> str:
    """Globally unique identifiers, in both cases, plain, in braces or in an address."""
    text = "-".join(some(rng, _HEXADECIMAL, n, n) for n in (8, 4, 4, 4, 12))
    text = text.upper() if chance(rng, 0.35) else text
    form = rng.random()
    return f"{{{text}}}" if form < 0.12 else f"urn:uuid:{text}" if form < 0.15 else text


def digest(rng: np.random.Generator) -> str:
    """Hexadecimal digests of 7 to 40 digits, commits, and colours: 9f86d08 5D41402ABC4B2A76B9719D911017C592 #FF8800."""
    form = rng.random()
    if form < 0.12:
        colour = f"#{some(rng, _HEXADECIMAL, 6, 6)}"
        return colour.upper() if chance(rng, 0.5) else colour
    length = (7, 8, 8, 10, 12, 16, 20, 24, 32, 32, 40, 40)[int(rng.integers(12))]
    text = some(rng, _HEXADECIMAL, length, length)
    text = text.upper() if chance(rng, 0.25) else text
    return pick(rng, ("0x", "sha1:", "md5:", "#", "@", "commit/")) + text if form > 0.9 else text


def key(rng: np.random.Generator) -> str:
    """Base64, API keys and licence keys: aGVsbG8gd29ybGQ= sk_live_4eC39HqLy K7QF2-9XJ4B-TT8RM."""
    form = rng.random()
    if form < 0.4:
        text = base64.b64encode(rng.bytes(whole(rng, 6, 32))).decode()
        return text.replace("+", "-").replace("/", "_").rstrip("=") if chance(rng, 0.3) else text
    if form < 0.75:
        return pick(rng, _PREFIXES) + some(rng, string.ascii_letters + string.digits, 12, 36)
    width = whole(rng, 4, 6)
    return "-".join(some(rng, _CODE, width, width) for _ in range(whole(rng, 3, 5)))


def iban(rng: np.random.Generator) -> str:
    """Bank account numbers (ISO 13616) with check digits, and bank codes: DE89370400440532013000 COBADEFFXXX."""
    if chance(rng, 0.15):
        return (
            some(rng, string.ascii_uppercase, 4, 4)
            + pick(rng, tuple(_ACCOUNTS))
            + some(rng, _CODE, 2, 2)
            + pick(rng, ("", "XXX"))
        )
    country = pick(rng, tuple(_ACCOUNTS))
    length = _ACCOUNTS[country]
    letters = some(rng, string.ascii_uppercase, 4, 4) if country in _LETTERED else ""
    account = letters + digits(rng, length - len(letters), length - len(letters))
    remainder = int("".join(str(int(mark, 36)) for mark in f"{account}{country}00")) % 97
    return f"{country}{98 - remainder:02d}{account}"


def isbn(rng: np.random.Generator) -> str:
    """Numbers of books, journals and goods (ISBN, ISSN, EAN) with check digits: 978-3-16-148410-0 0-306-40615-2
    1234-5679."""
    form = rng.random()
    if form < 0.2:
        body = digits(rng, 7, 7)
        return f"{body[:4]}-{body[4:]}{_modulo_11(body)}"
    if form < 0.35:
        body = digits(rng, 9, 9)
        return f"{body[0]}-{body[1:4]}-{body[4:]}-{_modulo_11(body)}"
    body = (pick(rng, ("978", "978", "979")) if form < 0.75 else digits(rng, 3, 3)) + digits(rng, 9, 9)
    last = str(-sum(int(digit) * (1, 3)[n % 2] for n, digit in enumerate(body)) % 10)
    return f"{body[:3]}-{body[3]}-{body[4:6]}-{body[6:]}-{last}" if form < 0.6 else body + last


def _modulo_11(body: str) -> str:
    """The check character of an ISBN of ten or an ISSN of eight characters (ISO 2108, ISO 3297)."""
    value = -sum(int(digit) * weight for digit, weight in zip(body, range(len(body) + 1, 1, -1), strict=True)) % 11
    return "X" if value == 10 else str(value)


def joined(rng: np.random.Generator) -> str:
    """Words, codes and numbers joined by underscores, as in names of files, columns and documents: order_id MAX_SIZE
    IMG_2041.JPG TEVA_MDL_A_01439308 __init__."""
    form = rng.random()
    if form < 0.07:
        return f"__{pick(rng, COMMON)}__" if form < 0.035 else f"_{pick(rng, COMMON)}"
    if form < 0.35:
        parts = [some(rng, string.ascii_uppercase, 2, 5) for _ in range(whole(rng, 1, 3))] + [digits(rng, 3, 10)]
        return "_".join(parts)
    parts = [pick(rng, RECEIPTS if chance(rng, 0.4) else COMMON) for _ in range(whole(rng, 1, 3))]
    if chance(rng, 0.4) or len(parts) == 1:
        parts.append(pick(rng, ("id", "v2", "final", "count", "size", digits(rng, 1, 4), some(rng, _CODE, 2, 5))))
    name = "_".join(parts)
    name = name.upper() if chance(rng, 0.25) else name.title() if chance(rng, 0.15) else name
    return name + pick(rng, _ENDINGS) if chance(rng, 0.25) else name


def captioned(rng: np.random.Generator) -> str:
    """A caption and its value without a space, as receipts and forms have it: Date:12/06/2018 QTY:2 Tel:03-8941200."""
    caption = pick(rng, _CAPTIONS)
    caption = caption.upper() if chance(rng, 0.5) else caption
    form = rng.random()
    if form < 0.25:
        value = dates.date(rng)
    elif form < 0.35:
        value = dates.clock(rng)
    elif form < 0.6:
        value = numbers.decimal(rng)
    elif form < 0.8:
        value = some(rng, string.ascii_uppercase, 0, 3) + digits(rng, 1, 10)
    else:
        value = f"{digits(rng, 2, 6)}-{digits(rng, 2, 7)}"
    return caption + pick(rng, (":", ":", ":", ".:", "#", "=", "/")) + value
