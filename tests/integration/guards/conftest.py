"""The cluster and the floor of the workflow's laws."""

from tests.integration.workflow.conftest import floor, server, settings

__all__ = ["floor", "server", "settings"]
