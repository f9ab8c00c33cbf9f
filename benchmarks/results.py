"""Result files: rows of figures, each with what it was measured on.

A file is JSON: its ``kind``, the ``environments`` that its rows came from, and the ``rows``, a line for each. A row
has an ``id``, unique in the file and made of all settings of the measurement, and either figures or the ``reason`` why
there are none. :mod:`benchmarks.schema` says which fields a kind has; nothing else is written or read.
"""

import json
from pathlib import Path

from benchmarks import schema
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.files import atomic_path, read_json

RESULTS = Path(__file__).parent / 'results'


class CannotRunError(AMFACError):
    """Why there is no figure, where that is no fault: missing weights, operators or packages, a network without it."""


class Results:
    """The rows of one file, which is written whole after each new row: a run that ends early goes on where it stopped.

    Args:
        path: JSON file; it is made with the first row. None keeps the rows in memory.
        kind: one of :data:`benchmarks.schema.ROWS`.

    Raises:
        AMFACError: the file is there and is not of this kind.
    """

    def __init__(self, path, kind: str):
        self.path, self.kind = path and Path(path), kind
        known = read(self.path, kind) if self.path and self.path.exists() else []
        self._rows = {row['id']: row for row in known}

    def __contains__(self, id: str) -> bool:
        return id in self._rows

    def __getitem__(self, id: str) -> dict:
        return self._rows[id]

    def has_figures(self, id: str, environment: dict | None = None) -> bool:
        """Whether there is a row with figures; one with a reason may get them now.

        Args:
            environment: of this moment: a row of another device or of other versions does not count.
        """
        row = self._rows.get(id, dict(reason='missing'))
        return 'reason' not in row and (environment is None or all(
            row['environment'][key] == environment[key] for key in ('device', 'versions')))

    @property
    def rows(self) -> list[dict]:
        """In the order in which they were first added."""
        return list(self._rows.values())

    def add(self, *rows: dict) -> None:
        """Put rows in, in the place of those with the same id, and write the file.

        Raises:
            AMFACError: a row that the schema does not allow.
        """
        for row in rows:
            schema.check(row, self.kind, row.get('id', 'a row without id'))
        self._rows |= {row['id']: row for row in rows}
        if self.path:
            write(self.path, self.kind, self.rows)


def reason_of(error: Exception) -> str:
    """The ``reason`` of a row where one system of several failed: the first line of an exception."""
    lines = str(error).strip().splitlines()
    text = lines[0][:300] if lines else 'no reason was given'
    return text if isinstance(error, AMFACError) else f'{type(error).__name__}: {text}'


def write(path, kind: str, rows: list[dict]) -> None:
    """Write a result file; environments that several rows share stand in it once."""
    environments, lines = [], []
    for row in rows:
        if row['environment'] not in environments:
            environments.append(row['environment'])
        lines.append(_json({**row, 'environment': environments.index(row['environment'])}))
    with atomic_path(path) as part:
        part.write_text(f'{{"kind": {_json(kind)},\n"environments": [\n{_lines(environments)}\n],\n"rows": [\n'
                        + ',\n'.join(lines) + '\n]}\n', encoding='utf-8')


def read(path, kind: str) -> list[dict]:
    """Rows of a result file, each with its whole environment.

    Raises:
        AMFACError: no such file, or not a result file of this kind.
    """
    content = read_json(path, 'result file')
    if not isinstance(content, dict) or content.get('kind') != kind:
        raise AMFACError(f'{path} is not a result file of the kind {kind!r}')
    environments, rows = content.get('environments'), content.get('rows')
    if not isinstance(environments, list) or not isinstance(rows, list):
        raise AMFACError(f'{path} has no lists environments and rows')
    found = {}
    for i, row in enumerate(rows):
        where = f'{path}: rows[{i}]'
        number = row.get('environment') if isinstance(row, dict) else None
        if not isinstance(number, int) or not 0 <= number < len(environments):
            raise AMFACError(f'{where}.environment is not an index of environments')
        row = {**row, 'environment': environments[number]}
        schema.check(row, kind, where)
        if row['id'] in found:
            raise AMFACError(f'{where}.id={row["id"]!r} stands twice')
        found[row['id']] = row
    return list(found.values())


def _json(value) -> str:
    return json.dumps(value, allow_nan=False)


def _lines(values) -> str:
    return ',\n'.join(map(_json, values))
