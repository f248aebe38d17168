import json
from pathlib import Path

from spotter.training.run_log import RunLog


def test_records_are_lines_and_means_start_anew(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "run")
    log.record({"event": "start"})
    for value in (1.0, 2.0, 2.0):
        log.add({"loss": value, "norm": 2 * value})
    assert log.means(3) == {"loss": 1.667, "norm": 3.333}
    log.add({"loss": 7.0})
    assert log.means(3) == {"loss": 7.0}
    log.record({"step": 4})
    lines = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"event": "start"}, {"step": 4}]
