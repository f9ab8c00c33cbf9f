"""Cells and tables of the report: what is shown, what it is sorted by, and where it is from."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Cell:
    """One cell: the text that is shown, the number that it is sorted by, and what a pointer over it tells."""

    text: str = ''
    value: float | None = None
    tip: str = ''


@dataclass
class Table:
    """A table with a caption; a column is a header and where its figures are from: published, measured or ''."""

    id: str
    caption: str
    columns: list[tuple[str, str]]
    rows: list[list[Cell]]
    notes: list[str] = field(default_factory=list)

    def numeric(self, column: int) -> bool:
        """Whether there are numbers in it."""
        return any(row[column].value is not None for row in self.rows)


def number(value, digits: int = 1, tip: str = '', scale: float = 1) -> Cell:
    """A figure, or an empty cell with the reason in ``tip``."""
    return Cell(tip=tip) if value is None else Cell(f'{value * scale:.{digits}f}', value * scale, tip)


def spread(values, digits: int = 1, tip: str = '', scale: float = 1) -> Cell:
    """A median; its 10th and 90th percentile are told beside."""
    middle, low, high = (v * scale for v in values)
    return Cell(f'{middle:.{digits}f}', middle, f'{low:.{digits}f} to {high:.{digits}f} {tip}'.strip())


def text(value) -> Cell:
    """Words."""
    return Cell('' if value is None else str(value))


def interval(i: dict, scale: float = 1, digits: int = 1) -> Cell:
    """Bounds, with what they were drawn from."""
    low, high = (scale * bound for bound in i['bounds'])
    return Cell(f'{low:.{digits}f} to {high:.{digits}f}', low,
                f'{i["level"]:.0%}, {i["resamples"]} resamples over {i["over"]}, '
                f'seed {i["seed"]}')


def protocol(p: dict) -> str:
    """What an AP was measured on, in words."""
    flip = {True: 'flip test', False: 'no flip test', None: 'flip test not stated'}[p['flip_test']]
    boxes = p['boxes'].get('file') or p['boxes']['source']
    return ', '.join(filter(None, (
        Path(p['annotations']).stem, p['pictures'] if p['pictures'] != 'all' else '', f'{p["images"]} pictures',
        f'{p["persons"]} persons', f'boxes: {boxes}', flip, p['backend'], p['precision'], p['iou_type'])))
