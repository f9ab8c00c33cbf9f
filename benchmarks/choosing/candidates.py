"""The figures of a model that :mod:`benchmarks.select` compares: AP of one protocol and time on one device."""

from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.choosing.scenarios import DEVICES
from benchmarks.joined import Line
from mmpose_amfac.errors import AMFACError

# back ends that run no exported file
TORCH = ('eager', 'compile', 'graph', 'torch')
TRAINING = ('own', 'combined', 'any')
FLIP = {True: 'flip test', False: 'no flip test', None: 'flip test not stated'}


class Figure(NamedTuple):
    """A number with where it is from."""

    value: float
    source: str


@dataclass(frozen=True)
class Setup:
    """What all measured times of one comparison share.

    Attributes:
        machine: device of the rows.
        backend: of the rows.
        threads: of the rows.
        detector: finds the people for top-down models, name in the zoo.
        people: in the picture.
    """

    machine: str
    backend: str
    threads: int
    detector: str
    people: int


def training(line: Line) -> str:
    """``own``: trained on the data set of the test alone; ``combined``: on others too; ``any``: on overlapping sets."""
    data = line.train_data.partition(' (')[0]
    if 'body7' in data or 'body8' in data:
        return 'any'
    return 'own' if data and data == line.dataset.partition(' ')[0] else 'combined'


def published_ap(line: Line) -> Figure | str:
    """Published AP in percent, or why it is not comparable."""
    if line.ap is None:
        return line.reasons.get('ap', 'no AP')
    boxes, flip = line.published['boxes'], line.published['flip_test']
    if boxes != ('det' if line.paradigm.startswith('td-') else 'none'):
        return f'AP {line.ap:g} is published without saying on which boxes'
    hard = f', hard {line.published["ap_hard"]}' if line.published['ap_hard'] else ''
    test = FLIP[dict(yes=True, no=False).get(flip)]
    return Figure(line.ap, f'published ({"detector boxes, " if boxes == "det" else ""}{test}{hard})')


def measured_ap(lines: list[Line]) -> dict[str, dict[str, Figure]]:
    """Protocol -> name -> AP in percent; models that need no boxes stand beside those with boxes of each kind."""
    sets = {}
    for line in lines:
        for row in line.accuracy:
            if 'metrics' in row:
                p = row['protocol']
                pictures = f'{p["annotations"]} {p["annotations_sha256"][:8]}, pictures: {p["pictures"]}'
                by_boxes = sets.setdefault(pictures, {}).setdefault(_boxes(p), {})
                by_boxes.setdefault(line.name, Figure(100 * row['metrics']['AP'], f'measured ({row["file"]})'))
    found = {}
    for pictures, by_boxes in sets.items():
        free = by_boxes.pop('', {})
        for boxes, aps in (by_boxes or {'no boxes': {}}).items():
            found[f'{pictures}, {boxes}'] = aps | free
    return found


def _boxes(protocol) -> str:
    boxes = protocol['boxes']
    if boxes['source'] == 'none':
        return ''
    by = ' '.join(text for text in (boxes['source'], boxes.get('file'), boxes.get('sha256', '')[:8]) if text)
    return f'boxes: {by}, {FLIP[protocol["flip_test"]]}'


def published_time(line: Line, lines: dict[str, Line], device: str, detector: str, people: int) -> Figure | str:
    """Milliseconds for a picture on a published device, or why there are none."""
    ms = published_ms(line, device)
    if ms is None:
        return f'no time is published on {device}'
    if not line.paradigm.startswith('td-'):
        return Figure(ms, 'published')
    finding = published_ms(lines[detector], device)
    if finding is None:
        return Figure(people * ms, f'published ({people} x {ms:g} ms, without a detector)')
    return Figure(finding + people * ms, f'published (detector {finding:g} + {people} x {ms:g} ms)')


def published_ms(line: Line, device: str) -> float | None:
    """Its published milliseconds for one call, or None."""
    column, _, per_second = DEVICES[device]
    text = line.published.get(column)
    return None if not text else 1e3 / float(text) if per_second else float(text)


