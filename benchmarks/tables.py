"""Write the tables of Markdown files from result files.

    python -m benchmarks.tables [--check] [FILE.md ...]

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is one of ``TABLES``. Times are those of the
device with most of them, so that the same files give the same page on every machine. Exit codes: 0; 1: with --check,
where a table is out of date; 2: a wrong call, or a broken result file.
"""

import argparse
import io
import json
import re
import sys
from contextlib import redirect_stdout
from pathlib import Path
from textwrap import shorten

from benchmarks import joined, select, zoo
from benchmarks.pages import experiments as experiment_pages
from benchmarks.pages import report_measured, report_tables
from benchmarks.pages.cells import protocol
from benchmarks.results import RESULTS, read
from benchmarks.timing import rivals
from mmpose_amfac.apis.report import average_precision
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.files import atomic_path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / 'README.md', *ROOT.glob('docs/*.md'), *ROOT.glob('configs/*/README.md'),
         ROOT / 'mmpose_amfac/weights/README.md', ROOT / 'benchmarks/README.md',
         ROOT / 'benchmarks/experiments/README.md']
BLOCK = re.compile(r'(<!-- table: (\w+) -->\n).*?(<!-- end -->)', re.DOTALL)

# of our networks, as the paper calls them
OURS = {
    'amfacpose_r34-baseline_1xb32-140e_coco-384x288': 'R34 384x288, baseline',
    'amfacpose_r34-afpn_1xb32-140e_coco-384x288': '+ AFPN',
    'amfacpose_r34-afpn-dgcb_1xb32-140e_coco-384x288': '+ DGCB',
    'amfacpose_r34-afpn-dgcb-scrm_1xb32-140e_coco-384x288': '+ SCRM',
    'amfacpose_r34-afpn-dgcb-scrm-se_1xb32-140e_coco-384x288': '+ SE',
    'amfacpose_r34_1xb32-140e_coco-384x288': '+ CoordConv = AMFACPose R34 384x288',
    'amfacpose_r34_1xb32-140e_coco-256x256': 'R34 256x256',
    'amfacpose_r34_1xb32-140e_coco-256x192': 'R34 256x192',
    'amfacpose_r18_1xb32-140e_coco-384x288': 'R18 384x288',
    'amfacpose_r18_1xb32-140e_coco-256x256': 'R18 256x256',
    'amfacpose_r18_1xb32-140e_coco-256x192': 'R18 256x192',
}


def markdown(header, rows) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [header, ['---', *['---:'] * (len(header) - 1)], *rows]
    return ''.join(f'| {" | ".join(map(str, line))} |\n' for line in lines)


def complexity() -> str:
    """Parameters and multiply-accumulates beside the paper's."""
    counted = {row['name']: row for row in read(RESULTS / 'complexity.json', 'complexity')}
    rows = []
    for config, name in OURS.items():
        params, macs, published = counted[config]['params'], counted[config]['macs'], zoo.find(config).published
        rows.append([name, f'{params / 1e6:.3f}', f'{macs / 1e9:.3f}',
                     ' / '.join(filter(None, (published['params_m'], published['gmacs'])))])
    return markdown(['Network', 'M params', 'G MACs', 'paper: M / "GFLOPs"'], rows)


def accuracy() -> str:
    """AP as ``tools/test.py`` reports it, each with its protocol."""
    rows = []
    for path in sorted(RESULTS.glob('accuracy_*.json')):
        report = json.loads(path.read_text())
        # the others are result files of benchmarks.accuracy, under a name of the user's
        if report.get('kind') is not None:
            continue
        p, model = report['protocol'], report['model']
        width, height = model['input_size']
        rows.append([f'`{model["weights"]}`', f'{height}x{width}', Path(p['annotations']).stem, p['persons'],
                     p['boxes']['source'], 'yes' if p['flip_test'] else 'no',
                     *(f'{average_precision(report, key):.3f}' for key in ('AP', 'AP .5', 'AP .75', 'AR'))])
    return markdown(['Weights', 'input', 'pictures', 'persons', 'boxes', 'flip test', 'AP', 'AP50', 'AP75', 'AR'], rows)


