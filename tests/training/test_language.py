import functools
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from spotter.model.language import STEP, LanguageTables
from spotter.training import corpus as module
from spotter.training.cli import language
from spotter.training.corpus import CorpusConfig, corpus, transcripts
from spotter.training.language import SYMBOLS, perplexity, train_language
from spotter.training.recipe import RecipeError, parse_recipe, read_recipe
from tests.training.data.test_crops import write_crops, write_truth

END = len(SYMBOLS)
BEGINNING = "\n"  # sorted before every symbol
WORDS = {"total": 9.0, "tax": 4.0, "exit": 3.0, "no": 2.0, "$5": 2.0, "^": 1.0, "to-go": 1.0, "nota": 1.0}
RECIPE = """
[[source]]
kind = "labelled"
path = "street/train"
weight = 0.5
[[source]]
kind = "crops"
path = ["word_crops/cut", "word_crops/other"]
exclude = [{ crops = "cut", train = "street/train", held_out = "street/val" }]
weight = 0.5
[[source]]
kind = "scene"
weight = 0.1
[[validation]]
name = "street"
folder = "street/val"
"""


def test_probabilities_are_those_of_witten_and_bell() -> None:
    tables = train_language({"ab": 2, "b": 1}, order=2, least=1)
    # Of 8 symbols 2 are a, 3 b and 3 ends: three kinds.
    a, b, other = (2 + 3 / 70) / 11, (3 + 3 / 70) / 11, 3 / 70 / 11
    after = {
        "beginning": {"a": (2 + 2 * a) / 5, "b": (1 + 2 * b) / 5, "x": 2 * other / 5, "end": 2 * b / 5},
        "nothing": {"a": a, "b": b, "x": other, "end": b},
        "a": {"a": a / 3, "b": (2 + b) / 3, "x": other / 3, "end": b / 3},
        "b": {"a": a / 4, "b": b / 4, "x": other / 4, "end": (3 + b) / 4},
    }
    assert tables.costs.shape == (4, 70)
    for row, expected in zip(tables.costs, after.values(), strict=True):
        for symbol, probability in expected.items():
            cost = row[END if symbol == "end" else SYMBOLS.index(symbol)]
            assert cost * STEP == pytest.approx(-np.log(probability), abs=STEP / 2 + 1e-9)


def test_states_follow_by_the_last_character() -> None:
    tables = train_language({"ab": 2, "b": 1}, order=2, least=1)
    expected = np.full((4, 70), 1)
    expected[:, SYMBOLS.index("a")], expected[:, SYMBOLS.index("b")], expected[:, END] = 2, 3, 0
    np.testing.assert_array_equal(tables.following, expected)


