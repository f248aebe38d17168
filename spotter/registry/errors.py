"""The errors of bundles and registries."""


class RegistryError(Exception):
    """A registry could not complete an operation."""


class NotFoundError(RegistryError):
    """No such model, version or alias."""


class BundleError(RegistryError):
    """A bundle is invalid. `reason` says why, in words for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
