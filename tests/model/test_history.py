from spotter.model.history import History, Trained

BACKBONE = {"part": "backbone", "name": "ImageNet weights", "licence": "MIT"}
RECOGNISER = {"part": "recogniser", "name": "PP-OCRv6 small", "licence": "Apache-2.0"}
DETECTOR, READER = Trained("detector", "[[source]]"), Trained("reader", "[recogniser_run] # alone\n[[source]]")
BOTH = History((BACKBONE, RECOGNISER), (DETECTOR, READER))


def test_it_comes_back_from_a_checkpoints_entries() -> None:
    assert History.of(BOTH.entries()) == BOTH
    assert History.of({"weights": {}}) == History()
    assert BOTH.entries()["recipes"][0] == {"name": "detector", "text": "[[source]]"}


def test_a_recipe_that_only_mentions_the_table_does_not_train_the_recogniser_alone() -> None:
    assert READER.recogniser_alone
    assert not DETECTOR.recogniser_alone
    assert not Trained("detector", "# not a [recogniser_run]\n[[source]]").recogniser_alone


def test_a_run_that_is_continued_is_one_run() -> None:
    again = BOTH.then(READER)
    assert again == BOTH
    assert BOTH.then(DETECTOR).recipes == (DETECTOR, READER, DETECTOR)
    changed = Trained("reader", READER.text + "\n# slower")
    assert BOTH.then(changed).recipes == (DETECTOR, READER, changed)


def test_parts_that_are_replaced_take_their_history_along() -> None:
    assert BOTH.recogniser() == History((RECOGNISER,), (READER,))
    assert BOTH.without(["recogniser"]) == History((BACKBONE,), (DETECTOR,))
    assert BOTH.without(["backbone"]) == History((RECOGNISER,), (DETECTOR, READER))
    assert BOTH.without([]) == BOTH
    assert BOTH.without(["recogniser"]) + BOTH.recogniser() == BOTH