def setup(lines: list[Line], backend: str | None, threads: int | None, detector: str, people: int, where) -> Setup:
    """The machine, back end and threads of most models among those asked for; torch only where nothing else is.

    Raises:
        AMFACError: nothing was measured so.
    """
    found = Counter()
    for line in lines:
        if line.paradigm != 'detector':
            found.update({_run(row) for row in [*line.speed_rows, *line.scaling] if _counts(row)})
    chosen = [key for key in found if backend in (None, key[1]) and threads in (None, key[2])]
    if not chosen:
        asked = ''.join(f' {name} {value}' for name, value in (('--backend', backend), ('--threads', threads)) if value)
        had = ', '.join(sorted({f'--backend {b} --threads {t}' for _, b, t in found})) or 'nothing'
        raise AMFACError(f'no processor time{asked} in {where} (measured: {had}); run python -m benchmarks.speed, '
                         f'or take published times: --device {next(iter(DEVICES))}')
    return Setup(*max(chosen, key=lambda key: (key[1] not in TORCH, found[key], key[2], key)),
                 detector, people)


def measured_time(line: Line, lines: dict[str, Line], run: Setup) -> Figure | str:
    """Milliseconds for a picture on this machine, or why there are none.

    From picture to poses where :mod:`benchmarks.scaling` measured about that number of people, else that of the
    networks alone.
    """
    whole = _scaled(line, run)
    if whole is not None:
        return Figure(whole, 'measured (from picture to poses)')
    if not line.paradigm.startswith('td-'):
        own = _batched(line, lines, run, 1)
        return own if isinstance(own, str) else Figure(own.value, f'{own.source}, network alone')
    poses, found = _batched(line, lines, run, run.people), _batched(lines[run.detector], lines, run, 1)
    if isinstance(poses, str):
        return poses
    if isinstance(found, str):
        return f'the detector: {found}'
    return Figure(found.value + poses.value,
                  f'{poses.source} (detector {found.value:.1f} + poses {poses.value:.1f} ms), networks alone')


def _counts(row) -> bool:
    """Whether a row has a time of a processor, in float32."""
    return (('ms' in row or 'seconds' in row) and row.get('precision', 'fp32') == 'fp32'
            and not any(word in row['provider'].lower() for word in ('cuda', 'gpu', 'tensorrt')))


def _run(row) -> tuple:
    return row['environment']['device'], row['backend'], row['threads']


def _scaled(line: Line, run: Setup) -> float | None:
    detector = run.detector if line.paradigm.startswith('td-') else ''
    by_picture = {}
    for row in line.scaling:
        if _counts(row) and _run(row) == (run.machine, run.backend, run.threads) and row['detector'] == detector:
            by_picture.setdefault((*row['picture'], row['seed']), {})[row['people']] = 1e3 * row['seconds'][0]
    times = max(by_picture.values(), key=len, default={})
    if not times or not min(times) <= run.people <= max(times):
        return None
    return float(np.interp(run.people, sorted(times), [times[n] for n in sorted(times)]))


def _batched(line: Line, lines: dict[str, Line], run: Setup, count: int) -> Figure | str:
    """Milliseconds of a network for ``count`` inputs: one by one, or in the batches that were measured."""
    times, source = _times(line, run), 'measured'
    if 1 not in times:
        same = [other for other in lines.values() if line.params is not None and 1 in _times(other, run)
                and (other.params, other.gmacs, other.input_size) == (line.params, line.gmacs, line.input_size)]
        if not same:
            reasons = [row['reason'] for row in line.speed_rows if 'reason' in row and row['backend'] == run.backend]
            return (reasons or [
                line.reasons.get('speed', f'not measured with {run.backend} and {run.threads} thread(s)')])[0]
        times, source = _times(same[0], run), f'measured as {same[0].name}, the same network'
    most = max(times)
    full, rest = divmod(count, most)
    at_once = full * times[most] + (float(np.interp(rest, sorted(times), [times[b] for b in sorted(times)]))
                                    if rest else 0.0)
    return Figure(min(count * times[1], at_once), source)


def _times(line: Line, run: Setup) -> dict[int, float]:
    """Batch -> milliseconds, of the fastest form."""
    times = {}
    for row in line.speed_rows:
        if _counts(row) and _run(row) == (run.machine, run.backend, run.threads):
            times[row['batch']] = min(row['ms'][0], times.get(row['batch'], float('inf')))
    return times