def parity() -> str:
    """Exported files against torch."""
    rows, found = [], _on_one_device('parity')
    for row in found:
        start = [row['backend'], row['precision'], row.get('status', 'not run'), row.get('megabytes', '')]
        if row.get('ap') is None or row['max_px'] is None:
            rows.append([*start, *[''] * 5])
            continue
        rows.append([*start, _px(row['max_px']), _px(row['mean_px']), f'{row["left_out"]:.1%}', f'{row["ap"]:.4f}',
                     f'{row["ap_torch"]:.4f}'])
    return _measured_on(found) + markdown(
        ['back end', 'precision', 'check', 'MB', 'max px', 'mean px', 'left out', 'AP', 'AP torch'], rows)


def _measured_on(rows) -> str:
    return f'Measured on {rows[0]["environment"]["device"]}.\n\n'


def _on_one_device(kind: str) -> list[dict]:
    """Rows of the device with most, the same one for all kinds of :func:`joined.table`."""
    rows = read(RESULTS / f'{kind}.json', kind)
    device = joined.most_measured(RESULTS) if kind in joined.TIMES else joined.most_rows(rows)
    return [row for row in rows if row['environment']['device'] == device]


def _by_device(kind: str) -> list[tuple[str, list[dict]]]:
    """Rows of a kind for each device, the one of :func:`_on_one_device` first, then those with most figures."""
    rows, found = read(RESULTS / f'{kind}.json', kind), {}
    for row in rows:
        found.setdefault(row['environment']['device'], []).append(row)
    first = _on_one_device(kind)[0]['environment']['device']
    return sorted(found.items(), key=lambda item: (
        item[0] != first, -sum('reason' not in row for row in item[1]), item[0]))


def _px(value) -> str:
    return f'{value:.2g}' if value >= 1e-4 else f'{value:.0e}'


def zoo_accuracy() -> str:
    """AP of whatever runs a model, each with its protocol."""
    return report_measured.accuracy(RESULTS, joined.table(RESULTS, joined.most_measured(RESULTS))).markdown()


def comparisons() -> str:
    """Pairs of models on the same pictures."""
    return report_measured.compare(RESULTS).markdown()


# what the README shows of the zoo
SHOWN = (
    'td-hm_res50_8xb64-210e_coco-256x192', 'td-hm_res152_8xb32-210e_coco-384x288',
    'td-hm_mobilenetv2_8xb64-210e_coco-256x192', 'td-hm_litehrnet-30_8xb64-210e_coco-256x192',
    'td-hm_hrnet-w32_8xb64-210e_coco-256x192', 'td-hm_hrnet-w48_udp-8xb32-210e_coco-384x288',
    'td-hm_hourglass52_8xb32-210e_coco-384x384', 'td-hm_swin-l-p4-w7_8xb32-210e_coco-384x288',
    'td-hm_hrformer-base_8xb32-210e_coco-384x288', 'td-hm_ViTPose-small_8xb64-210e_coco-256x192',
    'td-hm_ViTPose-base_8xb64-210e_coco-256x192', 'td-hm_ViTPose-huge_8xb64-210e_coco-256x192',
    'td-reg_res50_8xb64-210e_coco-256x192', 'td-reg_res50_rle-8xb64-210e_coco-256x192',
    'simcc_res50_8xb64-210e_coco-256x192', 'rtmpose-t_8xb256-420e_coco-256x192', 'rtmpose-s_8xb256-420e_coco-256x192',
    'rtmpose-m_8xb256-420e_coco-256x192', 'rtmpose-l_8xb256-420e_coco-256x192',
    'rtmpose-m_8xb256-420e_aic-coco-384x288', 'ae_hrnet-w32_8xb24-300e_coco-512x512',
    'dekr_hrnet-w48_8xb10-140e_coco-640x640', 'cid_hrnet-w32_8xb20-140e_coco-512x512',
    'rtmo-s_8xb32-600e_coco-640x640', 'rtmo-l_16xb16-600e_coco-640x640', 'yoloxpose_l_8xb32-300e_coco-640',
    'edpose_res50_8xb2-50e_coco-800x1333', 'amfacpose_r18_1xb32-140e_coco-256x256',
    'amfacpose_r18_1xb32-140e_coco-384x288', 'amfacpose_r34_1xb32-140e_coco-384x288')


