"""Amazon's own client, told nothing but another address, against a real process."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.model
import botocore.session
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.reading.tiny import picture
from tests.service.serving import Serving, serving

KEY = "AKIDEXAMPLE-0001"


@pytest.fixture(scope="module")
def server(registry: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(KEY)
    settings: dict[str, Any] = {"threads": 1, "max_pixels": 100_000, "compat": "textract", "api_keys_file": keys}
    with serving(registry=registry, **settings) as process:
        process.ready()
        yield process


@pytest.fixture(params=["smithy-rpc-v2-cbor", "json"])
def protocol(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """That of the newest clients, and that of those before."""
    monkeypatch.setattr(botocore.model.ServiceModel, "resolved_protocol", request.param)
    return str(request.param)


def client(server: Serving, key: str = KEY) -> Any:
    session = botocore.session.Session()
    session.set_credentials(key, "a secret that nobody asks for")
    config = Config(retries={"max_attempts": 0}, read_timeout=60)
    return session.create_client(
        "textract", region_name="eu-west-1", endpoint_url=f"{server.url}/compat/textract", config=config
    )


def test_amazons_client_reads_our_words(server: Serving, protocol: str) -> None:
    answer = client(server).detect_document_text(Document={"Bytes": picture((12, 200, 0), (300, 200))})
    words = [block for block in answer["Blocks"] if block["BlockType"] == "WORD"]
    assert [(word["Text"], word["Confidence"]) for word in words] == [("012", 90.0), ("200", 90.0)]
    assert words[1]["Geometry"]["BoundingBox"] == {"Width": 1.0, "Height": 0.5, "Left": 0.0, "Top": 0.5}
    assert (answer["DocumentMetadata"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ({"Pages": 1}, 200)


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"Bytes": b"no picture"}, "UnsupportedDocumentException"),
        ({"Bytes": picture((1, 2, 3))[:60]}, "BadDocumentException"),
        ({"Bytes": picture((1, 2, 3), (600, 400))}, "DocumentTooLargeException"),
        ({"S3Object": {"Bucket": "bucket", "Name": "name"}}, "InvalidS3ObjectException"),
        ({}, "InvalidParameterException"),
    ],
)
def test_amazons_client_raises_its_own_exceptions(
    server: Serving, protocol: str, document: dict[str, Any], name: str
) -> None:
    amazon = client(server)
    with pytest.raises(getattr(amazon.exceptions, name)) as raised:
        amazon.detect_document_text(Document=document)
    assert raised.value.response["Error"]["Message"]
    assert raised.value.response["ResponseMetadata"]["RequestId"]


def test_another_key_and_another_operation_are_refused(server: Serving, protocol: str) -> None:
    with pytest.raises(ClientError, match=r"AccessDeniedException.*no valid API key"):
        client(server, "AKIDEXAMPLE-0002").detect_document_text(Document={"Bytes": b""})
    with pytest.raises(ClientError, match="UnknownOperationException"):
        client(server).analyze_document(Document={"Bytes": b""}, FeatureTypes=["TABLES"])
