"""Reading by attention alone and together with CTC."""

import pytest
import torch
from torch import Tensor

from spotter.model.attention import AttentionDecoder
from spotter.model.ctc import greedy_path, text_log_probabilities
from spotter.model.joint import attention_columns, joint_columns

CLASSES, WIDTH, COLUMNS, LONGEST = 5, 8, 9, 4
WIDTHS = torch.tensor([9, 6, 9, 7, 9, 9])


def decoder() -> AttentionDecoder:
    torch.manual_seed(0)
    made = AttentionDecoder(WIDTH, CLASSES).eval()
    with torch.no_grad():
        made.classify.weight *= 6  # so that it says something
        made.embed.weight *= 3
    return made


def patches() -> tuple[Tensor, Tensor]:
    """Encoded columns [N, W, D] and CTC's logits [N, W, classes]."""
    generator = torch.Generator().manual_seed(1)
    encoded = torch.randn(len(WIDTHS), COLUMNS, WIDTH, generator=generator)
    return encoded, 2 * torch.randn(len(WIDTHS), COLUMNS, CLASSES, generator=generator)


def texts(columns: Tensor) -> list[list[int]]:
    return [[c for c in row if c] for row in greedy_path(columns, WIDTHS).classes.tolist()]


@torch.no_grad()
def test_what_is_written_freely_is_what_teacher_forcing_finds_most_probable() -> None:
    made, (encoded, _) = decoder(), patches()
    free = torch.full((len(WIDTHS), 1, LONGEST), -1)
    spelling = made.write(made.view(encoded, WIDTHS), free)
    text = spelling.classes[:, 0]
    assert len({tuple(row) for row in text.tolist()}) > 3
    # The decoder's GRU gets the same characters from torch's own layer.
    logits = made(encoded, WIDTHS, text)
    assert torch.equal(logits[:, :-1].argmax(-1), text)
    torch.testing.assert_close(spelling.log_probabilities[:, 0], logits[:, :-1].log_softmax(-1), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_given_text_is_written_as_it_is_beside_the_free_one() -> None:
    made, (encoded, _) = decoder(), patches()
    wanted = torch.tensor([[1, 2, 3, 0]] * len(WIDTHS))
    spelling = made.write(made.view(encoded, WIDTHS), torch.stack((torch.full_like(wanted, -1), wanted), 1))
    assert torch.equal(spelling.classes[:, 1], wanted)
    expected = made(encoded, WIDTHS, wanted)[:, :-1].log_softmax(-1)
    torch.testing.assert_close(spelling.log_probabilities[:, 1], expected, rtol=1e-4, atol=1e-5)
    alone = made.write(made.view(encoded, WIDTHS), torch.full((len(WIDTHS), 1, LONGEST), -1))
    assert torch.equal(spelling.classes[:, 0], alone.classes[:, 0])


@torch.no_grad()
def test_a_step_looks_at_the_mean_of_its_columns() -> None:
    made = decoder()
    made.query.weight.zero_()  # every column alike
    encoded, _ = patches()
    spelling = made.write(made.view(encoded, WIDTHS), torch.full((len(WIDTHS), 1, LONGEST), -1))
    middle = ((WIDTHS - 1) / 2)[:, None, None].expand(-1, 1, LONGEST)
    torch.testing.assert_close(spelling.places, middle, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_attention_alone_reads_what_it_writes() -> None:
    made, (encoded, _) = decoder(), patches()
    classes = made.write(made.view(encoded, WIDTHS), torch.full((len(WIDTHS), 1, LONGEST), -1)).classes[:, 0].tolist()
    written = [row[: row.index(0)] if 0 in row else row for row in classes]
    assert texts(attention_columns(made, made.view(encoded, WIDTHS), WIDTHS, LONGEST)) == written
    assert any(written)


def joint(weight: float, longest: int = LONGEST) -> Tensor:
    encoded, logits = patches()
    made = decoder()
    return joint_columns(made, made.view(encoded, WIDTHS), logits, WIDTHS, longest, COLUMNS, weight)


@torch.no_grad()
@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_text_that_both_together_find_more_probable_is_read(weight: float) -> None:
    """Both texts of each region, scored by torch's own loss of CTC and by teacher forcing."""
    made, (encoded, logits) = decoder(), patches()
    longest = 9  # no text of CTC's is too long
    choices = texts(attention_columns(made, made.view(encoded, WIDTHS), WIDTHS, longest)), texts(logits)
    expected = []
    for n, pair in enumerate(zip(*choices, strict=True)):
        scores = []
        for text in pair:
            target = torch.tensor([text], dtype=torch.int64)
            padded = torch.tensor([[[*text, *[0] * (longest - len(text))]]])
            ctc = float(text_log_probabilities(logits[n : n + 1].log_softmax(-1), WIDTHS[n : n + 1], padded, COLUMNS))
            attention = made(encoded[n : n + 1], WIDTHS[n : n + 1], target)[0].log_softmax(-1)
            steps = [*text, 0][:longest]
            spelt = sum(float(attention[place, character]) for place, character in enumerate(steps))
            scores.append(weight * ctc + (1 - weight) * spelt)
        expected.append(pair[int(scores[1] >= scores[0] - 1e-4)])
    assert texts(joint(weight, longest)) == expected
    if weight == 1.0:
        assert expected != choices[0]
    if weight == 0.0:
        assert expected != choices[1]


@torch.no_grad()
def test_a_longer_text_of_ctcs_is_read_as_it_is() -> None:
    _, logits = patches()
    long = [n for n, text in enumerate(texts(logits)) if len(text) > 2]
    assert long
    found, alone = texts(joint(0.0, longest=2)), texts(logits)
    assert [found[n] for n in long] == [alone[n] for n in long]


@torch.no_grad()
def test_a_region_reads_the_same_beside_wider_ones() -> None:
    made, (encoded, logits) = decoder(), patches()
    together = joint(0.3)
    n, width = 1, int(WIDTHS[1])
    own = WIDTHS[n : n + 1]
    view = made.view(encoded[n : n + 1, :width], own)
    alone = joint_columns(made, view, logits[n : n + 1, :width], own, LONGEST, COLUMNS, 0.3)
    torch.testing.assert_close(together[n, :width], alone[0], rtol=1e-4, atol=1e-4)
