"""Texts as a recogniser may write them, and as they are corrected."""

import math

import pytest
import torch

from spotter.model.charset import LATIN_AND_GREEK, Charset
from spotter.model.correction import Correction
from spotter.model.ctc import GreedyPath

CHARSET = Charset()


def corrected(
    text: str, *, charset: Charset = CHARSET, ahead: float = 2.0, lead: float = 2.0, ordinal: float = 0.0
) -> str:
    """The corrected text of columns with a blank after each character. ahead: nats by which each O is ahead of a 0.
    lead: nats by which each space is ahead of the blank. ordinal: nats by which º is ahead of °."""
    path = torch.tensor([[value for character in text for value in (charset.encode(character)[0], 0)]]).int()
    logits = torch.zeros(*path.shape, charset.classes)
    if charset.covers("O"):
        logits[..., charset.encode("O")[0]] = ahead
    if charset.covers("º"):
        logits[..., charset.encode("º")[0]] = ordinal
    if charset.covers(" "):
        logits[..., charset.encode(" ")[0]] = lead
    changed = Correction(charset)(GreedyPath(path, torch.full(path.shape, 0.5)), logits).classes
    assert changed.dtype == torch.int32
    assert ((changed == 0) | (path > 0)).all()  # each character stays in its column
    return charset.decode(changed[0].tolist())


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1OMG", "10MG"),
        ("2.5/5OOMG", "2.5/500MG"),
        ("x 5OM 1OR", "x 50M 10R"),
        ("4B0O3", "4B003"),
        ("12OZ", "12OZ"),
        ("10OFF", "10OFF"),
        ("H2O", "H2O"),
        ("CO2", "CO2"),
        ("2O Main", "2O Main"),
        ("LONDON", "LONDON"),
        ("14OCT 2OCT25", "14OCT 2OCT25"),
        ("1OCD", "10CD"),
        ("Sodium Omg, fat Og", "Sodium 0mg, fat 0g"),
        ("Omgx Ogre (Og", "Omgx Ogre (Og"),
        ("O", "O"),
        ("", ""),
    ],
)
def test_an_o_among_digits_is_a_zero(written: str, meant: str) -> None:
    assert corrected(written) == meant


def test_an_o_that_is_clearly_one_stays() -> None:
    assert corrected("1OMG", ahead=2.9) == "10MG"
    assert corrected("1OMG", ahead=3.1) == "1OMG"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("mail bob@hotmail. com now", "mail bob@hotmail.com now"),
        ("bob.b@hotmail. com", "bob.b@hotmail.com"),
        ("bob@ mail. com.my", "bob@mail.com.my"),
        ("WWW. popular. com.my", "WWW.popular.com.my"),
        ("www.popular. com", "www.popular.com"),
        ("write to bob@mail.com. Thanks", "write to bob@mail.com. Thanks"),
        ("see www.a.com. Thanks", "see www.a.com. Thanks"),
        ("bob@mail. 12", "bob@mail. 12"),
        ("2PC @ home", "2PC @ home"),
        ("2PC@ RM5", "2PC@ RM5"),
        ("@bob. See", "@bob. See"),
        ("a. b. c", "a. b. c"),
        ("www", "www"),
        ("wwww. a", "wwww. a"),
        ("bob@  mail", "bob@  mail"),
        ("  ", "  "),
    ],
)
def test_an_address_is_not_cut(written: str, meant: str) -> None:
    assert corrected(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Math. random() * 2", "Math.random() * 2"),
        ("J. van Dam", "J. van Dam"),
        ("sk_ test _ x", "sk_test_x"),
        ("home. The end", "home. The end"),
        ("home. 2 of", "home. 2 of"),
        (". a _ ", ".a_ "),
    ],
)
def test_a_doubtful_space_within_a_name_is_left_out(written: str, meant: str) -> None:
    assert corrected(written, lead=1.4) == meant
    assert corrected(written, lead=1.6) == written


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("72°℉", "72°F"),
        ("20°℃", "20°C"),
        ("20℃", "20℃"),
        ("20ºC, 1ºF", "20°C, 1°F"),
        ("1º Centro", "1º Centro"),
        ("℉°", "℉°"),
        ("° ℉", "° ℉"),
    ],
)
def test_a_degree_sign_is_written_once(written: str, meant: str) -> None:
    assert corrected(written, charset=Charset(LATIN_AND_GREEK)) == meant


def test_an_ordinal_sign_that_is_clearly_one_stays() -> None:
    assert corrected("3ºC", charset=Charset(LATIN_AND_GREEK), ordinal=2.9) == "3°C"
    assert corrected("3ºC", charset=Charset(LATIN_AND_GREEK), ordinal=3.1) == "3ºC"


def test_rows_do_not_concern_each_other_and_may_be_none() -> None:
    rows = ["1OM", "bob@ a", "O2 "]
    width = 12
    path = torch.zeros(len(rows), width, dtype=torch.int32)
    for number, text in enumerate(rows):
        path[number, : len(text)] = torch.tensor(CHARSET.encode(text))
    logits = torch.zeros(len(rows), width, CHARSET.classes)
    logits[..., CHARSET.space] = 2.0
    greedy = GreedyPath(path, torch.ones(path.shape))
    changed = Correction(CHARSET)(greedy, logits).classes
    assert [CHARSET.decode(row.tolist()) for row in changed] == ["10M", "bob@a", "O2 "]
    none = torch.arange(0)
    assert Correction(CHARSET)(greedy.of(none), logits[:0]).classes.shape == (0, width)


def test_a_corrected_character_is_as_probable_as_both_together() -> None:
    path = torch.tensor([CHARSET.encode("1OM")], dtype=torch.int32)
    logits = torch.full((1, 3, CHARSET.classes), -50.0)
    logits[0, 1, CHARSET.encode("O")[0]] = 0.0
    logits[0, 1, CHARSET.encode("0")[0]] = -1.0
    probable = torch.tensor([[0.9, 1 / (1 + math.exp(-1)), 0.8]])
    changed = Correction(CHARSET)(GreedyPath(path, probable), logits)
    assert CHARSET.decode(changed.classes[0].tolist()) == "10M"
    assert changed.probabilities[0].tolist() == pytest.approx([0.9, 1.0, 0.8])


def test_a_charset_without_these_characters_is_read_as_it_is() -> None:
    assert corrected("O1O", charset=Charset("O1")) == "O1O"
    assert corrected("1OM", charset=Charset("01OM")) == "10M"
