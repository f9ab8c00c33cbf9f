"""Tables of the report on size and speed, and on where all figures come from."""

import csv
from collections import Counter
from pathlib import Path

from benchmarks.choosing import protocols
from benchmarks.joined import COMMANDS, NOT_YET, rows_of, title_of
from benchmarks.pages.cells import Cell, Table, number, protocol, spread, text
from benchmarks.pages.plots import PARADIGMS

CORRECTIONS = Path(__file__).parents[1] / 'facts/corrections.csv'
# column of facts/published.csv -> where the speed was measured
ELSEWHERE = {
    'i7_11700_ort_ms': 'i7-11700, ONNX Runtime, ms', 'i7_8700_torch_fps': 'i7-8700, PyTorch, fps',
    'gtx1660super_torch_fps': 'GTX 1660 SUPER, PyTorch, fps', 'gtx1660ti_trt_fp16_ms': 'GTX 1660 Ti, TensorRT fp16, ms',
    'rtx3090_trt_fp16_ms': 'RTX 3090, TensorRT fp16, ms', 'v100_ort_ms': 'V100, ONNX Runtime, ms',
    'sd865_ncnn_fp16_ms': 'Snapdragon 865, ncnn fp16, ms', 'agx_orin_trt_fp16_ms': 'AGX Orin, TensorRT fp16, ms',
    'orin_nx_trt_fp16_ms': 'Orin NX, TensorRT fp16, ms'}


def models(lines, key) -> Table:
    """Every system: published beside counted and measured.

    Args:
        lines: of :func:`benchmarks.joined.table`.
        key: the setup of the times, of :func:`benchmarks.joined.usual_speed`; None where there are none.
    """
    where = f'{key[0]}, {key[1]} threads' if key else 'none measured'
    found = protocols.usual([row for line in lines for row in line.accuracy])
    words, aps = found or ('none measured', {})
    columns = [('system', ''), ('AP, %', 'published'), ('tested on', 'published'), ('boxes', 'published'),
               ('flip test', 'published'), (f'AP, % ({words})', 'measured'), ('params, M', 'published'),
               ('params, M', 'measured'), ('GMACs', 'published'), ('GMACs', 'measured'), (f'ms ({where})', 'measured'),
               ('times RTMPose-m', 'measured'), ('kind', ''), ('trained on', ''), ('why a cell is empty', '')]
    rows, devices = [], set()
    for line in lines:
        p, row = line.published, line.speed.get(key, {})
        reasons = {column: why for column, why in line.reasons.items() if column != 'scaling'}
        if 'reason' in row:
            reasons['speed'] = row['reason']
        if 'ms' in row:
            devices.add(row['environment']['device'])
        known = line.ap is not None
        rows.append([
            Cell(line.title, None, line.name), number(line.ap, 1, p.get('source', '')), text(line.dataset),
            *(text(p[name] or 'not stated') if known else Cell() for name in ('boxes', 'flip_test')),
            _measured(aps.get(line.name, [])),
            number(line.published_params, 2, p.get('source', '')), number(line.params, 3, line.complexity_note),
            number(line.published_gmacs, 2, p.get('gmacs_rule', '')), number(line.gmacs, 3, line.complexity_note),
            spread(row['ms']) if 'ms' in row else Cell(), spread(row['ratio'], 2) if 'ms' in row else Cell(),
            text(PARADIGMS.get(line.paradigm, [line.paradigm])[0]), text(line.train_data), text(_why(reasons))])
    on = f'; times on {devices.pop()}' if devices else ''
    return Table('models', f'All systems: published beside counted and measured figures{on}', columns, rows,
                 ['Published APs compare where test set, boxes and flip test are the same; measured ones of other '
                  'protocols are in the table of accuracy.'])


def _measured(rows) -> Cell:
    if len(rows) > 1:
        return Cell('', None, f'{len(rows)} rows in this protocol, see the table of accuracy')
    return number(rows[0]['metrics']['AP'], 1, protocol(rows[0]['protocol']), 100) if rows else Cell()


def _why(reasons: dict) -> str:
    """The columns by their reason, each reason once."""
    by_reason = {}
    for column, why in reasons.items():
        by_reason.setdefault(NOT_YET if why.startswith(NOT_YET) else why, []).append(column)
    return '; '.join(f'{", ".join(columns)}: {why}' for why, columns in by_reason.items())


def complexity(results) -> Table:
    """Counted beside published, with how far they are apart."""
    columns = [('system', ''), ('input, w x h', ''), ('params, M', 'measured'), ('params, M', 'published'),
               ('apart, %', ''), ('GMACs', 'measured'), ('GMACs', 'published'), ('apart, %', ''),
               ('activations, M', 'measured'), ('note', '')]
    rows = []
    for r in rows_of('complexity', results) or []:
        start = [Cell(title_of(r['name']), None, r['name']), text('{}x{}'.format(*r['input']) if r['input'] else '')]
        if 'reason' in r:
            rows.append([*start, *[Cell()] * 7, text(r['reason'])])
            continue
        rows.append([*start, number(r['params'], 3, scale=1e-6), number(r['published_params_m'], 2),
                     number(r['params_off'], 1, scale=100), number(r['macs'], 3, scale=1e-9),
                     number(r['published_gmacs'], 2), number(r['macs_off'], 1, scale=100),
                     number(r['activations'], 1, scale=1e-6), text(r['note'])])
    return Table('complexity', 'Parameters and multiply-accumulates as counted here', columns, rows)


