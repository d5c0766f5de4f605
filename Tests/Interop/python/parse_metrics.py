"""Reads Prometheus' text format from standard input with Prometheus' own parser, and says what is in it.

A line of JSON for each sample: {"family", "type", "name", "labels", "value"}. What the parser does not take ends it
with its error and status 1.
"""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        print(
            json.dumps(
                {
                    "family": family.name,
                    "type": family.type,
                    "name": sample.name,
                    "labels": sample.labels,
                    "value": repr(sample.value),
                },
                sort_keys=True,
            )
        )
