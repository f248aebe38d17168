"""What Grafana is given, as far as it can be judged without it.

Fields: https://grafana.com/docs/grafana/latest/administration/provisioning/ and, of the dashboard,
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from collections import Counter
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.deploy.compose import composed
from tests.deploy.promql import DEPLOY, dashboard

PROVISIONING = PurePosixPath("/etc/grafana/provisioning")
"""Where Grafana's image looks."""
DATASOURCE = {
    "name", "type", "uid", "access", "orgId", "url", "user", "database", "basicAuth", "basicAuthUser",
    "withCredentials", "isDefault", "jsonData", "secureJsonData", "version", "editable",
}  # fmt: skip
PROVIDER = {
    "name", "orgId", "folder", "folderUid", "type", "disableDeletion", "updateIntervalSeconds", "allowUiUpdates",
    "options",
}  # fmt: skip
BUILT_IN = {"timeseries", "stat", "table", "row"}
"""Panels that need no plugin."""


@pytest.fixture
def services() -> dict[str, Any]:
    """Compose's."""
    found: dict[str, Any] = yaml.safe_load(composed())["services"]
    return found


def provisioned(kind: str) -> dict[str, Any]:
    """The one file of this kind."""
    (file,) = (DEPLOY / "grafana/provisioning" / kind).iterdir()
    assert file.suffix in {".yml", ".yaml"}  # others are passed over
    document: dict[str, Any] = yaml.safe_load(file.read_text())
    assert document.keys() == {"apiVersion", "providers" if kind == "dashboards" else kind}
    assert document["apiVersion"] == 1
    return document


def mounts(service: dict[str, Any]) -> dict[PurePosixPath, str]:
    """Folders of the container -> of the repository."""
    parts = [volume.split(":") for volume in service["volumes"]]
    return {PurePosixPath(target): source for source, target, *_ in parts}


def test_the_source_of_data_is_compose_s_prometheus(services: dict[str, Any]) -> None:
    (source,) = provisioned("datasources")["datasources"]
    assert source.keys() <= DATASOURCE
    assert (source["type"], source["access"], source["isDefault"]) == ("prometheus", "proxy", True)
    url = urlsplit(source["url"])
    (published,) = services[url.hostname]["ports"]
    assert (url.scheme, str(url.port)) == ("http", published.split(":")[-1])
    assert url.hostname in services["grafana"]["depends_on"]


def test_dashboards_are_looked_for_where_they_are_mounted(services: dict[str, Any]) -> None:
    grafana, (provider,) = services["grafana"], provisioned("dashboards")["providers"]
    assert provider.keys() <= PROVIDER
    assert (provider["type"], provider["options"].keys()) == ("file", {"path"})
    mounted = mounts(grafana)
    assert mounted[PROVISIONING] == "./deploy/grafana/provisioning"
    assert mounted[PurePosixPath(provider["options"]["path"])] == "./deploy/grafana/dashboards"
    home = PurePosixPath(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (DEPLOY.parent / mounted[home.parent] / home.name).is_file()


def test_every_panel_asks_the_source_that_is_provisioned() -> None:
    (source,) = provisioned("datasources")["datasources"]
    wanted, shown = {"type": source["type"], "uid": source["uid"]}, dashboard()
    assert all(each["datasource"] == wanted for each in shown["annotations"]["list"])
    for panel in shown["panels"]:
        assert panel["type"] in BUILT_IN
        if panel["type"] != "row":
            assert panel["datasource"] == wanted
            assert panel["targets"]
            assert max(Counter(target["refId"] for target in panel["targets"]).values()) == 1


def test_panels_and_the_dashboard_can_be_told_apart() -> None:
    shown = dashboard()
    assert max(Counter(panel["id"] for panel in shown["panels"]).values()) == 1
    assert all(panel["id"] > 0 and panel["title"] for panel in shown["panels"])
    assert 0 < len(shown["uid"]) <= 40
    assert shown["schemaVersion"] >= 36  # from there on a panel names its source as these do
