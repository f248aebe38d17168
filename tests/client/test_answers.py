import builtins
import dataclasses
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import BaseModel

from spotter.client import answers
from spotter.client.answers import DocumentAnswer, PageAnswer, PictureAnswer, answer_from, page_from
from spotter.client.errors import (
    KINDS,
    BadAnswerError,
    BrokenPictureError,
    DeadlineError,
    MissingPackageError,
    OverloadedError,
    ProblemError,
    SourceError,
    TooLateError,
    problem_from,
)
from spotter.formats.structure import as_dict
from spotter.formats.text import as_text
from spotter.reading.errors import ProblemError as ServiceProblem
from spotter.reading.words import Page, Word, arrange
from spotter.service.errors import SPOT_ERRORS
from spotter.service.http import schemas
from tests.client.misbehaving import ANSWER

PROBLEM = {"page": 2, "type": "urn:spotter:problem:broken-picture", "title": "T", "status": 422, "detail": "cut short"}


def page(*rows: str) -> Page:
    """A page of rows of words, 40 pixels wide and 20 high, 5 between words."""
    words = [
        Word([[x, y], [x + 40, y], [x + 40, y + 20], [x, y + 20]], text, 0.5 + column / 10)
        for y, row in zip(range(10, 1000, 24), rows, strict=False)
        for column, (x, text) in enumerate(zip(range(10, 1000, 45), row.split(), strict=False))
    ]
    return arrange((300, 200), words)


def told(found: Page, detail: Any = "blocks") -> dict[str, Any]:
    """The service's answer for a page."""
    members = {**ANSWER, "image": {"width": found.size[0], "height": found.size[1]}, **as_dict(found, detail)}
    left = {"words": ("lines", "blocks"), "lines": ("blocks",), "blocks": ()}[detail]
    return {name: value for name, value in json.loads(json.dumps(members)).items() if name not in left}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (answers.ModelRef, schemas.ModelRef),
        (answers.ImageSize, schemas.ImageSize),
        (answers.Word, schemas.WordAnswer),
        (answers.Line, schemas.LineAnswer),
        (answers.Block, schemas.BlockAnswer),
        (answers.Reading, schemas.Reading),
        (PictureAnswer, schemas.SpotAnswer),
        (PageAnswer, schemas.PageAnswer),
        (DocumentAnswer, schemas.DocumentAnswer),
    ],
)
def test_members_are_those_that_the_service_documents(ours: type, theirs: type[BaseModel]) -> None:
    assert {field.name for field in dataclasses.fields(ours)} == set(theirs.model_fields)


def test_every_problem_of_the_service_has_its_error() -> None:
    kinds = {
        each.kind: each
        for each in ServiceProblem.__subclasses__()
        if each.__module__.startswith(("spotter.service.", "spotter.reading."))
    }
    assert set(SPOT_ERRORS) < set(kinds.values())
    assert set(KINDS) == set(kinds)
    for kind, error in kinds.items():
        again = problem_from(error("why", retry_after=3.0).body("r7"))
        assert type(again).__name__ == error.__name__, kind
        assert (again.status, again.fault, again.remedy) == (error.status, error.fault, error.remedy)
        assert (again.retry_after, again.request_id, again.detail) == (3, "r7", "why")
        assert str(again) == f"{error.status} {error.title}: why {error.remedy}"
    assert issubclass(TooLateError, DeadlineError)


def test_a_balancers_refusals_are_told_by_their_status() -> None:
    assert isinstance(problem_from({"type": "about:blank", "status": 429}), OverloadedError)
    teapot = problem_from({"status": 418, "title": "I'm a teapot"})
    assert (type(teapot), teapot.fault, str(teapot)) == (ProblemError, "client", "418 I'm a teapot")


def test_an_answer_comes_back_as_it_was_read() -> None:
    found = page("Fresh coffee", "and bread")
    answer = answer_from({**told(found), "new": 1})
    assert isinstance(answer, PictureAnswer)
    assert (answer.image.width, answer.image.height) == found.size
    assert [(w.text, w.score, w.line, w.block) for w in answer.words] == [
        (w.text, w.score, w.line, w.block) for w in found.words
    ]
    assert answer.words[0].polygon == ((10, 10), (50, 10), (50, 30), (10, 30))
    assert answer.lines is not None
    assert [line.text for line in answer.lines] == ["Fresh coffee", "and bread"]
    assert answer.to_text() == as_text(found)


def test_text_without_blocks_is_put_together_from_words() -> None:
    answer = answer_from(told(page("Fresh coffee", "and bread"), "words"))
    assert isinstance(answer, PictureAnswer)
    assert answer.blocks is None
    assert answer.to_text() == "Fresh coffee\nand bread"


def test_documents_have_pages_and_problems() -> None:
    first = {**told(page("one two")), "page": 1, "source": "text", "warnings": ["small"]}
    third = {**told(page("three")), "page": 3, "source": "picture"}
    document = answer_from({"page_count": 9, "pages": [first, PROBLEM, third]})
    assert isinstance(document, DocumentAnswer)
    assert document.page_count == 9
    assert [each.page for each in document.pages] == [1, 2, 3]
    assert [each.source for each in document.read] == ["text", "picture"]
    (problem,) = document.problems
    assert isinstance(problem.error, BrokenPictureError)
    assert [word.text for word in document.words] == ["one", "two", "three"]
    assert document.to_text() == "one two\n\f\n\fthree"
    assert document.warnings == ("Page 1: small",)
    table = document.to_dataframe()
    assert table["page"].tolist() == [1, 1, 3]


def test_a_table_has_a_row_for_each_word() -> None:
    table = answer_from(told(page("Fresh coffee"))).to_dataframe()
    assert table.columns.tolist() == list(answers.COLUMNS)
    assert table.drop(columns="polygon").to_dict("records")[1] == {
        "text": "coffee", "score": 0.6, "left": 55, "top": 10, "right": 95, "bottom": 30, "direction": 0, "line": 0,
        "block": 0,
    }  # fmt: skip
    assert answer_from(told(page())).to_dataframe().columns.tolist() == list(answers.COLUMNS)


def test_words_are_drawn_on_a_copy() -> None:
    answer = answer_from(told(page("Fresh")))
    assert isinstance(answer, PictureAnswer)
    before = np.full((200, 300, 3), 255, np.uint8)
    drawn = np.asarray(answer.draw(before))
    assert (before == 255).all()
    assert (drawn[10:31, 10:51] != 255).any()
    assert (drawn[120:] == 255).all()
    with pytest.raises(SourceError, match="300 x 200 pixels, this one has 9 x 9"):
        answer.draw(Image.new("RGB", (9, 9)))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(name: str, *arguments: Any, **others: Any) -> Any:
        if name.partition(".")[0] in ("pandas", "PIL", "tqdm"):
            raise ImportError(name)
        return importing(name, *arguments, **others)

    importing = builtins.__import__
    answer = answer_from(told(page("Fresh")))
    assert isinstance(answer, PictureAnswer)
    monkeypatch.setattr(builtins, "__import__", lacking)
    with pytest.raises(MissingPackageError, match="pip install pandas"):
        answer.to_dataframe()
    with pytest.raises(MissingPackageError, match="pip install pillow"):
        answer.draw(b"")


@pytest.mark.parametrize(
    "members",
    [{}, {"words": []}, {"pages": []}, {"page_count": 1, "pages": [{"page": 1}]}, {**ANSWER, "words": [{}]}],
)
def test_what_is_no_answer_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(BadAnswerError, match="none of Spotter's"):
        answer_from(members)
    with pytest.raises(BadAnswerError):
        page_from(members)
