import base64
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotter.reading.errors import InvalidParameterError, ProblemError
from spotter.service.errors import BadRequestError, OverloadedError, TooManyBytesError
from spotter.service.http.uploads import (
    Address,
    MultipartBody,
    RawBody,
    Upload,
    begins_as_json,
    body_for,
    open_json,
)
from spotter.service.upload_budget import UploadBudget

BOUNDARY = b"frontier"


def multipart(parts: list[bytes], name: bytes = b"images") -> bytes:
    heads = b'Content-Disposition: form-data; name="' + name + b'"; filename="x.png"\r\nContent-Type: image/png\r\n\r\n'
    return b"".join(b"--frontier\r\n" + heads + part + b"\r\n" for part in parts) + b"--frontier--\r\n"


def parse(body: bytes, cuts: list[int], max_pictures: int = 16) -> list[bytes]:
    reader = MultipartBody(BOUNDARY, max_pictures)
    edges = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
    for start, end in itertools.pairwise(edges):
        reader.feed(body[start:end])
    return reader.close()


NO_BOUNDARY = st.binary(max_size=200).filter(lambda part: b"--frontier" not in part)


@given(st.lists(NO_BOUNDARY, min_size=1, max_size=5), st.lists(st.integers(0, 10_000), max_size=20))
def test_parts_come_out_as_they_went_in_however_they_are_cut(parts: list[bytes], cuts: list[int]) -> None:
    assert parse(multipart(parts), cuts) == parts


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_noise_is_a_bad_request_and_nothing_worse(body: bytes, cuts: list[int]) -> None:
    with pytest.raises(BadRequestError):
        parse(body, cuts)


@given(st.integers(1, 250), st.integers(0, 255))
def test_a_damaged_body_is_a_problem_or_other_bytes(place: int, value: int) -> None:
    body = bytearray(multipart([b"a" * 20, b"b" * 20]))
    body[place % len(body)] = value
    try:
        pictures = parse(bytes(body), [])
    except ProblemError as problem:
        status = problem.status
    else:
        status = 200
        assert sum(map(len, pictures)) <= len(body)
    assert status in (200, 400)


@pytest.mark.parametrize("cut", range(1, 60, 3))
def test_a_body_cut_short_is_refused(cut: int) -> None:
    body = multipart([b"picture"])
    with pytest.raises(BadRequestError):
        parse(body[: -cut - 3], [])


def test_other_names_too_many_parts_and_none() -> None:
    assert parse(multipart([b"x"], name=b"anything"), []) == [b"x"]
    field = b'--frontier\r\nContent-Disposition: form-data; name="%s"\r\n%s\r\nx\r\n--frontier--\r\n'
    for name, more in ((b"images", b""), (b"file", b""), (b"x", b"Content-Type: Image/PNG\r\n")):
        assert parse(field % (name, more), []) == [b"x"]
    for name, more in ((b"lang", b""), (b"images2", b"Content-Type: text/plain\r\n"), (b"\xff" * 90, b"")):
        with pytest.raises(BadRequestError, match="holds no file"):
            parse(field % (name, more), [])
    with pytest.raises(TooManyBytesError, match="more than 2 pictures"):
        parse(multipart([b"x"] * 3), [], max_pictures=2)
    with pytest.raises(BadRequestError):
        parse(b"--frontier--\r\n", [])


def test_headers_of_a_part_are_bounded() -> None:
    many = b"--frontier\r\n" + b"A: b\r\n" * 20 + b"\r\nx\r\n--frontier--\r\n"
    long = b"--frontier\r\nA: " + b"b" * 10_000 + b"\r\n\r\nx\r\n--frontier--\r\n"
    for body in (many, long):
        with pytest.raises(BadRequestError):
            parse(body, [])


@pytest.mark.parametrize(
    "kind", ["image/jpeg", "application/octet-stream", None, "Image/PNG", "application/x-www-form-urlencoded", "", "x"]
)
def test_raw_bodies(kind: str | None) -> None:
    body = body_for(kind, 16)
    assert isinstance(body, RawBody)
    body.feed(b"ab")
    body.feed(b"c")
    assert body.close() == [b"abc"]