def systems() -> str:
    """Published beside counted and measured figures of systems that a reader knows."""
    device = joined.most_measured(RESULTS)
    lines = {line.name: line for line in joined.table(RESULTS, device)}
    key = joined.usual_speed(list(lines.values()))
    rows, marks, elsewhere = [], {}, _elsewhere(key) if key else {}
    for line in (lines[name] for name in SHOWN):
        cells = [line.title, line.train_data, _published_ap(line),
                 _counted(line.params, line.published['params_m']), _counted(line.gmacs, line.published['gmacs'])]
        row = line.speed.get(key, {})
        if 'ms' not in row:
            row = elsewhere.get(line.name, row)
        where = row['environment']['device'] if row else device
        mark = '' if where == device else f' ({marks.setdefault(where, chr(ord("a") + len(marks)))})'
        if 'ms' in row:
            cells += ['{:.1f} [{:.1f}, {:.1f}]'.format(*row['ms']) + mark,
                      '{:.2f} [{:.2f}, {:.2f}]'.format(*row['ratio']) + mark]
        elif key:
            cells += [(_reason(row) if row else joined.NOT_YET) + mark, '']
        rows.append(cells)
    header = ['system, input', 'trained on', 'AP, published', 'M params', 'G MACs',
              *['ms', 'times RTMPose-m'] * bool(key)]
    where = (f' Milliseconds of one call on {device}, {key[0]}, {key[1]} thread'
             f'{"s" * (key[1] != 1)}, float32, median [p10, p90]'
             + ''.join(f'; {mark}: on {other}, where RTMPose-m had other milliseconds, too'
                       for other, mark in marks.items()) + '.') if key else ''
    return ('AP in % on COCO val2017 as published: on boxes of a detector with a flip test, unless something else is '
            'beside it; parameters and arithmetic as counted here, in brackets what was published where that is '
            f'another number.{where}\n\n' + markdown(header, rows))


def _elsewhere(key) -> dict[str, dict]:
    """Name -> the row of any device for a ``joined.Line.speed`` key: figures before reasons, then the deploy form."""
    rows = [row for _, rows in _by_device('speed') for row in rows
            if key == (row['backend'], row['threads'], row['batch'], row['precision'])]
    # the last of equal names stays
    return {row['name']: row for row in sorted(rows, reverse=True, key=lambda row: (
        'reason' in row, row['form'] != joined.FORM))}


def _reason(row) -> str:
    """Why there is no figure, as long as a cell may be and without the folders of the machine."""
    return shorten(re.sub(r'(?<!\S)/\S*/', '', row['reason']), 120, placeholder=' ...').replace('|', r'\|')


def _published_ap(line) -> str:
    if line.ap is None:
        return ''
    p = line.published
    told = {('det', 'yes'): '', ('none', 'no'): ' (no boxes, no flip)', ('none', 'yes'): ' (no boxes, flip)'}.get(
        (p['boxes'], p['flip_test']), f' (boxes: {p["boxes"] or "not stated"}, flip: {p["flip_test"] or "not stated"})')
    return f'{line.ap:.1f}{told}'


def _counted(value: float | None, published: str) -> str:
    """Two digits, and the published figure where rounding like it does not give it and it is over 1 % away."""
    if value is None:
        return published and f'({published})'
    digits = len(published.partition('.')[2])
    same = not published or round(value, digits) == float(published) or abs(float(published) / value - 1) < 0.01
    return f'{value:.2f}' + ('' if same else f' ({published})')


def corrections() -> str:
    """What the report on the zoo says, and what is right."""
    return report_tables.corrections().markdown()


# of the speed table: those that a reader of the deployment page compares
TIMED = (
    *(f'amfacpose_{depth}_1xb32-140e_coco-{size}' for depth in ('r18', 'r34') for size in (
        '256x192', '256x256', '384x288')),
    *(f'rtmpose-{size}_8xb256-420e_coco-256x192' for size in 'tsml'), 'rtmpose-m_8xb256-420e_aic-coco-384x288',
    'td-hm_hrnet-w32_8xb64-210e_coco-256x192', 'td-hm_hrnet-w48_8xb32-210e_coco-256x192',
    'simcc_res50_8xb64-210e_coco-256x192')
BACKENDS = dict(compile='torch.compile', onnxruntime='ONNX Runtime', openvino='OpenVINO', tensorrt='TensorRT')
RUNS = (('onnxruntime', 1), ('onnxruntime', 2), ('openvino', 1), ('openvino', 2))
RUN_NAMES = [f'{BACKENDS[b]}, {t} thread{"s" if t > 1 else ""}' for b, t in RUNS]


