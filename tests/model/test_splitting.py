"""Rows of characters are cut at spaces, and regions with them; columns counted by hand."""

import pytest
import torch

from spotter.families.fots.boxes import SLANTED_BOXES
from spotter.model.charset import Charset
from spotter.model.ctc import GreedyPath
from spotter.model.family import Columns, Gaps, Parts
from spotter.model.splitting import Pieces, shapes_of, split_at_spaces, with_underscores

CHARSET = Charset(" abc")
NO_UNDERSCORES = torch.zeros(2, dtype=torch.bool)
SPACE = 1


def row(text: str) -> list[int]:
    """A column for each character; "." for a blank."""
    return [0 if character == "." else CHARSET.encode(character)[0] for character in text]


def split(*rows: str, stretch: float = 1.0) -> Pieces:
    """Of rows that fill their patches."""
    widths = torch.full((len(rows),), len(rows[0]))
    return split_at_spaces(torch.tensor([row(text) for text in rows]), SPACE, widths, torch.full((len(rows),), stretch))


def test_a_word_without_spaces_is_the_whole_region() -> None:
    pieces = split("a.bc", stretch=1.3)
    assert pieces.region.tolist() == [0]
    assert pieces.columns.tolist() == [[True] * 4]
    assert (pieces.start.tolist(), pieces.end.tolist()) == ([-0.5], [0.5])


def test_a_row_is_cut_where_it_has_spaces() -> None:
    pieces = split("ab..  .c.", "....abc..")
    assert pieces.region.tolist() == [0, 0, 1]
    # The empty piece between the two spaces gives no word.
    assert pieces.columns[0].tolist() == [True] * 4 + [False] * 5
    assert pieces.columns[1].tolist() == [False] * 5 + [True] * 4
    # The first word ends a quarter of the way from the space (column 4) back to the b (column 1); the second begins a
    # quarter of the way from the other space (5) to the c (7). Columns' centres lie at halves.
    assert pieces.end.tolist() == pytest.approx([(4 - 0.75 + 0.5) / 9 - 0.5, 0.5, 0.5])
    assert pieces.start.tolist() == pytest.approx([-0.5, (5 + 0.5 + 0.5) / 9 - 0.5, -0.5])


def test_margins_beyond_the_region_are_taken_off() -> None:
    # The patch is half as long again as the region.
    pieces = split("ab.. ..ab", stretch=1.5)
    assert pieces.end[0].item() == pytest.approx(((4 - 0.75 + 0.5) / 9 - 0.5) * 1.5)


def test_a_patch_may_be_narrower_than_the_row() -> None:
    pieces = split_at_spaces(torch.tensor([row("ab ab....")]), SPACE, torch.tensor([5]), torch.tensor([1.0]))
    assert pieces.end.tolist() == pytest.approx([(2 - 0.25 + 0.5) / 5 - 0.5, 0.5])


def test_spaces_at_the_ends_cut_off_what_lies_beyond() -> None:
    pieces = split(" .ab. .")
    assert pieces.region.tolist() == [0]
    assert pieces.start.tolist() == pytest.approx([(0 + 0.5 + 0.5) / 7 - 0.5])
    assert pieces.end.tolist() == pytest.approx([(5 - 0.5 + 0.5) / 7 - 0.5])


def test_a_word_in_the_margin_alone_is_another_regions() -> None:
    # Of eight columns the outer two on each side are margin.
    pieces = split("a b.bc c", stretch=2.0)
    assert pieces.columns.tolist() == [[False, True, True, True, True, True, False, False]]


def test_rows_without_characters_and_no_rows_give_no_words() -> None:
    pieces = [
        split("... .", "....."),
        split_at_spaces(torch.zeros(0, 5, dtype=torch.int64), SPACE, torch.zeros(0), torch.zeros(0)),
    ]
    for found in pieces:
        assert found.region.shape == (0,)
        assert found.columns.shape == (0, 5)


def test_words_end_and_begin_where_the_detector_saw_it() -> None:
    widths, stretch = torch.tensor([9, 9]), torch.tensor([1.0, 1.0])
    rows = torch.tensor([row("ab..  .c."), row("a. bc c..")])
    # The first region's gap is columns 5 and 6, the second's lies within column 5, far from that region's other space.
    gaps = Gaps(
        torch.tensor([0, 1]),
        torch.tensor([5 / 9, 5.25 / 9]) - 0.5,
        torch.tensor([7 / 9, 5.5 / 9]) - 0.5,
        NO_UNDERSCORES,
    )
    pieces = split_at_spaces(rows, SPACE, widths, stretch, gaps)
    without = split_at_spaces(rows, SPACE, widths, stretch)
    assert pieces.region.tolist() == [0, 0, 1, 1, 1]
    ends, starts = pieces.end.tolist(), pieces.start.tolist()
    assert ends[:2] == pytest.approx([5 / 9 - 0.5, 0.5])
    assert starts[:2] == pytest.approx([-0.5, 7 / 9 - 0.5])
    assert ends[2] == pytest.approx(without.end[2].item())
    assert (ends[3], starts[4]) == pytest.approx((5.25 / 9 - 0.5, 5.5 / 9 - 0.5))


