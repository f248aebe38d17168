"""Characters and their classes."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

PRINTABLE_ASCII = "".join(chr(code) for code in range(0x20, 0x7F))

LATIN_AND_GREEK = (
    " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~¡¢£¤¥"
    "¦§¨©ª«¬®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿĀāĂăĄąĆćĈĉĊ"
    "ċČčĎďĐđĒēĔĕĖėĘęĚěĜĝĞğĠġĢģĤĥĦħĨĩĪīĬĭĮįİıĲĳĴĵĶķĸĹĺĻļĽľĿŀŁłŃńŅņŇňŉŊŋŌōŎŏŐőŒœŔŕŖŗŘřŚśŜŝŞşŠšŢţŤťŦŧŨũŪūŬŭŮ"
    "ůŰűŲųŴŵŶŷŸŹźŻżŽžſƀƁƂƃƄƅƆƇƈƉƊƋƌƍƎƏƐƑƒƓƔƕƖƗƘƙƚƛƜƝƞƟƠơƢƣƤƥƦƧƨƩƪƫƬƭƮƯưƱƲƳƴƵƶƷƸƹƺƼƽƾƿǄǆǇǉǊǌǍǎǏǐǑǒǓǔǕǖǗǘǙǚ"
    "ǛǜǝǞǟǠǡǢǣǤǥǦǧǨǩǪǫǬǭǮǯǰǱǳǴǵǶǷǸǹǺǻǼǽǾǿȀȁȂȃȄȅȆȇȈȉȊȋȌȍȎȏȐȑȒȓȔȕȖȗȘșȚțȜȝȞȟȠȡȢȣȤȥȦȧȨȩȪȫȬȭȮȯȰȱȲȳȴȵȶȷȺȻȼȽȾȿɀɁ"
    "ɂɃɄɅɆɇɈɉɊɋɌɍɎɏɐɑɒɓɔɕɖɗɘəɚɛɜɝɞɟɠɡɣɤɥɦɧɨɩɫɬɭɮɯɰɱɲɳɵɷɸɹɺɻɼɽɾɿʂʃʄʅʆʇʈʉʊʋʌʍʎʐʑʒʓʕʖʗʘʚʝʞʠʡʢʬʭʮʯΆΈΉΊΌΎΏΑΒΓΔ"
    "ΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩάέήίαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώẞẠẽồ–—―‘’‚“”„†‡•…‰′″‹›※⁰⁴⁵⁶⁷⁸⁹⁺⁻ⁿ₀₁₂₃₄₅₆₇₈₉₠₡₢"
    "₣₤₥₦₧₨₩₪₫€₭₮₯₰₱₲₳₴₵₶₷₸₹₺₻₼₽₾₿℃℉№™←↑→↓↔↕⇐⇒⇔⇧∂∅∆∇∈∏∑−√∝∞∠∥∧∨∩∪∫∴≈≠≡≤≥⊂⊃⊥⌀⌘⌥⏎■□▪▲△▶▷▼▽◀◆◇○◎●★☆☎☐☑☒☰☺♀♂♠"
    "♣♥♦♪♫⚠✅✉✓✔✕✖✘❌❤➔➜➤"
)
"""Latin letters of the languages of Europe and beyond, Greek, digits, punctuation, currency and common symbols; NFC."""

_WESTERN = "àáâãäåæçèéêëìíîïñòóôõöøùúûüßœ"
"""Letters beyond ASCII of Danish, French, German, Italian, Norwegian, Portuguese, Spanish and Swedish."""


@dataclass(frozen=True)
class Charset:
    """Class 0 is the blank (and the end); class i is the i-th character, counted from 1."""

    characters: str = PRINTABLE_ASCII

    def __post_init__(self) -> None:
        if len(set(self.characters)) != len(self.characters):
            raise ValueError("a character occurs twice")

    @property
    def classes(self) -> int:
        """Number of classes, the blank included."""
        return len(self.characters) + 1

    @cached_property
    def _classes(self) -> dict[str, int]:
        return {character: index for index, character in enumerate(self.characters, 1)}

    @property
    def space(self) -> int | None:
        """The class of the space; None where the set has none."""
        return self._classes.get(" ")

    @property
    def rare(self) -> list[int]:
        """The classes of the Latin letters that neither English nor the other languages of Western Europe write."""
        return [
            index
            for character, index in self._classes.items()
            if unicodedata.name(character, "").startswith("LATIN")
            and not character.isascii()
            and character.lower() not in _WESTERN
        ]

    def covers(self, text: str) -> bool:
        """Whether every character of a text has a class."""
        return all(character in self._classes for character in text)

    def encode(self, text: str) -> list[int]:
        """Classes of a transcript. Raises ValueError for a character outside the set."""
        try:
            return [self._classes[character] for character in text]
        except KeyError as error:
            raise ValueError(f"{error.args[0]!r} is not in the charset") from None

    def decode(self, classes: Iterable[int]) -> str:
        """Text of a row of classes whose repeats are already collapsed; zeros are dropped."""
        return "".join(self.characters[index - 1] for index in classes if index > 0)