def occlusion() -> str:
    """AP against the hidden share of the box: a table for each protocol, a line for each model and kind of occluder."""
    found = {}
    for row in read(RESULTS / 'occlusion.json', 'occlusion'):
        if row['way'] != 'crowd index' and 'reason' not in row:
            of = found.setdefault(protocol(row['protocol']), {}).setdefault(row['model'], {})
            of[row['way'], row['level']] = f'{row["metrics"]["AP"]:.3f}'
    parts = []
    for words, models in found.items():
        levels = sorted({level for aps in models.values() for way, level in aps if way != 'none'})
        rows = [[f'`{model}`', way, aps.get(('none', 0), ''), *(aps.get((way, level), '') for level in levels)]
                for model, aps in models.items() for way in dict.fromkeys(way for way, _ in aps if way != 'none')]
        header = ['model', 'occluder', 'nothing hidden', *(f'{level:.0%} of the box' for level in levels)]
        parts.append(f'AP ({words}):\n\n{markdown(header, rows)}')
    return '\n'.join(parts)


def calibration() -> str:
    """How sure models are of all joints together, and how often they are right."""
    return report_measured.calibration(RESULTS, 'all').markdown()


def attention() -> str:
    """How far joints move where the gates of the context blocks are changed."""
    rows = []
    for row in read(RESULTS / 'attention.json', 'attention'):
        hidden = row['occluder'] and f'a texture over {row["occluder"]["share"]:.0%} of the box'
        for state, moved in row['moved'].items():
            rows.append([f'`{row["picture"]["name"]}`', hidden or 'what is in the picture', state, *(
                f'{moved[name][key]:.1f}' for name in ('sure', 'all') for key in ('mean', 'max'))])
    return 'Pixels that key points move from where they are with the gates on:\n\n' + markdown(
        ['picture', 'the person is hidden by', 'gates', 'sure ones, mean', 'most', 'all, mean', 'most'], rows)


def _speed_rows(rows):
    """(name, form, precision) -> {(backend, threads): row}, slowest last."""
    found = {}
    for row in rows:
        if row['name'] in TIMED and row['batch'] == 1 and (row['backend'], row['threads']) in RUNS and 'ms' in row:
            found.setdefault((row['name'], row['form'], row['precision']), {})[row['backend'], row['threads']] = row
    return sorted(found.items(), key=lambda item: min(row['ms'][0] for row in item[1].values()))


def speed() -> str:
    """Milliseconds and ratios to RTMPose-m 256x192, with spreads."""
    parts = []
    for device, measured in _by_device('speed'):
        rows = []
        for (name, form, precision), by_run in _speed_rows(measured):
            cells = []
            for run in RUNS:
                row = by_run.get(run)
                if row is None:
                    cells.append('')
                    continue
                ratio = row['ratio']
                least = f', roofline {row["roofline_ms"]:.1f}' if 'roofline_ms' in row else ''
                cells.append(f'{row["ms"][0]:.1f} ms{least}; {ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]')
            rows.append([f'{name} {form} {precision}', *cells])
        if rows:
            parts.append(f'{device}, batch 1; ratio to RTMPose-m 256x192 fp32 of the same rounds, median [p10, p90]:'
                         '\n\n'
                         + markdown(['network', *RUN_NAMES], rows))
    return '\n'.join(parts)


def speed_short() -> str:
    """Ratios alone, of the networks that a reader compares."""
    device, measured = _by_device('speed')[0]
    rows = []
    for (name, form, precision), by_run in _speed_rows(measured):
        if precision == 'fp32' and form != 'written':
            rows.append([name, *(f'{by_run[run]["ms"][0]:.1f} ({by_run[run]["ratio"][0]:.2f})' if run in by_run else ''
                                 for run in RUNS)])
    return (f'Milliseconds for one person, network alone, float32, on {device} (in brackets: ratio to RTMPose-m '
            '256x192 in the same rounds):\n\n' + markdown(['network', *RUN_NAMES], rows))


