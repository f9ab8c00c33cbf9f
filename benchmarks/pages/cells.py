"""Cells and tables of the report and of Markdown pages: what is shown, what it is sorted by, and where it is from."""

from dataclasses import dataclass, field
from pathlib import Path

FLIP = {True: 'flip test', False: 'no flip test', None: 'flip test not stated'}


@dataclass
class Cell:
    """One cell: the text that is shown, the number that it is sorted by, and what a pointer over it tells.

    ``bounds`` of a number stand beside it where there is no pointer.
    """

    text: str = ''
    value: float | None = None
    tip: str = ''
    bounds: str = ''


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

    def markdown(self) -> str:
        """The table without the columns that are empty in all rows."""
        shown = [i for i in range(len(self.columns)) if any(row[i].text for row in self.rows)]
        names = [name for name, _ in self.columns]
        lines = [[name if names.count(name) == 1 else f'{name}, {origin}'
                  for name, origin in (self.columns[i] for i in shown)],
                 ['---:' if self.numeric(i) else '---' for i in shown],
                 *([f'{row[i].text} {row[i].bounds}'.strip().replace('|', r'\|') for i in shown] for row in self.rows)]
        return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


def markdown(header, rows) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [header, ['---', *['---:'] * (len(header) - 1)], *rows]
    return ''.join(f'| {" | ".join(map(str, line))} |\n' for line in lines)


def number(value, digits: int = 1, tip: str = '', scale: float = 1) -> Cell:
    """A figure, or an empty cell with the reason in ``tip``."""
    return Cell(tip=tip) if value is None else Cell(f'{value * scale:.{digits}f}', value * scale, tip)


def spread(values, digits: int = 1, tip: str = '', scale: float = 1) -> Cell:
    """A median; its 10th and 90th percentile are told beside."""
    middle, low, high = (v * scale for v in values)
    return Cell(f'{middle:.{digits}f}', middle, f'{low:.{digits}f} to {high:.{digits}f} {tip}'.strip(),
                f'[{low:.{digits}f}, {high:.{digits}f}]')


def text(value) -> Cell:
    """Words."""
    return Cell('' if value is None else str(value))


def interval(i: dict, scale: float = 1, digits: int = 1) -> Cell:
    """Bounds, with what they were drawn from."""
    low, high = (scale * bound for bound in i['bounds'])
    return Cell(f'{low:.{digits}f} to {high:.{digits}f}', low,
                f'{i["level"]:.0%}, {i["resamples"]} resamples over {i["over"]}, '
                f'seed {i["seed"]}')


def protocol(p: dict, counts: bool = True, engine: bool = True) -> str:
    """What an AP was measured on, in words: APs compare where these are the same.

    Args:
        p: protocol of a row.
        counts: with the number of persons, which follows from the rest.
        engine: with back end and precision, which belong to the model: figures compare where these are others.
    """
    boxes = p['boxes']
    by = ' '.join(map(str, filter(None, (
        boxes['source'], boxes.get('file'), boxes.get('sha256', '')[:8],
        f'score {boxes["score_thr"]:g} or more' if 'score_thr' in boxes else '',
        f'at most {boxes["most"]}' if 'most' in boxes else ''))))
    score = p['score_mode'] and f'score: {p["score_mode"]}' + (
        '' if p['keypoint_score_thr'] is None else f' above {p["keypoint_score_thr"]:g}')
    return ', '.join(filter(None, (
        f'{Path(p["annotations"]).stem} ({p["annotations_sha256"][:8]})',
        p['pictures'] if p['pictures'] != 'all' else '',
        f'{p["images"]} pictures', counts and f'{p["persons"]} persons', f'boxes: {by}', FLIP[p['flip_test']], score,
        p['nms_mode'] and f'NMS: {p["nms_mode"]}', *((p['backend'], p['precision']) if engine else ()), p['iou_type'],
        '' if p['use_area'] else 'areas not used')))
