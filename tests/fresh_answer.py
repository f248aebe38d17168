"""Checks an answer of `POST /spot` for sense: python fresh_answer.py ANSWER.json [WORD...]. Runs on a bare Python."""

import json
import sys
from pathlib import Path


def main(path: str, *expected: str) -> None:
    """Exits with what is wrong where polygons leave the picture, nothing is read, or an expected word is missing."""
    answer = json.loads(Path(path).read_text())
    width, height = answer["image"]["width"], answer["image"]["height"]
    for word in answer["words"]:
        inside = all(-width <= x <= 2 * width and -height <= y <= 2 * height for x, y in word["polygon"])
        if not (len(word["polygon"]) >= 4 and inside and word["text"] and 0 < word["score"] <= 1):
            sys.exit(f"not a word: {word}")
    read = [word["text"] for word in answer["words"]]
    print(f"{answer['model']['name']} {answer['model']['version']} read {len(read)} words: {' '.join(read)}")
    if missing := set(expected) - set(read) or (set() if read else {"any word"}):
        sys.exit(f"not read: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
