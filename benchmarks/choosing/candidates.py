"""The figures of a model that :mod:`benchmarks.select` compares: AP of one protocol and time on one device."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.choosing import protocols
from benchmarks.choosing.scenarios import DEVICES
from benchmarks.joined import COMMANDS, FORM, Line, usual_run
from benchmarks.pages.cells import FLIP
from mmpose_amfac.errors import AMFACError

TRAINING = ('own', 'combined', 'any')


class Figure(NamedTuple):
    """A number with where it is from; of a measured time also the ratio of the network to RTMPose-m in the same rounds.
    """

    value: float
    source: str
    ratio: tuple[float, float, float] | None = None


@dataclass(frozen=True)
class Setup:
    """What all measured times of one comparison share.

    Attributes:
        machine: device of the rows.
        backend: of the rows.
        threads: of the rows.
        detector: finds the people for top-down models, name in the zoo.
        people: in the picture.
        end_to_end: from picture to poses, instead of the networks alone.
    """

    machine: str
    backend: str
    threads: int
    detector: str
    people: int
    end_to_end: bool


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


def measured_ap(lines: list[Line]) -> dict[str, dict[str, list[dict]]]:
    """Protocol -> name -> rows; see :func:`benchmarks.choosing.protocols.groups`."""
    return protocols.groups([row for line in lines for row in line.accuracy])


def only(rows: list[dict], words: str) -> Figure:
    """AP in percent of the one row that a model has in a protocol.

    Raises:
        AMFACError: it has several.
    """
    if len(rows) > 1:
        raise AMFACError(f'{rows[0]["model"]} has several APs in one protocol ({words}): '
                         f'{"; ".join(row["id"] for row in rows)}; keep one of them in the file')
    return Figure(100 * rows[0]['metrics']['AP'], f'measured ({rows[0]["file"]})')


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


def arithmetic(line: Line, lines: dict[str, Line], detector: str, people: int) -> Figure | str:
    """GMACs of a picture: those of the detector and of each person, or of the picture as a whole."""
    if line.gmacs is None:
        return f'no GMACs: {line.reasons.get("complexity", "not counted")}'
    if not line.paradigm.startswith('td-'):
        return Figure(line.gmacs, 'counted')
    finding = lines[detector].gmacs
    if finding is None:
        return f'the detector: no GMACs: {lines[detector].reasons.get("complexity", "not counted")}'
    return Figure(finding + people * line.gmacs, f'counted (detector {finding:.2f} + {people} x {line.gmacs:.2f})')


def setup(lines: list[Line], machine: str, args) -> Setup:
    """The back end and threads of most models among those asked for; torch only where nothing else was measured.

    Args:
        lines: with the times of ``machine``.
        machine: device of the rows.
        args: with ``backend``, ``threads``, ``detector``, ``people``, ``end_to_end``, ``results``.

    Raises:
        AMFACError: nothing was measured so.
    """
    rows = [row for line in lines for row in (line.scaling if args.end_to_end else line.speed_rows)]
    run = usual_run(rows, args.backend, args.threads)
    if run is None:
        asked = ''.join(f' {name} {value}' for name, value in (
            ('--backend', args.backend), ('--threads', args.threads)) if value)
        had = ', '.join(sorted({f'--backend {row["backend"]} --threads {row["threads"]}' for row in rows
                                if 'reason' not in row})) or 'nothing'
        kind = 'scaling' if args.end_to_end else 'speed'
        raise AMFACError(f'no time{asked} in {args.results}/{kind}.json (measured: {had}); run {COMMANDS[kind]}, '
                         f'or take published times: --device {next(iter(DEVICES))}')
    return Setup(machine, *run, args.detector, args.people, args.end_to_end)


def measured_time(line: Line, lines: dict[str, Line], run: Setup) -> Figure | str:
    """Milliseconds for a picture, or why there are none: from picture to poses, or of the networks alone."""
    if run.end_to_end:
        found = _scaled(line, run)
        for other in _twins(line, lines) if isinstance(found, str) else ():
            its = _scaled(other, run)
            if not isinstance(its, str):
                return its._replace(source=f'{its.source}, of {other.name}, the same network')
        return found
    own = not line.paradigm.startswith('td-')
    poses = _batched(line, lines, run, 1 if own else run.people)
    if own or isinstance(poses, str):
        return poses
    found = _batched(lines[run.detector], lines, run, 1)
    if isinstance(found, str):
        return f'the detector: {found}'
    return Figure(found.value + poses.value, f'sum of medians (detector {found.value:.1f} + poses '
                  f'{poses.value:.1f} ms), {poses.source}', poses.ratio)


def _counts(row, run: Setup) -> bool:
    """Whether a row has a time of this setup, in float32."""
    return ('reason' not in row and row.get('precision', 'fp32') == 'fp32'
            and (row['environment']['device'], row['backend'], row['threads'])
            == (run.machine, run.backend, run.threads))


def _twins(line: Line, lines: dict[str, Line]) -> list[Line]:
    """Others with its network: counted alike, or called alike and trained for other joints."""
    return [other for other in lines.values() if other is not line and other.input_size == line.input_size and (
        (line.params is not None and (other.params, other.gmacs) == (line.params, line.gmacs))
        or (line.paradigm != 'detector' and (other.title, other.paradigm) == (line.title, line.paradigm)))]


def _scaled(line: Line, run: Setup) -> Figure | str:
    detector = run.detector if line.paradigm.startswith('td-') else ''
    by_picture = {}
    for row in line.scaling:
        # a time in which fewer people were found, or more, is not that of these
        if _counts(row, run) and row['detector'] == detector and row['found'] == row['people']:
            picture = *row['picture'], row['photograph'], row['seed']
            by_picture.setdefault(picture, {})[row['people']] = 1e3 * row['seconds'][0]
    times = max(by_picture.values(), key=len, default={})
    if not times:
        reasons = [row['reason'] for row in line.scaling if 'reason' in row and row['detector'] == detector]
        return (reasons or [line.reasons.get('scaling', 'not measured from picture to poses with this back end, number '
                                             'of threads and detector')])[0]
    if not min(times) <= run.people <= max(times):
        return f'measured from picture to poses for {min(times)} to {max(times)} people only'
    if run.people in times:
        return Figure(times[run.people], 'measured (from picture to poses)')
    return Figure(float(np.interp(run.people, sorted(times), [times[n] for n in sorted(times)])),
                  'interpolated between measured numbers of people (from picture to poses)')


def _batched(line: Line, lines: dict[str, Line], run: Setup, count: int) -> Figure | str:
    """Milliseconds of a network for ``count`` inputs: one by one, or in the batches that were measured."""
    times, source = _times(line, run), 'measured'
    if 1 not in times:
        same = [other for other in _twins(line, lines) if 1 in _times(other, run)]
        if not same:
            reasons = [row['reason'] for row in line.speed_rows if 'reason' in row and row['backend'] == run.backend]
            return (reasons or [
                line.reasons.get('speed', f'not measured with {run.backend} and {run.threads} thread(s)')])[0]
        times, source = _times(same[0], run), f'measured as {same[0].name}, the same network'
    single, ratio = times[1]['ms'][0], tuple(times[1]['ratio'])
    if count == 1:
        return Figure(single, f'{source}, network alone', ratio)
    batches = sorted(times)
    full, rest = divmod(count, batches[-1])
    at_once = full * times[batches[-1]]['ms'][0] + (float(np.interp(
        rest, batches, [times[b]['ms'][0] for b in batches])) if rest else 0.0)
    if count * single <= at_once:
        return Figure(count * single, f'{source}, {count} x {single:.1f} ms, networks alone', ratio)
    how = ', interpolated between batches' if rest and rest not in times else ', in batches'
    return Figure(at_once, f'{source}{how}, networks alone', ratio)


def _times(line: Line, run: Setup) -> dict[int, dict]:
    """Batch -> row; of our networks that of the form for deployment."""
    times = {}
    for row in line.speed_rows:
        if _counts(row, run) and (row['batch'] not in times or row['form'] == FORM):
            times[row['batch']] = row
    return times
