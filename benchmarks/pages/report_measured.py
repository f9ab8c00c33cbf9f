"""Tables of the report on accuracy, and on time over people."""

from pathlib import Path

from benchmarks.joined import rows_of, rows_on, title_of
from benchmarks.pages.cells import Cell, Table, interval, number, protocol, spread, text
from benchmarks.timing.crossover import crossovers


def accuracy(results, lines) -> Table:
    """Measured AP with interval and protocol."""
    published = {line.name: line.ap for line in lines}
    keys = ('AP50', 'AP75', 'APM', 'APL', 'AR', 'AP_easy', 'AP_medium', 'AP_hard')
    columns = [('model', ''), ('AP, %', 'measured'), ('interval, %', 'measured'),
               *((f'{key}, %', 'measured') for key in keys), ('AP, %', 'published'), ('protocol', ''), ('file', '')]
    rows = []
    for r in rows_of('accuracy', results) or []:
        start, ap = Cell(title_of(r['model']), None, r['model']), number(published.get(r['model']), 1)
        if 'reason' in r:
            rows.append([start, *[Cell()] * (2 + len(keys)), ap, text(r['reason']), Cell()])
            continue
        rows.append([start, number(r['metrics']['AP'], 1, scale=100), interval(r['interval'], 100),
                     *(number(r['metrics'].get(key), 1, scale=100) for key in keys), ap, text(protocol(r['protocol'])),
                     Cell(Path(r['file']).name, None, r['sha256'])])
    return Table('accuracy', 'Accuracy as measured here, each with its protocol; published AP: on other pictures and '
                 'boxes', columns, rows)


def compare(results) -> Table:
    """Two models on the same pictures."""
    rows = []
    for r in rows_of('compare', results) or []:
        names = [Cell(title_of(r[side]['model']), None, protocol(r[side]['protocol'])) for side in 'ab']
        if 'reason' in r:
            rows.append([*names, *[Cell()] * 6, text(r['reason'])])
            continue
        rows.append([*names, *(number(r[side]['AP'], 1, scale=100) for side in 'ab'),
                     number(r['difference'], 2, scale=100), interval(r['interval'], 100, 2), number(r['share'], 3),
                     number(r['p'], 3), text(protocol(r['a']['protocol']))])
    columns = [('A', ''), ('B', ''), ('AP of A, %', 'measured'), ('AP of B, %', 'measured'),
               ('A minus B', 'measured'), ('interval', 'measured'), ('share A is better', 'measured'),
               ('p', 'measured'), ('protocol of A', '')]
    return Table('compare', 'Models compared on the same pictures', columns, rows)


def scaling(results, device=None) -> Table:
    """Milliseconds from a picture to all poses, by people, on one device."""
    found, where = {}, set()
    for r in rows_on('scaling', results, device) or []:
        key = r['name'], r['detector'], r['backend'], r['threads'], tuple(r['picture'])
        found.setdefault(key, {})[r['people']] = r
        where.add(r['environment']['device'])
    people = sorted({n for by in found.values() for n in by})
    rows = []
    for (name, detector, backend, threads, picture), by in found.items():
        reasons = dict.fromkeys([*(r['reason'] for r in by.values() if 'reason' in r),
                                 *(f'{r["found"]} of {n} people found' for n, r in by.items()
                                   if r.get('found', n) != n)])
        rows.append([Cell(title_of(name), None, name), text(detector and title_of(detector)), text(backend),
                     number(threads, 0), text('{}x{}'.format(*picture)),
                     *(spread(by[n]['seconds'], 1, 'ms', 1000) if 'seconds' in by.get(n, ()) else Cell()
                       for n in people), text('; '.join(reasons))])
    columns = [('system', ''), ('detector', ''), ('back end', ''), ('threads', ''), ('picture', ''),
               *((f'{n} people, ms', 'measured') for n in people), ('remark', '')]
    on = ''.join(f' on {device}' for device in where)
    return Table('scaling', f'Milliseconds from a picture to the poses of all people in it{on}', columns, rows)


def crossover(results, device=None, names=None) -> Table:
    """From how many people on which system is faster, on one device; ``names``: of these systems and detectors only."""
    rows, where = [], set()
    for c in crossovers(rows_on('scaling', results, device) or []):
        if names is not None and not {c.top_down, c.detector, c.one_stage} <= {*names}:
            continue
        where.add(c.device)
        start = [text(title_of(c.top_down)), text(c.detector and title_of(c.detector)), text(title_of(c.one_stage)),
                 text(c.backend), number(c.threads, 0), text(', '.join(map(str, c.measured)))]
        rows += [[*start, text(title_of(change.faster)), number(change.people, 1), number(change.low, 1),
                  number(change.high, 1)] for change in c.changes]
        if c.always:
            rows.append([*start, text(f'{title_of(c.always)}, for all of them'), *[Cell()] * 3])
    columns = [('top-down', ''), ('detector', ''), ('bottom-up or one stage', ''), ('back end', ''), ('threads', ''),
               ('measured with people', ''), ('faster one', 'measured'), ('from so many people on', 'measured'),
               ('at the earliest', 'measured'), ('at the latest', 'measured')]
    on = ''.join(f' on {device}' for device in where)
    return Table('crossover', f'Which of two systems is the faster one for how many people{on}: straight lines between '
                 'medians; earliest and latest: between 10th and 90th percentiles', columns, rows)


def occlusion(results) -> Table:
    """AP where persons are hidden."""
    rows = []
    for r in rows_of('occlusion', results) or []:
        start = [text(title_of(r['model'])), text(r['way']), Cell(str(r['level']), _float(r['level']))]
        if 'reason' in r:
            rows.append([*start, *[Cell()] * 5, text(r['reason'])])
            continue
        rows.append([*start, number(r['share'], 3), number(r['metrics']['AP'], 1, scale=100),
                     interval(r['interval'], 100), number(r['hidden']['found'], 1, scale=100),
                     number(r['free']['found'], 1, scale=100), text(protocol(r['protocol']))])
    columns = [('model', ''), ('way', ''), ('level', ''), ('share hidden', 'measured'), ('AP, %', 'measured'),
               ('interval, %', 'measured'), ('hidden joints found, %', 'measured'),
               ('free joints found, %', 'measured'), ('protocol', '')]
    return Table('occlusion', 'Accuracy where persons are hidden', columns, rows)


def _float(level) -> float | None:
    return None if isinstance(level, str) else level


def calibration(results, joint: str | None = None) -> Table:
    """How sure, and how often right; of one joint, or 'all' together, where given."""
    rows = []
    for r in rows_of('calibration', results) or []:
        if joint not in (None, r['joint']):
            continue
        start = [text(title_of(r['model'])), text(r['joint'])]
        if 'reason' in r:
            rows.append([*start, *[Cell()] * 6, text(r['reason'])])
            continue
        rows.append([*start, number(r['joints'], 0), number(r['confidence'], 3), number(r['rate'], 3),
                     number(r['ece'], 3), interval(r['interval'], 1, 3), number(r['brier'], 3),
                     text(protocol(r['protocol']))])
    columns = [('model', ''), ('joint', ''), ('joints', 'measured'), ('mean confidence', 'measured'),
               ('share right', 'measured'), ('calibration error', 'measured'), ('interval', 'measured'),
               ('Brier', 'measured'), ('protocol', '')]
    return Table('calibration', 'How sure a model is, and how often it is right (0.5 of OKS or more)', columns, rows)
