from tests.service.conftest import client as in_memory

__all__ = ["in_memory"]
