"""Rows of result files by the device that they were measured on."""

import re
from textwrap import shorten

from benchmarks import joined
from benchmarks.results import read


def measured_on(rows) -> str:
    """The line above a table of one device."""
    return f'Measured on {rows[0]["environment"]["device"]}.\n\n'


def on_one_device(results, kind: str) -> list[dict]:
    """Rows of the device with most, the same one for all kinds of :func:`joined.table`."""
    rows = read(results / f'{kind}.json', kind)
    device = joined.most_measured(results) if kind in joined.TIMES else joined.most_rows(rows)
    return [row for row in rows if row['environment']['device'] == device]


def by_device(results, kind: str) -> list[tuple[str, list[dict]]]:
    """Rows of a kind for each device, the one of :func:`on_one_device` first, then those with most figures."""
    rows, found = read(results / f'{kind}.json', kind), {}
    for row in rows:
        found.setdefault(row['environment']['device'], []).append(row)
    first = on_one_device(results, kind)[0]['environment']['device']
    return sorted(found.items(), key=lambda item: (
        item[0] != first, -sum('reason' not in row for row in item[1]), item[0]))


def reason(row) -> str:
    """Why there is no figure, as long as a cell may be and without the folders of the machine."""
    return shorten(re.sub(r'(?<!\S)/\S*/', '', row['reason']), 120, placeholder=' ...').replace('|', r'\|')