@pytest.mark.parametrize(("order", "least", "states"), [(2, 1, 99), (4, 3, 99), (4, 1, 14), (6, 1, 999), (3, 9, 2)])
def test_tables_are_those_of_a_model_written_out(order: int, least: float, states: int) -> None:
    """Against contexts as text, each looked up as it is defined."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for word, count in WORDS.items():
        text = f"{BEGINNING}{word}"
        for end, symbol in enumerate([*word, "end"], 1):
            for start in range(max(0, end - order + 1), end + 1):
                counts[text[start:end]][symbol] += int(count)
    always = {"", BEGINNING}
    rest = sorted(counts.keys() - always, key=lambda c: (-counts[c].total(), len(c), c))
    rest = [context for context in rest if counts[context].total() >= least][: states - 2]
    contexts = [BEGINNING, "", *sorted(rest, key=lambda c: (len(c), c))]

    def probability(context: str, symbol: str) -> float:
        seen = counts[context]
        shorter = probability(context[1:], symbol) if context else 1 / 70
        return (seen[symbol] + len(seen) * shorter) / (seen.total() + len(seen))

    def follower(context: str, symbol: str) -> int:
        text = context + symbol
        tails = (text[start:] for start in range(max(0, len(text) - order + 1), len(text) + 1))
        return next(contexts.index(tail) for tail in tails if tail in contexts)

    tables = train_language(WORDS, order, least, states)
    assert len(tables.costs) == len(contexts) <= states
    for state, context in enumerate(contexts):
        exact = [-np.log(probability(context, symbol)) / STEP for symbol in (*SYMBOLS, "end")]
        np.testing.assert_allclose(tables.costs[state], np.minimum(exact, 255), atol=0.5 + 1e-9)
        np.testing.assert_array_equal(tables.following[state], [*(follower(context, s) for s in SYMBOLS), 0])


def test_the_symbols_after_every_state_add_up_to_one() -> None:
    sums = np.exp(-STEP * train_language(WORDS, least=1).costs.astype(float)).sum(1)
    assert np.abs(np.log(sums)).max() <= STEP / 2


def test_signs_of_the_alphabet_are_not_taken_for_the_ends_of_words() -> None:
    tables = train_language({"^$": 100}, order=3, least=1)
    hat, dollar = SYMBOLS.index("^"), SYMBOLS.index("$")
    row, state = tables.costs[0], int(tables.following[0, hat])
    assert row.argmin() == hat
    assert tables.costs[state].argmin() == dollar
    assert tables.costs[int(tables.following[state, dollar])].argmin() == END


def test_words_of_other_characters_are_left_out() -> None:
    plain, mixed = train_language({"cafe": 20}), train_language({"cafe": 20, "caf\u00e9": 20, "Cafe": 20, "": 20})
    np.testing.assert_array_equal(plain.costs, mixed.costs)
    assert plain.symbols == SYMBOLS
    assert len(SYMBOLS) == 69
    with pytest.raises(ValueError, match="no word"):
        train_language({"\u00e9": 1})


def test_the_order_of_the_words_does_not_matter() -> None:
    counts = {word: count / 3 for word, count in WORDS.items()}
    tables, turned = train_language(counts, least=1), train_language(dict(reversed(counts.items())), least=1)
    np.testing.assert_array_equal(tables.costs, turned.costs)
    np.testing.assert_array_equal(tables.following, turned.following)


@pytest.mark.parametrize(("order", "states"), [(1, 9), (11, 9), (6, 1), (6, 65_537)])
def test_sizes_out_of_range_are_refused(order: int, states: int) -> None:
    with pytest.raises(ValueError, match="order must be 2 to 10"):
        train_language(WORDS, order, states=states)


def test_perplexity_is_the_inverse_of_the_mean_probability() -> None:
    tables = train_language({"ab": 2, "b": 1}, order=2, least=1)
    a, b = (2 + 3 / 70) / 11, (3 + 3 / 70) / 11
    chances = np.array([(2 + 2 * a) / 5, (2 + b) / 3, (3 + b) / 4, (1 + 2 * b) / 5, (3 + b) / 4])
    expected = np.exp(-np.log(chances) @ [1, 1, 1, 2, 2] / 7)
    assert perplexity(tables, {"ab": 1, "b": 2, "\u00e9": 5}) == pytest.approx(expected, rel=STEP / 2)


def test_a_corpus_weighs_its_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "vocabulary", lambda: ("March", "march", "Exit"))
    counts = corpus({"exit": 32, "cafe": 1}, CorpusConfig(draws=0))
    assert counts == pytest.approx({"march": 1.0, "exit": 0.5 + 20 * 16, "cafe": 20.0})


def test_generated_words_follow_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "vocabulary", lambda: ())
    config = CorpusConfig(draws=200, draw=0.5)
    counts = corpus({}, config, seed=1)
    assert sum(counts.values()) == pytest.approx(100)
    assert all(word == word.lower() for word in counts)
    assert counts == corpus({}, config, seed=1) != corpus({}, config, seed=2)


@pytest.fixture(name="place")
def make_place(tmp_path: Path) -> Path:
    """A recipe, and the data it names, whose held-out words are c and d."""
    (tmp_path / "recipe.toml").write_text(RECIPE)
    write_truth(tmp_path / "data/street/train", {1: ["A", "b", "###"], 3: ["e", "Way out"], 4: ["g", "h"]})
    write_truth(tmp_path / "data/street/val", {2: ["c", "###", "d"]})
    write_crops(tmp_path / "data/word_crops/cut", ["A", "b", "c", "d", "e", "Way out", "g", "h"])
    write_crops(tmp_path / "data/word_crops/other", ["Way", "caf\u00e9"])
    return tmp_path


def test_transcripts_leave_out_what_is_ignored_or_held_out(place: Path) -> None:
    seen = transcripts(read_recipe(place / "recipe.toml"), place / "data")
    assert seen == {"a": 2, "b": 2, "e": 2, "way": 3, "out": 2, "g": 2, "h": 2, "caf\u00e9": 1}


def test_a_limit_holds_for_transcripts_too(place: Path) -> None:
    table = {"source": [{"kind": "labelled", "path": "street/train", "limit": 1}]}
    assert transcripts(parse_recipe(table), place / "data") == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('path = "street/train"', 'path = "street/val"', "'street/val' is a validation set too"),
        ('path = "street/train"', "", "misses 'path'"),
        ('held_out = "street/val"', 'held = "street/val"', "misses 'held_out'"),
    ],
)
def test_sources_that_cannot_be_read_are_refused_by_name(place: Path, old: str, new: str, message: str) -> None:
    (place / "recipe.toml").write_text(RECIPE.replace(old, new, 1))
    with pytest.raises(RecipeError, match=message):
        transcripts(read_recipe(place / "recipe.toml"), place / "data")


def test_the_command_writes_tables(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CorpusConfig", functools.partial(CorpusConfig, draws=50))
    monkeypatch.setattr(module, "vocabulary", lambda: ("exit", "way"))
    output = place / "new" / "language.npz"
    options = ["--recipe", place / "recipe.toml", "--data", place / "data", "--order", 3, "--states", 40]
    result = CliRunner().invoke(language, [str(item) for item in (output, *options)])
    assert result.exit_code == 0, result.output
    tables = LanguageTables.load(output)
    assert f"8 of them seen; {len(tables.costs)} states; perplexity" in result.output
    assert 2 < len(tables.costs) <= 40


def test_the_command_names_a_folder_that_is_missing(place: Path) -> None:
    options = ["--recipe", place / "recipe.toml", "--data", place / "data/word_crops"]
    result = CliRunner().invoke(language, [str(item) for item in (place / "language.npz", *options)])
    assert result.exit_code == 1
    assert "street/train" in result.output
    assert not (place / "language.npz").exists()