def _of_representatives(what: str, cells) -> str:
    """A table for each device: a line for each of the smallest systems of families, number of threads and batch.

    Args:
        what: the cells show, before the device.
        cells: gives the cells of a line from {backend: row}, or nothing for no line.
    """
    parts = []
    for device, measured in _by_device('speed'):
        found, rows = {}, []
        for row in measured:
            if row['form'] != 'written' and row['precision'] == 'fp32':
                found.setdefault((row['name'], row['threads'], row['batch']), {})[row['backend']] = row
        for name in (line.name for line in joined.representatives().values()):
            for of, by in sorted((of, by) for of, by in found.items() if of[0] == name):
                line = cells(by)
                rows += [[*of, *line]] if line else []
        if rows:
            parts.append(f'{what} {device}, float32:\n\n' + markdown(
                ['system', 'threads', 'batch', 'eager', *BACKENDS.values()], rows))
    return '\n'.join(parts)


def multiplier() -> str:
    """How many times as fast as eager torch the back ends are, for the smallest system of each family and batch."""
    return _of_representatives('On', lambda by: 'eager' in by and [
        _gain(by[b]) if b in by else 'not measured' for b in ('eager', *BACKENDS)])


def memory() -> str:
    """MB by which the process is larger at the peak of its calls, for the smallest system of each family."""
    def cells(by):
        told = [by.get(b, {}).get('peak_memory_mb') for b in ('eager', *BACKENDS)]
        return any(told) and ['' if mb is None else f'{mb:.0f}' for mb in told]
    return _of_representatives('MB, on', cells)


def _gain(row) -> str:
    if 'reason' in row:
        return f'not available: {_reason(row)}'
    ms, gain = f'{row["ms"][0]:.1f} ms', row.get('speedup_over_eager')
    return ms if gain is None else f'{ms}; {gain[0]:.2f} [{gain[1]:.2f}, {gain[2]:.2f}]'


def profiles() -> str:
    """Operators that take 2 % of the time or more."""
    parts, rows = [], _on_one_device('profile')
    for row in rows:
        if 'reason' in row:
            continue
        total = row['total_ms']
        shares = [f'{name} {100 * ms / total:.0f} %' for name, ms in row['operators_ms'].items() if ms >= total / 50]
        parts.append([f'{Path(row["file"]).stem.partition("_deploy_")[0]} {row["backend"]}', f'{total:.0f}',
                      f'{row["roofline_ms"]:.0f}', ', '.join(shares)])
    return _measured_on(rows) + markdown(['file', 'ms', 'roofline ms', 'operators'], parts)


def mish_forms() -> str:
    """One activation in each form, beside ReLU."""
    found, rows = {}, _on_one_device('mish')
    for row in rows:
        if row['threads'] == 1 and 'ms' in row:
            size = 'x'.join(map(str, row['size']))
            found.setdefault(size, {}).setdefault(row['form'], {})[row['backend']] = f'{row["ms"][0]:.2f}'
    return _measured_on(rows) + '\n'.join(f'Milliseconds on maps of {size}, one thread:\n\n' + markdown(
        ['form', 'ONNX Runtime', 'OpenVINO'], [[form, by.get('onnxruntime', ''), by.get('openvino', '')]
                                               for form, by in forms.items()]) for size, forms in found.items())


def people() -> str:
    """People per second in one picture, and how many times as fast as rtmlib."""
    rows, found, measured = [], {}, _on_one_device('people')
    for row in measured:
        run = (row['backend'], row['threads'], row['pose_sha256'], row['photograph'], row['people'], row['detector'])
        if 'reason' not in row:
            found.setdefault(run, {})[row['system']] = row
    for (backend, threads, _, _, count, detector), by_system in found.items():
        if rivals.OURS in by_system:
            ratio = by_system[rivals.OURS]['times_as_fast_as'].get(rivals.RTMLIB)
            speeds = [f'{count / by_system[name]["seconds"][0]:.0f}' if name in by_system else ''
                      for name in (rivals.OURS, rivals.ONE, rivals.FULL, rivals.RTMLIB, rivals.NETWORK)]
            rows.append([f'{backend}, {threads} threads', count, 'yes' if detector else 'no', *speeds,
                         f'{ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]' if ratio else ''])
    return _measured_on(measured) + markdown(
        ['back end', 'people', 'detector', 'ours', 'one by one', 'full batches', 'rtmlib', 'network alone',
         'ours / rtmlib'], rows)