def as_json(**members: object) -> bytes:
    return json.dumps(members).encode()


@given(st.binary(max_size=50))
def test_a_picture_in_json_comes_out_however_it_is_written(data: bytes) -> None:
    plain, other = base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()
    lines = "\n".join(plain[start : start + 5] for start in range(0, len(plain), 5))
    for text in (plain, other, plain.rstrip("="), lines, f"data:image/png;base64,{plain}", f"DATA:;BASE64,{plain}"):
        body = b" \n" + as_json(image=text)
        assert begins_as_json(body)
        assert open_json(body) == data
    assert open_json(as_json(url="https://example.org/a")) == Address("https://example.org/a")


@pytest.mark.parametrize("data", [b"", b" ", b"  GIF", b"\xff\xd8", b"P5 1 1", b"[{}]", b"\n" * 1000])
def test_other_bytes_do_not_begin_as_json(data: bytes) -> None:
    assert not begins_as_json(data)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "no JSON"),
        (b"{" * 900, "no JSON"),
        (b"{" * 100_000, "more than 1000"),
        (b'{"image": [' + b"[]," * 5_000_000 + b"[]]}", "more than 1000"),
        (b'{"image": "\xff"}', "no JSON"),
        (as_json(), "one member"),
        (as_json(image="", url=""), "one member"),
        (as_json(imgae=""), "'image'"),
        (as_json(**{"l" * 5000: 1}), "nearest"),
        (as_json(image=None), "a string"),
        (as_json(image=["a"]), "a string"),
        (as_json(image="not base64!"), "base64"),
        (as_json(image="é"), "base64"),
        (as_json(image="a"), "base64"),
        (as_json(image="data:text/plain,a"), "base64"),
        (as_json(image="data:"), "base64"),
    ],
)
def test_other_json_is_reported(body: bytes, message: str) -> None:
    assert begins_as_json(body)
    with pytest.raises((BadRequestError, InvalidParameterError), match=message):
        open_json(body)


def test_multipart_needs_a_boundary() -> None:
    assert isinstance(body_for("multipart/form-data; boundary=x", 16), MultipartBody)
    with pytest.raises(BadRequestError):
        body_for("multipart/form-data", 16)
    for kind in ("multipart/form-data; boundary=" + "x" * 10_000, "multipart/mixed; boundary=x"):
        with pytest.raises(BadRequestError):
            body_for(kind, 16)


def test_bytes_are_counted_while_they_arrive_and_given_back() -> None:
    budget = UploadBudget(100)
    with Upload(budget, 10) as upload:
        upload.count(b"12345")
        upload.count(b"67890")
        assert budget.held == 10
    assert budget.held == 0
    with Upload(budget, 10) as upload:
        upload.count(b"12345")
        with pytest.raises(TooManyBytesError):
            upload.count(b"678901")
    assert budget.held == 0


def test_all_uploads_share_one_budget() -> None:
    reasons: list[str] = []
    budget = UploadBudget(10, reasons.append)
    with Upload(budget, 10) as one, Upload(budget, 10) as other:
        one.count(b"123456")
        with pytest.raises(OverloadedError):
            other.count(b"123456")
    assert (budget.held, reasons) == (0, ["bytes"])


def test_a_picture_of_one_chunk_is_not_copied() -> None:
    chunk, body = bytes(1000), RawBody()
    body.feed(chunk)
    body.feed(b"")
    assert body.close()[0] is chunk


@pytest.mark.parametrize(
    ("length", "error"), [("11", TooManyBytesError), ("9" * 30, BadRequestError), ("-1", BadRequestError)]
)
def test_an_announced_length_is_judged_before_reading(length: str, error: type[ProblemError]) -> None:
    with pytest.raises(error), Upload(UploadBudget(100), 10) as upload:
        upload.announce(length)
    with Upload(UploadBudget(100), 10) as upload:
        upload.announce("10")
        upload.announce(None)
