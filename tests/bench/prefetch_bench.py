# SPDX-License-Identifier: Apache-2.0
"""Throughput at several prefetch multipliers, with early and late acknowledgement, each
beside the limit at the batch that two children and that multiplier allow, and beside
Celery. Medians of alternating runs; nothing passes or fails."""

import argparse
import statistics
import sys

from measure import table, throughput, throughput_limit

CHILDREN = 2


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=60_000)
    parser.add_argument("--celery-tasks", type=int, default=2_000)
    parser.add_argument("--prefetch", type=int, nargs="+", default=[1, 4, 64])
    options = parser.parse_args()

    rows = [["prefetch multiplier", "petiole/s", "limit/s", "share", "Celery/s", "ratio"]]
    for prefetch in options.prefetch:
        # Small batches are slow for everybody; the run need not be longer for it.
        tasks = options.tasks if prefetch > 4 else options.tasks // 4
        limits, rates = [], {late: ([], []) for late in (True, False)}
        for round in range(options.rounds):
            limits.append(throughput_limit(options.tasks, CHILDREN * prefetch))
            for late, (ours, theirs) in rates.items():
                ours.append(throughput("petiole", tasks, late, prefetch)[0])
                theirs.append(throughput("celery", options.celery_tasks, late, prefetch)[0])
            print(f"multiplier {prefetch}, round {round + 1} of {options.rounds}: limit "
                  f"{limits[-1]:,.0f}/s, late {rates[True][0][-1]:,.0f}/s", file=sys.stderr)
        limit = statistics.median(limits)
        for late, (ours, theirs) in rates.items():
            mine, celery = statistics.median(ours), statistics.median(theirs)
            rows.append([f"{prefetch}, {'late' if late else 'early'}", f"{mine:,.0f}", f"{limit:,.0f}",
                         f"{100 * mine / limit:.0f} %", f"{celery:,.0f}", f"{mine / celery:.0f} x"])
    table(rows)


if __name__ == "__main__":
    main()
