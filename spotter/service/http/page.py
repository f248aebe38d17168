"""`POST /v1/page`: the picture of a page, for programs that show words over it and cannot open the file themselves."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from spotter.reading.pages import MOST_PAGES
from spotter.service.drawing import PictureForm
from spotter.service.errors import SPOT_ERRORS, BadRequestError, EngineFailedError
from spotter.service.http import schemas
from spotter.service.http.intake import arriving, service_of, unless_gone

PATH = "/v1/page"
ERRORS = tuple(error for error in SPOT_ERRORS if error is not EngineFailedError)
_BINARY = {"type": "string", "format": "binary"}

router = APIRouter()


class PageParameters(BaseModel):
    """The query parameters of `POST /v1/page`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: int = Field(default=1, ge=1, le=MOST_PAGES, description="Of a PDF or TIFF, from 1.")
    side: int | None = Field(
        default=None,
        ge=16,
        le=16_384,
        description="Most pixels of the long side; the size in whose pixels polygons are if absent.",
    )
    format: PictureForm = Field(default="png", description="Of the picture.")


@router.post(
    PATH,
    response_class=Response,
    responses={
        200: {
            "description": "The page.",
            "content": {"image/png": {"schema": _BINARY}, "image/jpeg": {"schema": _BINARY}},
        },
        **schemas.problems(*ERRORS),
    },
    openapi_extra={"requestBody": schemas.SPOT_BODY},
    tags=["read"],
    summary="The picture of one page, as reading sees it",
)
async def page_picture(request: Request, parameters: Annotated[PageParameters, Query()]) -> Response:
    """The picture of a page, upright, and for a PDF as it is drawn for reading, so that polygons fit; nothing is
    read."""
    service = service_of(request)
    with arriving(request, service, None) as arrival:
        found, _ = await arrival.pictures(request.headers.get("content-type"))
        if len(found) > 1:
            raise BadRequestError(f"a page is of one file, and there are {len(found)}")
        drawn = service.documents.show(found[0], parameters.page, parameters.side, parameters.format, arrival.deadline)
        body = await unless_gone(request, drawn)
    return Response(body, media_type=f"image/{parameters.format}")
