"""Statistics of words: kinds, lengths, cases, edges and characters; real ones compared with synthetic
ones."""

import re
import string
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spotter.training.data.annotations import read_folder
from spotter.training.data.crops import read_labels
from spotter.training.synthesis.words import PRINTABLE

# Training parts alone. ICDAR 2015's word crops are its pictures' words again, and labels of SVT and SROIE are in
# capitals whatever the picture shows; `pseudo/sroie` is SROIE's training part with the case of letters restored.
SCENES = ("icdar2015/train", "icdar2003/train", "word_crops/iiit5k_train")
PAGES = ("pseudo/sroie",)

_CURRENCY = r"(?:RM|MYR|[A-Z]{0,2}\$|EUR|USD|SGD|CHF|GBP|Rs\.?|Fr\.|kr\.?|z\u0142|[\u00a2-\u00a5\u20a0-\u20bf])"
_AMOUNT = r"\d[\d,']*(?:[.,]\d{1,2})?"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_FORMS = (
    ("date", re.compile(rf"\d{{1,4}}([/.-])(?:\d{{1,2}}|{_MONTH})\1\d{{1,4}}", re.IGNORECASE)),
    ("time", re.compile(r"\d{1,2}:\d{2}(?::\d{2})?(?:[ap]m)?", re.IGNORECASE)),
    ("price", re.compile(rf"[-+(]?(?:{_CURRENCY}[-+]?{_AMOUNT}|{_AMOUNT}{_CURRENCY}|\d[\d,.']*[.,]\d{{2}})\)?", re.I)),
    ("phone", re.compile(r"\+?\(?\d{2,4}\)?(?:[-./]?\d{2,}){1,4}")),
    ("number", re.compile(r"[-+#x]?\d+(?:[.,]\d+)*(?:%|st|nd|rd|th)?", re.IGNORECASE)),
    ("url", re.compile(r"\S*(?:www\.|http|@|\.(?:com|org|net|my|co|sg|edu|gov|info)\b)\S*", re.IGNORECASE)),
    ("word", re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")),
    ("code", re.compile(r"(?=.*\d).*[A-Za-z].*")),
    ("sign", re.compile(r"[^A-Za-z0-9]+")),
)
KINDS = (*(name for name, _ in _FORMS), "other")
CASES = ("lower", "Capital", "UPPER", "mixed")
LENGTHS = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 6), (7, 8), (9, 10), (11, 99))
_PHONE_DIGITS = 7
_EDGE = re.escape("".join(sorted(set(string.punctuation) - set("#$+%@"))))
_CORE = re.compile(rf"^[{_EDGE}]*(.*?)[{_EDGE}]*$")


def kind(text: str) -> str:
    """One of `KINDS`, ignoring punctuation around it."""
    found = _CORE.match(text)
    core = found[1] if found else text
    for name, form in _FORMS:
        for candidate in (text, core):
            if form.fullmatch(candidate):
                digits = sum(character.isdigit() for character in candidate)
                if name == "phone" and digits < _PHONE_DIGITS and not re.search(r"[-(/]", candidate):
                    continue  # a plain number
                return name
    return "other"


def case(text: str) -> str | None:
    """One of `CASES`, by the letters; None where there are fewer than two."""
    letters = "".join(character for character in text if character.isalpha())
    if len(letters) < 2:
        return None
    if letters.islower():
        return "lower"
    if letters.isupper():
        return "UPPER"
    return "Capital" if letters[0].isupper() and letters[1:].islower() else "mixed"


@dataclass(frozen=True)
class Statistics:
    """Shares, 0..1, over a number of words. cases: over the words of two letters and more. before, after: of the marks
    at the words' ends. characters: of every printable character."""

    words: int
    kinds: Mapping[str, float]
    lengths: Mapping[str, float]
    cases: Mapping[str, float]
    before: float
    after: Mapping[str, float]
    characters: Mapping[str, float]


def _shares(counts: Mapping[str, int], names: Iterable[str]) -> dict[str, float]:
    total = max(sum(counts.values()), 1)
    return {name: counts.get(name, 0) / total for name in names}


def _span(length: int) -> str:
    low, high = next((low, high) for low, high in LENGTHS if low <= length <= high)
    return str(low) if low == high else f"{low}+" if high == LENGTHS[-1][1] else f"{low}-{high}"


def statistics(words: Sequence[str]) -> Statistics:
    """The statistics of words without spaces. Raises ValueError when there is none."""
    if not words:
        raise ValueError("no words to count")
    several = [word for word in words if len(word) > 1]
    ends = Counter(word[-1] for word in several if word[-1] in string.punctuation)
    count = max(len(several), 1)
    usual = {mark: ends[mark] / count for mark in ",.:"}
    return Statistics(
        len(words),
        _shares(Counter(map(kind, words)), KINDS),
        _shares(Counter(_span(min(len(word), LENGTHS[-1][1])) for word in words), [_span(low) for low, _ in LENGTHS]),
        _shares(Counter(found for word in words if (found := case(word))), CASES),
        sum(word[0] in string.punctuation for word in several) / count,
        usual | {"other sign": sum(ends.values()) / count - sum(usual.values())},
        _shares(Counter("".join(words)), PRINTABLE),
    )


def distance(first: Mapping[str, float], second: Mapping[str, float]) -> float:
    """Total variation distance of two tables of shares, half the sum of their differences: 0 where they agree, 1 where
    they have nothing in common."""
    return sum(abs(first.get(name, 0) - second.get(name, 0)) for name in {*first, *second}) / 2


def real_words(data: Path, folders: Sequence[str]) -> list[str]:
    """The legible words of printable ASCII in these folders below `data`; lines are split at their spaces.

    Raises ValueError or OSError where a folder cannot be read.
    """
    texts: list[str] = []
    for name in folders:
        folder = data / name
        if (folder / "labels.tsv").is_file():
            texts += [text for _, text in read_labels(folder)]
        else:
            texts += [a.text for picture in read_folder(folder) for a in picture.annotations if not a.ignore]
    return [word for text in texts for word in text.split() if set(word) <= set(PRINTABLE)]


def table(columns: Mapping[str, Statistics]) -> str:
    """A Markdown table in percent, with a column for each of the statistics."""
    each = list(columns.values())
    groups = {"letters": string.ascii_letters, "digits": string.digits, "signs": string.punctuation}
    rows: list[tuple[str, list[float]]] = [(f"kind: {name}", [s.kinds[name] for s in each]) for name in KINDS]
    rows += [(f"length {name}", [s.lengths[name] for s in each]) for name in each[0].lengths]
    rows += [(f"case: {name}", [s.cases[name] for s in each]) for name in CASES]
    rows += [("sign before", [s.before for s in each])]
    rows += [(f"{name} after", [s.after[name] for s in each]) for name in each[0].after]
    rows += [
        (f"characters: {name}", [sum(s.characters[character] for character in group) for s in each])
        for name, group in groups.items()
    ]
    lines = [f"| | {' | '.join(columns)} |", "| --- |" + " --- |" * len(each)]
    lines += [f"| words counted | {' | '.join(f'{s.words:,}' for s in each)} |"]
    lines += [f"| {name} | {' | '.join(f'{100 * value:.1f}' for value in values)} |" for name, values in rows]
    return "\n".join(lines)
