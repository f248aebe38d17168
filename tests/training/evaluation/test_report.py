import json

from spotter.training.evaluation.report import as_dict, sweep_table, table
from spotter.training.evaluation.scores import HEIGHTS, Counts, HeightClass, Recognition, Scores

SCORES = Scores(
    detection=Counts(3, 4, 6),
    end_to_end=Counts(1, 4, 6),
    end_to_end_lenient=Counts(2, 4, 6),
    bag_of_words=Counts(2, 5, 6),
    recognition=Recognition(3, 1, 1, 2, 10),
    by_height=(HeightClass(), HeightClass(4, 3, 1), *(HeightClass(),) * (len(HEIGHTS) - 2)),
)


def test_the_dictionary_is_json_with_fractions() -> None:
    result = json.loads(json.dumps(as_dict(SCORES)))
    assert result["detection"] == {
        "precision": 0.5,
        "recall": 0.75,
        "f": 0.6,
        "correct": 3,
        "truths": 4,
        "predictions": 6,
    }
    assert result["recognition"]["character_accuracy"] == 0.8
    assert result["by_height"][1] == {"from": 8.0, "truths": 4, "found": 3, "read": 1}


def test_the_table_is_in_per_cent() -> None:
    lines = table(SCORES).splitlines()
    assert lines[1].split() == ["detection", "50.0", "75.0", "60.0"]
    assert lines[2].split() == ["end", "to", "end", "16.7", "25.0", "20.0"]
    assert lines[-1].split() == ["8", "to", "12", "4", "75.0", "25.0"]


def test_receipts_show_only_what_needs_no_places() -> None:
    assert [line.split()[0] for line in table(SCORES, bag_of_words=True).splitlines()] == ["precision", "bag"]


def test_the_sweep_has_a_line_for_each_threshold() -> None:
    lines = sweep_table([(0.25, SCORES), (0.5, Scores())]).splitlines()
    assert lines[1].split() == ["0.25", "60.0", "20.0", "36.4"]
    assert lines[2].split() == ["0.50", "0.0", "0.0", "0.0"]
