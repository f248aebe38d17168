"""The memory budget that all uploads share."""

from collections.abc import Callable

from spotter.service.errors import OverloadedError


class UploadBudget:
    """The bytes that all uploads together may hold. Used from the event loop only."""

    def __init__(
        self,
        limit: int,
        rejected: Callable[[str], None] = lambda reason: None,
        retry_after: Callable[[], float] = lambda: 1.0,
    ) -> None:
        self._limit = limit
        self._rejected = rejected
        self._retry_after = retry_after
        self.held = 0

    def take(self, count: int) -> None:
        """Reserves bytes. Raises OverloadedError when they do not fit."""
        if self.held + count > self._limit:
            self._rejected("bytes")
            detail = "other uploads fill the memory set aside for them"
            raise OverloadedError(detail, retry_after=self._retry_after())
        self.held += count

    def give(self, count: int) -> None:
        """Releases bytes."""
        self.held -= count
