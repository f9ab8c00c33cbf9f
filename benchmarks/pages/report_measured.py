"""Tables of the report on accuracy, and on time over people."""

from pathlib import Path

from benchmarks.joined import rows_of, title_of
from benchmarks.pages.cells import Cell, Table, interval, number, protocol, spread, text
from benchmarks.timing.crossover import crossovers


def accuracy(results, lines) -> Table:
    """Measured AP with interval and protocol."""
    published = {line.name: line.ap for line in lines}
    keys = ('AP50', 'AP75', 'APM', 'APL', 'AR')
    columns = [('model', ''), ('AP, %', 'measured'), ('interval, %', 'measured'),
               *((f'{key}, %', 'measured') for key in keys), ('AP, %', 'published'), ('protocol', ''), ('file', '')]
    rows = []
    for r in rows_of('accuracy', results) or []:
        start, ap = Cell(title_of(r['model']), None, r['model']), number(published.get(r['model']), 1)
        if 'reason' in r:
            rows.append([start, *[Cell()] * 7, ap, text(r['reason']), Cell()])
            continue
        rows.append([start, number(r['metrics']['AP'], 1, scale=100), interval(r['interval'], 100),
                     *(number(r['metrics'][key], 1, scale=100) for key in keys), ap, text(protocol(r['protocol'])),
                     Cell(Path(r['file']).name, None, r['sha256'])])
    return Table('accuracy', 'Accuracy as measured here, each with its protocol', columns, rows)


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


def scaling(results) -> Table:
    """Milliseconds from a picture to all poses, by people."""
    found = {}
    for r in rows_of('scaling', results) or []:
        found.setdefault((r['name'], r['detector'], r['backend'], r['threads']), {})[r['people']] = r
    people = sorted({n for by in found.values() for n in by})
    rows = []
    for (name, detector, backend, threads), by in found.items():
        reasons = dict.fromkeys(r['reason'] for r in by.values() if 'reason' in r)
        rows.append([Cell(title_of(name), None, name), text(detector and title_of(detector)), text(backend),
                     number(threads, 0), *(spread(by[n]['seconds'], 1, 'ms', 1000) if 'seconds' in by.get(n, ())
                                           else Cell() for n in people), text('; '.join(reasons))])
    columns = [('system', ''), ('detector', ''), ('back end', ''), ('threads', ''),
               *((f'{n} people, ms', 'measured') for n in people), ('why a cell is empty', '')]
    return Table('scaling', 'Milliseconds from a picture to the poses of all people in it', columns, rows)


def crossover(results) -> Table:
    """From how many people on one stage is faster."""
    rows = []
    for c in crossovers(rows_of('scaling', results) or []):
        rows.append([text(title_of(c.top_down)), text(c.detector and title_of(c.detector)), text(title_of(c.one_stage)),
                     text(c.backend), number(c.threads, 0), number(c.people, 1), number(c.low, 1), number(c.high, 1),
                     text(c.always and f'{title_of(c.always)} is the faster one throughout what was measured')])
    columns = [('top-down', ''), ('detector', ''), ('bottom-up or one stage', ''), ('back end', ''), ('threads', ''),
               ('faster from so many people on', 'measured'), ('at the earliest', 'measured'),
               ('at the latest', 'measured'), ('', '')]
    return Table('crossover', 'Where bottom-up and one-stage systems become faster than top-down ones: straight lines '
                 'between medians; earliest and latest: between 10th and 90th percentiles', columns, rows)


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


def calibration(results) -> Table:
    """How sure, and how often right."""
    rows = []
    for r in rows_of('calibration', results) or []:
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
