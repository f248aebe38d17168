"""Texts as a recogniser may write them, and as they are corrected."""

import pytest
import torch

from spotter.model.charset import Charset
from spotter.model.correction import Correction

CHARSET = Charset()


def corrected(text: str, *, charset: Charset = CHARSET, ahead: float = 2.0) -> str:
    """The corrected text of columns with a blank after each character. ahead: nats by which each O is ahead of a 0."""
    path = torch.tensor([[value for character in text for value in (charset.encode(character)[0], 0)]]).int()
    logits = torch.zeros(*path.shape, charset.classes)
    if charset.covers("O"):
        logits[..., charset.encode("O")[0]] = ahead
    changed = Correction(charset)(path, logits)
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


def test_rows_do_not_concern_each_other_and_may_be_none() -> None:
    rows = ["1OM", "bob@ a", "O2 "]
    width = 12
    path = torch.zeros(len(rows), width, dtype=torch.int32)
    for number, text in enumerate(rows):
        path[number, : len(text)] = torch.tensor(CHARSET.encode(text))
    logits = torch.zeros(len(rows), width, CHARSET.classes)
    changed = Correction(CHARSET)(path, logits)
    assert [CHARSET.decode(row.tolist()) for row in changed] == ["10M", "bob@a", "O2 "]
    assert Correction(CHARSET)(path[:0], logits[:0]).shape == (0, width)


def test_a_charset_without_these_characters_is_read_as_it_is() -> None:
    assert corrected("O1O", charset=Charset("O1")) == "O1O"
    assert corrected("1OM", charset=Charset("01OM")) == "10M"
