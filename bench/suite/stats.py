"""Medians and their spread; a single run says nothing."""

import statistics


def median(values):
    return statistics.median(values)


def quartiles(values):
    values = sorted(values)
    if len(values) < 3:
        return values[0], values[-1]
    q1, _, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return q1, q3


def percentile(values, p):
    """The smallest value that at least p percent of them do not exceed."""
    values = sorted(values)
    return values[max(0, -(-len(values) * p // 100) - 1)]
