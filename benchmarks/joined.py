"""All that is known of every system in one table: published beside counted and measured figures.

:func:`table` joins ``facts/published.csv`` and the result files of a folder by the name of the system. A figure says
by its place whether it is published (``published_*``, ``ap``) or counted or measured here (all others), and
:attr:`Line.reasons` why one is absent. A result file that is missing leaves its columns empty; one that is broken is
an error. Times are those of one device (:func:`device_of`).
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import zoo
from benchmarks.results import RESULTS, read
from mmpose_amfac.apis.report import cpu_name
from mmpose_amfac.errors import AMFACError

# kind of a result file -> what writes it; the file is KIND.json
COMMANDS = {kind: f'python -m benchmarks.{kind}' for kind in (
    'complexity', 'speed', 'accuracy', 'compare', 'scaling', 'occlusion', 'calibration')}
# back ends that run no exported file
TORCH = ('compile', 'graph', 'eager', 'torch')
# kinds whose figures depend on the machine, of those in the joined table
TIMES = ('speed', 'scaling')
# of back ends with equally many rows the first is shown
BACKENDS = ('onnxruntime', 'openvino', 'tensorrt', *TORCH)
# what several words name: SimpleBaseline is one head on many backbones, each of which is a family
TWO_WORDS = ('SimpleBaseline', 'Stacked', 'Integral')
# of our networks, which are timed as they were written, too
FORM = 'deploy'
# how the reason of what nobody has tried starts
NOT_YET = 'not measured'


class NotMeasured(AMFACError):
    """A result file, or what is looked for in it, is not there yet."""


@dataclass
class Line:
    """What is known of one system.

    Attributes:
        name: of the system in ``benchmarks.zoo``, or of a config or model file that is not there.
        system: what people call it.
        paradigm: as in :class:`benchmarks.zoo.System`.
        dataset: what the published AP was measured on.
        train_data: what the published weights were trained on.
        input_size: (width, height) pixels, or None.
        published: the row of ``facts/published.csv``, text; empty for what is not there.
        ap: published AP in percent, or None.
        published_params: millions, or None.
        published_gmacs: 1e9 multiply-accumulates as published, or None; ``published['gmacs_rule']`` says how counted.
        params: counted here, millions, or None.
        gmacs: counted here, 1e9 multiply-accumulates for one picture or person, or None.
        complexity_note: why the counted figures are far from the published ones, or ''.
        speed: (backend, threads, batch, precision) -> row of the kind ``speed``, with figures or with a ``reason``;
            of several forms of a network the one for deployment.
        speed_rows: all of them.
        accuracy: rows of the kind ``accuracy``, each with its own protocol.
        scaling: rows of the kind ``scaling``.
        reasons: column (``ap``, ``complexity``, ``speed``, ``accuracy``, ``scaling``) -> why it is empty.
    """

    name: str
    system: str
    paradigm: str = ''
    dataset: str = ''
    train_data: str = ''
    input_size: tuple[int, int] | None = None
    published: dict = field(default_factory=dict)
    ap: float | None = None
    published_params: float | None = None
    published_gmacs: float | None = None
    params: float | None = None
    gmacs: float | None = None
    complexity_note: str = ''
    speed: dict = field(default_factory=dict)
    speed_rows: list = field(default_factory=list)
    accuracy: list = field(default_factory=list)
    scaling: list = field(default_factory=list)
    reasons: dict = field(default_factory=dict)

    @property
    def title(self) -> str:
        """System and input, height first as in the names of configs."""
        return f'{self.system} {self.input_size[1]}x{self.input_size[0]}' if self.input_size else self.system


def rows_of(kind: str, results=RESULTS) -> list[dict] | None:
    """Rows of a result file of a folder; None where there is no such file.

    Raises:
        AMFACError: no such folder, or the file is not one of this kind.
    """
    if not Path(results).is_dir():
        raise AMFACError(f'--results: {results} is not a folder')
    path = Path(results) / f'{kind}.json'
    return read(path, kind) if path.exists() else None


def title_of(name: str) -> str:
    """What people call the system of this name, with its input; the name itself where it is not in the zoo."""
    system = zoo.systems().get(name)
    return name if system is None else _published(system).title


def family_of(system: str) -> str:
    """What a system is called, without its size: HRNet-W32+UDP and HRNet-W48 are HRNet."""
    words = system.split()
    name = ' '.join(words[:2] if words[0] in TWO_WORDS else words[:1])
    return re.sub(r'-([A-Z]?\d+|[A-Za-z]|nano|tiny)(\+.*)?$', '', name)


def choice_of_results(parser) -> None:
    """The options of what shows results: the folder, and which of the times in it."""
    parser.add_argument('--results', type=Path, default=RESULTS, metavar='DIR')
    parser.add_argument('--device', metavar='NAME', help="of the times, part of its name (default: this machine's "
                        'processor, or the one with most results)')
    parser.add_argument('--backend', help='of the times; that of most systems unless given')
    parser.add_argument('--threads', type=int)


def device_of(rows, asked: str | None = None) -> str | None:
    """The one device whose rows are compared: unless asked for, this machine's processor, or that with most rows.

    Args:
        rows: of kinds whose figures depend on the machine.
        asked: its name, or a part that no other one has.

    Returns:
        Its name, or None: there are no rows.

    Raises:
        AMFACError: none is called so, or several are.
    """
    known = list(dict.fromkeys(row['environment']['device'] for row in rows))
    if asked is None:
        return cpu_name() if cpu_name() in known else most_rows(rows)
    fitting = [asked] if asked in known else [name for name in known if asked.lower() in name.lower()]
    if len(fitting) != 1:
        raise AMFACError(f'--device {asked} must name one of the devices that were measured: '
                         f'{"; ".join(known) or "none"}')
    return fitting[0]


def timed_rows(results=RESULTS) -> list[dict]:
    """Rows of all kinds of times that stand in :func:`table`."""
    return [row for kind in TIMES for row in rows_of(kind, results) or []]


def rows_on(kind: str, results, device: str | None = None) -> list[dict] | None:
    """Rows of a kind of times, of one device; None where there is no such file.

    Args:
        kind: its name.
        results: folder of the result files.
        device: as asked for in :func:`device_of`, of all kinds; without it each kind has its own: a GPU may have times
            of networks where there are none of whole pipelines.
    """
    rows = rows_of(kind, results)
    if rows is None:
        return None
    device = device_of(rows if device is None else timed_rows(results), device)
    return [row for row in rows if row['environment']['device'] == device]


def most_rows(rows) -> str | None:
    """The device with most figures: what committed tables show, whichever machine makes them."""
    count = Counter(row['environment']['device'] for row in rows if 'reason' not in row) or Counter(
        row['environment']['device'] for row in rows)
    return min(count, key=lambda name: (-count[name], name), default=None)


def most_measured(results=RESULTS) -> str | None:
    """:func:`most_rows` of :func:`timed_rows`."""
    return most_rows(timed_rows(results))


def usual_run(rows, backend: str | None = None, threads: int | None = None) -> tuple[str, int] | None:
    """(backend, threads) of most systems, torch only where nothing else was measured; None where nothing was.

    Args:
        rows: of the kind ``speed`` or ``scaling``; what is not float32 does not count, nor other batches than 1.
        backend: only this one, where given.
        threads: only so many, where given.
    """
    names = {}
    for row in rows:
        if ('reason' not in row and (row.get('precision', 'fp32'), row.get('batch', 1)) == ('fp32', 1)
                and backend in (None, row['backend']) and threads in (None, row['threads'])):
            names.setdefault((row['backend'], row['threads']), set()).add(row['name'])
    order = {name: i for i, name in enumerate(BACKENDS)}
    return min(names, default=None, key=lambda key: (
        key[0] in TORCH, -len(names[key]), order.get(key[0], len(order)), -key[1], key[0]))


def usual_speed(lines: list[Line], backend: str | None = None, threads: int | None = None):
    """:func:`usual_run` of the networks as a key of :attr:`Line.speed`: (backend, threads, 1, 'fp32'), or None."""
    run = usual_run([row for line in lines for row in line.speed_rows], backend, threads)
    return run and (*run, 1, 'fp32')


def table(results=RESULTS, device: str | None = None) -> list[Line]:
    """Every system of the zoo in its order, then what only the result files name.

    Args:
        results: folder of the result files, ``KIND.json``.
        device: of the times, see :func:`device_of`.

    Raises:
        AMFACError: see :func:`rows_of` and :func:`device_of`.
    """
    lines = {s.name: _published(s) for s in zoo.systems().values()}
    for kind, key in (('complexity', 'name'), ('speed', 'name'), ('accuracy', 'model'), ('scaling', 'name')):
        rows = rows_on(kind, results, device) if kind in TIMES else rows_of(kind, results)
        for row in rows or []:
            line = lines.get(row[key]) or lines.setdefault(row[key], _unknown(row, key))
            _put(line, kind, row)
        for line in lines.values():
            if not _has(line, kind):
                line.reasons.setdefault(kind, _why(line.name, kind, rows is None))
    return list(lines.values())


def smallest(lines: list[Line]) -> dict[str, Line]:
    """Family -> its member for COCO with the fewest multiply-accumulates counted; those with the fewest first."""
    found = {}
    for line in sorted((line for line in lines if line.gmacs is not None and line.dataset.startswith('COCO')),
                       key=lambda line: line.gmacs):
        found.setdefault(family_of(line.system), line)
    return found


def representatives() -> dict[str, Line]:
    """:func:`smallest` of the systems of the zoo, by the committed counts."""
    return smallest(table(RESULTS, most_measured(RESULTS)))


def _published(system: zoo.System) -> Line:
    p = system.published
    ap, params, gmacs = (float(p[key]) if p[key] else None for key in ('ap', 'params_m', 'gmacs'))
    reasons = {} if ap is not None else dict(ap=p['note'] or 'not published')
    return Line(system.name, system.system, system.paradigm, system.dataset, system.train_data, system.input_size, p,
                ap, params, gmacs, reasons=reasons)


def _unknown(row, key) -> Line:
    size = row.get('input')
    return Line(row[key], row.get('system', row[key]), row.get('paradigm', ''), input_size=size and tuple(size),
                reasons=dict(ap='not in facts/published.csv'))


def _put(line: Line, kind: str, row: dict) -> None:
    if kind == 'complexity':
        if 'reason' in row:
            line.reasons[kind] = row['reason']
            return
        line.params, line.gmacs, line.complexity_note = row['params'] / 1e6, row['macs'] / 1e9, row['note']
    elif kind == 'speed':
        line.speed_rows.append(row)
        key = row['backend'], row['threads'], row['batch'], row['precision']
        if key not in line.speed or row['form'] == FORM:
            line.speed[key] = row
    else:
        getattr(line, kind).append(row)


def _has(line: Line, kind: str) -> bool:
    return line.params is not None if kind == 'complexity' else bool(getattr(line, kind))


def _why(name, kind, missing) -> str:
    if name in zoo.systems() and not zoo.find(name).source:
        return 'only published figures are known'
    return f'{NOT_YET}: {"no file" if missing else "no row in"} {kind}.json; {COMMANDS[kind]} writes it'
