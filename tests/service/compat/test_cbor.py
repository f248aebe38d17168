import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotter.service.compat.cbor import DEPTH, ITEMS, dumps, loads
from spotter.service.errors import BadRequestError

items = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=30)
    | st.binary(max_size=300),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=DEPTH // 2,  # each level of a recursion has one more
)


@given(items)
def test_what_is_written_is_read_again(item: Any) -> None:
    assert loads(dumps(item)) == item


@pytest.mark.parametrize(
    ("written", "item"),
    [
        ("00", 0), ("17", 23), ("1818", 24), ("1903e8", 1000), ("1b000000e8d4a51000", 10**12), ("20", -1),
        ("3903e7", -1000), ("f93c00", 1.0), ("fb3ff199999999999a", 1.1), ("fa47c35000", 100000.0), ("f7", None),
        ("f90000", 0.0), ("f4", False), ("f5", True), ("f6", None), ("4401020304", b"\1\2\3\4"), ("62c3bc", "ü"),
        ("6161", "a"), ("80", []), ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("a26161016162820203", {"a": 1, "b": [2, 3]}),
        ("5f42010243030405ff", b"\1\2\3\4\5"), ("7f657374726561646d696e67ff", "streaming"),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]), ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
    ],
)  # fmt: skip
def test_the_standards_examples_are_read(written: str, item: Any) -> None:
    """RFC 8949, appendix A."""
    assert loads(bytes.fromhex(written)) == item
    assert math.isinf(loads(bytes.fromhex("f97c00")))


@given(st.binary(max_size=60))
def test_noise_is_a_bad_request_or_an_item(data: bytes) -> None:
    with contextlib.suppress(BadRequestError):
        loads(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cut short"),
        (b"\x5b" + b"\xff" * 8, "cut short"),
        (b"\xa1\x61a", "cut short"),
        (b"\x9f\x01", "cut short"),
        (b"\x9b" + b"\xff" * 8 + b"\x01" * 5000, f"{ITEMS} items"),
        (b"\xbf" + b"\x60\x01" * 5000, f"{ITEMS} items"),
        (b"\x81" * 5000, f"{DEPTH} levels"),
        (b"\x9f" * 5000, f"{DEPTH} levels"),
        (b"\xc2\x41\x01", "tag"),
        (b"\xa1\x01\x02", "no text"),
        (b"\xa1\x81\x61a\x02", "no text"),
        (b"\x62\xff\xff", "UTF-8"),
        (b"\x01\x02", "followed"),
        (b"\x1c", "cannot be"),
        (b"\x1f\xff", "cannot be"),
        (b"\xff", "not known"),
        (b"\x5f\x61a\xff", "cannot be"),
        (b"\xf8\x20", "not known"),
    ],
)
def test_what_is_none_of_ours_is_reported(data: bytes, message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        loads(data)
