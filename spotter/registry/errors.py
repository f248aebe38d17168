"""What can go wrong with bundles and registries."""


class RegistryError(Exception):
    """A registry could not do what was asked."""


class NotFoundError(RegistryError):
    """No such model, version or alias."""


class BundleError(RegistryError):
    """A bundle is not what it claims to be. `reason` says why, in words for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
