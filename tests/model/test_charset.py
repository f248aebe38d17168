import pytest

from spotter.model.charset import Charset


def test_classes_are_printable_ascii_after_the_blank() -> None:
    charset = Charset()
    assert charset.classes == 96
    assert charset.encode(" A~") == [1, 34, 95]
    assert all(charset.decode([index]) == chr(31 + index) for index in range(1, 96))


def test_decoding_drops_blanks_and_keeps_repeats() -> None:
    assert Charset().decode([0, 34, 0, 34, 35, 0]) == "AAB"
    assert Charset().decode([]) == ""


def test_every_text_survives_the_way_there_and_back() -> None:
    text = "".join(chr(code) for code in range(126, 31, -1))
    assert Charset().decode(Charset().encode(text)) == text


@pytest.mark.parametrize("text", ["café", "a\n", "\x7f"])
def test_a_character_outside_the_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - str.index words the message
        Charset().encode(text)


def test_a_character_must_not_occur_twice() -> None:
    with pytest.raises(ValueError, match="twice"):
        Charset("abca")


def test_rare_letters_are_those_that_western_europe_does_not_write() -> None:
    charset = Charset("aéÉßõą1ŞʃωΆ²'")
    assert [charset.characters[index - 1] for index in charset.rare] == ["ą", "Ş", "ʃ"]
