"""A running service whose OpenAPI document clients are generated from."""

from collections.abc import Iterator

import pytest

from tests.service.serving import Serving, serving

KEY = "a-key-of-the-tests-0001"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """The model that ships; it asks for KEY."""
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(KEY)
    with serving(threads=1, timeout=120, document_timeout=120, api_keys_file=keys) as process:
        process.ready()
        yield process