# of the crossovers: those that the question in the text is about
CROSSED = (*(f'rtmpose-{size}_8xb256-420e_coco-256x192' for size in 'tsm'), 'amfacpose_r18_1xb32-140e_coco-256x192',
           'rtmo-t_8xb32-600e_body7-416x416', 'rtmo-s_8xb32-600e_coco-640x640', 'rtmo-m_16xb16-600e_coco-640x640',
           'rtmdet_nano_320-8xb32_coco-person')


def crossover() -> str:
    """Of which of two systems is faster for how many people."""
    found = report_measured.crossover(RESULTS, joined.most_measured(RESULTS), CROSSED)
    return f'{found.caption}.\n\n{found.markdown()}'


def scaling() -> str:
    """Milliseconds from a picture to the poses of all people in it."""
    found = report_measured.scaling(RESULTS, joined.most_measured(RESULTS))
    return f'{found.caption}.\n\n{found.markdown()}'


def parts() -> str:
    """How long each part of the comparison took."""
    rows, found = [], read(RESULTS / 'run.json', 'run')
    for row in found:
        if 'reason' not in row:
            rows.append([row['part'], f'{row["seconds"]:.0f}', row['exit_code']])
    total = sum(row['seconds'] for row in found if 'reason' not in row)
    return (_measured_on(found) + markdown(['part', 'seconds', 'exit code'], rows)
            + f'\nTogether {total / 60:.1f} minutes.\n')


def choice() -> str:
    """What a choice looks like: one of the scenarios, from published times."""
    said = io.StringIO()
    with redirect_stdout(said):
        select.main(['--scenario', 'edge', '--results', str(RESULTS)])
    return f'```\n$ python -m benchmarks.select --scenario edge\n{said.getvalue()}```\n'


# name -> what makes it, and the kind of the result file without which there is nothing to show
TABLES = {
    'complexity': (complexity, 'complexity'), 'accuracy': (accuracy, ''), 'parity': (parity, 'parity'),
    'zoo_accuracy': (zoo_accuracy, 'accuracy'), 'comparisons': (comparisons, 'compare'), 'zoo': (systems, ''),
    'corrections': (corrections, ''), 'occlusion': (occlusion, 'occlusion'),
    'calibration': (calibration, 'calibration'), 'attention': (attention, 'attention'),
    'speed': (speed, 'speed'), 'speed_short': (speed_short, 'speed'), 'multiplier': (multiplier, 'speed'),
    'memory': (memory, 'speed'), 'parts': (parts, 'run'),
    'profiles': (profiles, 'profile'), 'mish_forms': (mish_forms, 'mish'), 'people': (people, 'people'),
    'scaling': (scaling, 'scaling'), 'crossover': (crossover, 'scaling'), 'choice': (choice, 'complexity'),
    'experiments': (lambda: experiment_pages.page(RESULTS), 'training')}


def shown(name: str) -> str:
    """A table, or that nothing was measured for it yet.

    Raises:
        AMFACError: there is no such table.
    """
    if name not in TABLES:
        raise AMFACError(f'there is no table {name!r}; there are {", ".join(TABLES)}')
    make, kind = TABLES[name]
    if kind and not (RESULTS / f'{kind}.json').exists():
        return f'*Not measured yet: `python -m benchmarks.{kind}` writes the figures.*\n'
    return make()


def fill(text: str) -> str:
    """``text`` with every table written anew."""
    return BLOCK.sub(lambda m: m[1] + shown(m[2]) + m[3], text)


def main(argv=None) -> int:
    """Write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('files', nargs='*', type=Path, default=PAGES)
    parser.add_argument('--check', action='store_true', help='change nothing, exit 1 if a table is out of date')
    args = parser.parse_args(argv)
    stale = 0
    for path in args.files:
        if not path.is_file():
            raise AMFACError(f'{path} does not exist')
        text = path.read_text(encoding='utf-8')
        try:
            new = fill(text)
        except AMFACError as error:
            raise AMFACError(f'{path}: {error}') from error
        if new == text:
            continue
        stale += 1
        if args.check:
            print(f'{path}: a table is out of date; run python -m benchmarks.tables', file=sys.stderr)
        else:
            with atomic_path(path) as part:
                part.write_text(new, encoding='utf-8')
    return 1 if args.check and stale else 0


if __name__ == '__main__':
    with one_line_errors('benchmarks.tables'):
        sys.exit(main())