def test_gaps_of_a_region_that_is_read_from_its_other_end_change_sides() -> None:
    gaps = Gaps(torch.tensor([0, 1]), torch.tensor([-0.1, 0.2]), torch.tensor([0.1, 0.3]), NO_UNDERSCORES)
    turned = gaps.turned(torch.tensor([False, True]))
    assert turned.end.tolist() == pytest.approx([-0.1, -0.3])
    assert turned.start.tolist() == pytest.approx([0.1, -0.2])


REGION = torch.tensor([[100.0, 50, 80, 20, 0, 0], [300.0, 50, 80, 20, 0, 0]])
WORDS = Pieces(
    torch.tensor([0, 0, 1]), torch.zeros(3, 1, dtype=torch.bool), *torch.tensor([[-0.5, 0.3, -0.5], [0.25, 0.5, 0.5]])
)


def test_a_word_that_the_detector_saw_has_the_shape_that_it_saw() -> None:
    # The second word begins 0.04 of 80 pixels beside the part, which is less than a quarter of the height.
    part = [125.6, 53.0, 18, 12, 0.1, 0.0]
    parts = Parts(
        torch.tensor([0, 1]), torch.tensor([0.26, 0.3]), torch.tensor([0.49, 0.5]), torch.tensor([part, part])
    )
    shapes = shapes_of(WORDS, REGION, SLANTED_BOXES, parts)
    assert shapes[0].tolist() == pytest.approx([90, 50, 60, 20, 0, 0])
    assert shapes[1].tolist() == pytest.approx(part)
    assert shapes[2].tolist() == pytest.approx([300, 50, 80, 20, 0, 0])


def test_words_that_the_detector_saw_otherwise_are_cut_from_their_region() -> None:
    far = Parts(torch.tensor([0]), torch.tensor([0.2]), torch.tensor([0.5]), torch.ones(1, 6))
    none = Parts(torch.zeros(0, dtype=torch.int64), torch.zeros(0), torch.zeros(0), torch.zeros(0, 6))
    for parts in (far, none, None):
        assert shapes_of(WORDS, REGION, SLANTED_BOXES, parts)[:, 2].tolist() == pytest.approx([60, 16, 80])


def test_parts_of_a_region_that_is_read_from_its_other_end_are_turned_too() -> None:
    parts = Parts(torch.tensor([0, 1]), torch.tensor([0.3, 0.3]), torch.tensor([0.5, 0.5]), REGION)
    turned = parts.turned(torch.tensor([False, True]), SLANTED_BOXES)
    assert turned.start.tolist() == pytest.approx([0.3, -0.5])
    assert turned.end.tolist() == pytest.approx([0.5, -0.3])
    assert turned.shapes[:, 4].abs().tolist() == pytest.approx([0, torch.pi])


def columns_of(texts: list[str], lead: float) -> tuple[GreedyPath, Columns]:
    """Paths and logits of texts over the charset " abc_", where a space exceeds an underscore by `lead`."""
    charset = Charset(" abc_")
    rows = [[0 if character == "." else charset.encode(character)[0] for character in text] for text in texts]
    classes = torch.tensor(rows, dtype=torch.int32)
    logits = torch.zeros(*classes.shape, charset.classes).scatter(2, classes[..., None].long(), 9.0)
    spaces = classes == charset.encode(" ")[0]
    logits[..., charset.encode("_")[0]] = torch.where(spaces, 9.0 - lead, -9.0)
    widths = torch.full((len(rows),), classes.shape[1])
    return GreedyPath(classes, torch.ones(classes.shape)), Columns(logits, widths, torch.ones(len(rows)))


@pytest.mark.parametrize(("lead", "expected"), [(5.0, 5), (7.0, 1)])
def test_a_space_where_an_underscore_was_seen_is_one_unless_it_is_clear(lead: float, expected: int) -> None:
    path, columns = columns_of(["ab c ab.bc", "ab c ab.bc"], lead)
    # Of ten columns the spaces are the third and the fifth: 0.2 to 0.3 and 0.4 to 0.5 of the way, less 0.5.
    gaps = Gaps(
        torch.tensor([1, 1]), torch.tensor([-0.1, -0.4]), torch.tensor([0.0, -0.3]), torch.tensor([True, False])
    )
    found = with_underscores(path, columns, gaps, space=1, underscore=5)
    changed = path.classes.clone()
    changed[1, 4] = expected
    assert found.classes.tolist() == changed.tolist()
    assert found.probabilities is path.probabilities


def test_spaces_beside_an_underscore_that_the_recogniser_has_are_removed() -> None:
    path, columns = columns_of(["a _ b bc"], 5.0)
    gaps = Gaps(torch.tensor([0]), torch.tensor([-0.375]), torch.tensor([0.0]), torch.tensor([True]))
    found = with_underscores(path, columns, gaps, space=1, underscore=5)
    assert found.classes.tolist() == columns_of(["a._.b bc"], 5.0)[0].classes.tolist()


def test_without_gaps_there_are_no_underscores() -> None:
    path, columns = columns_of(["ab c ab.bc"], 1.0)
    none = Gaps(torch.zeros(0).long(), torch.zeros(0), torch.zeros(0), torch.zeros(0, dtype=torch.bool))
    assert with_underscores(path, columns, none, 1, 5).classes.tolist() == path.classes.tolist()