def _by_run(lines) -> dict:
    """(name, batch, precision, form) -> {(backend, threads): row}."""
    found = {}
    for line in lines:
        for row in line.speed_rows:
            found.setdefault((line.name, row['batch'], row['precision'], row['form']), {})[
                row['backend'], row['threads']] = row
    return found


def speed(lines) -> Table:
    """Milliseconds of every back end."""
    found = _by_run(lines)
    runs = sorted({run for rows in found.values() for run in rows})
    columns = [('system', ''), ('batch', ''), ('precision', ''), ('form', ''),
               *((f'{backend}, {threads} t, ms', 'measured') for backend, threads in runs), ('remark', '')]
    rows, reasons = [], Counter()
    for (name, batch, precision, form), by_run in found.items():
        cells = []
        for run in runs:
            row = by_run.get(run, {})
            if 'ms' in row:
                ratio = 'times RTMPose-m 256x192: {:.2f} [{:.2f}, {:.2f}]'.format(*row['ratio'])
                memory = row['peak_memory_mb']
                needs = 'not told' if memory is None else f'{memory:.0f} MB'
                cells.append(spread(row['ms'], 2, f'ms, {row["scope"]}; {ratio}; peak memory: {needs}; '
                                    f'{row["rounds"]} rounds, load {row["load"]:g}'))
            else:
                cells.append(Cell(tip=row.get('reason', NOT_YET)))
                reasons[row.get('reason')] += 1
        told = [row.get('note') or '' for row in by_run.values()] + [
            f'times of {title_of(row["measured_as"])}, which has the same network'
            for row in by_run.values() if 'measured_as' in row]
        rows.append([Cell(title_of(name), None, name), number(batch, 0), text(precision), text(form), *cells,
                     text('; '.join(filter(None, dict.fromkeys(told))))])
    reasons.pop(None, None)
    return Table('speed', f'Milliseconds of one call of the network{_on(lines)}, one-stage and bottom-up systems with '
                 'NMS: median; 10th and 90th percentile, the ratio to RTMPose-m and peak memory under the pointer',
                 columns, rows,
                 [f'{count} empty: {reason}' for reason, count in reasons.most_common()])


def _on(lines) -> str:
    """The one device of the times."""
    return ''.join({f' on {row["environment"]["device"]}' for line in lines for row in line.speed_rows})


def multiplier(lines, names=None) -> Table:
    """How many times as fast as PyTorch a back end is.

    Args:
        lines: of :func:`benchmarks.joined.table`.
        names: in float32 as one would export them, of these systems only.
    """
    found = {}
    for line in lines:
        for row in line.speed_rows:
            if names is None or (line.name in names and row['precision'] == 'fp32' and row['form'] != 'written'):
                of = line.name, row['batch'], row['threads'], row['precision'], row['form']
                found.setdefault(of, {})[row['backend']] = row
    found = {of: by for of, by in found.items() if any('speedup_over_eager' in row for row in by.values())}
    backends = sorted({backend for by in found.values() for backend in by} - {'eager'})
    rows = [[Cell(title_of(name), None, name), number(batch, 0), number(threads, 0), text(precision), text(form),
             *(_gain(by.get(backend)) for backend in backends)]
            for (name, batch, threads, precision, form), by in found.items()]
    columns = [('system', ''), ('batch', ''), ('threads', ''), ('precision', ''), ('form', ''),
               *((backend, 'measured') for backend in backends)]
    return Table('multiplier', f'How many times as fast as PyTorch (eager) of the same rounds the back ends '
                 f'are{_on(lines)}', columns, rows)


def _gain(row) -> Cell:
    if row is None or 'reason' in row:
        return Cell(tip=NOT_YET if row is None else row['reason'])
    if 'speedup_over_eager' not in row:
        return Cell(tip='not timed beside PyTorch')
    return spread(row['speedup_over_eager'], 2)


def elsewhere(lines) -> Table:
    """Speeds that others published for their machines."""
    used = [key for key in ELSEWHERE if any(line.published.get(key) for line in lines)]
    rows = [[Cell(line.title, None, line.name), text(line.train_data),
             *(number(float(line.published[key]) if line.published[key] else None, 2) for key in used),
             text(line.published['other_speed']), text(line.published['source'])]
            for line in lines if any(line.published.get(key) for key in [*used, 'other_speed'])]
    columns = [('system', ''), ('trained on', ''), *((ELSEWHERE[key], 'published') for key in used),
               ('other', 'published'), ('source', '')]
    return Table('elsewhere', 'Speeds that others published, on their machines; columns do not compare', columns, rows)


def corrections() -> Table:
    """What the report on the zoo gets wrong."""
    with open(CORRECTIONS, newline='', encoding='utf-8') as file:
        rows = [[text(r['report']), text(r['correct']), text(r['source'])] for r in csv.DictReader(file)]
    return Table('corrections', 'What a report on the zoo says, and what is right',
                 [('the report', ''), ('correct', ''), ('source', '')], rows)


def environments(results) -> Table:
    """What the figures were measured with."""
    count = Counter()
    for kind in COMMANDS:
        for r in rows_of(kind, results) or []:
            e = r['environment']
            versions = ', '.join(f'{name} {version}' for name, version in e['versions'].items())
            count[kind, e['device'], e['commit'] or 'unknown', versions] += 1
    rows = [[text(kind), text(device), text(commit), text(versions), number(n, 0)]
            for (kind, device, commit, versions), n in count.items()]
    return Table('environments', 'Devices, commits and versions of the result files',
                 [('result file', ''), ('device', ''), ('commit', ''), ('versions', ''), ('rows', '')], rows)
