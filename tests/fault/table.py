# SPDX-License-Identifier: Apache-2.0
"""Prints the rows that the fault suite wrote as the table of docs/reliability.md."""

import json
import sys

COLUMNS = ["scenario", "runs", "tasks", "lost", "repeated", "allowed"]


def main(path):
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" + "|---:" * (len(COLUMNS) - 1) + "|")
    sums = {}
    with open(path) as f:
        for row in map(json.loads, f):
            of_same_name = sums.setdefault(row["scenario"], {**row, **dict.fromkeys(COLUMNS[1:], 0)})
            for column in COLUMNS[1:]:
                of_same_name[column] += row[column]
    for row in sums.values():
        print("| " + " | ".join(f"{row[c]:,}" if isinstance(row[c], int) else row[c] for c in COLUMNS) + " |")


if __name__ == "__main__":
    main(sys.argv[1])
