"""Write the tables of Markdown files from result files.

    python -m benchmarks.tables [--check] [FILE.md ...]

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is a function of this module.
"""

import argparse
import csv
import json
import re
import sys
from pathlib import Path

from benchmarks import joined
from benchmarks.results import RESULTS, read
from benchmarks.timing import rivals
from benchmarks.timing.crossover import crossovers
from mmpose_amfac.apis.report import average_precision
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.files import atomic_path

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / 'README.md', *ROOT.glob('docs/*.md'), *ROOT.glob('configs/*/README.md'),
         ROOT / 'mmpose_amfac/weights/README.md']
BLOCK = re.compile(r'(<!-- table: (\w+) -->\n).*?(<!-- end -->)', re.DOTALL)

PUBLISHED = {  # the paper's rounding: M params, G
    'amfacpose_r34-baseline_1xb32-140e_coco-384x288': ('R34 384x288, baseline', '3.3 / 4.70'),
    'amfacpose_r34-afpn_1xb32-140e_coco-384x288': ('+ AFPN', '3.5 / 5.0'),
    'amfacpose_r34-afpn-dgcb_1xb32-140e_coco-384x288': ('+ DGCB', '3.6 / 5.0'),
    'amfacpose_r34-afpn-dgcb-scrm_1xb32-140e_coco-384x288': ('+ SCRM', '3.6 / 5.2'),
    'amfacpose_r34-afpn-dgcb-scrm-se_1xb32-140e_coco-384x288': ('+ SE', '3.8 / 5.2'),
    'amfacpose_r34_1xb32-140e_coco-384x288': ('+ CoordConv = AMFACPose R34 384x288', '3.8 / 5.2'),
    'amfacpose_r34_1xb32-140e_coco-256x256': ('R34 256x256', ''),
    'amfacpose_r34_1xb32-140e_coco-256x192': ('R34 256x192', ''),
    'amfacpose_r18_1xb32-140e_coco-384x288': ('R18 384x288', ''),
    'amfacpose_r18_1xb32-140e_coco-256x256': ('R18 256x256', '2.4 / 1.9'),
    'amfacpose_r18_1xb32-140e_coco-256x192': ('R18 256x192', ''),
}


def markdown(header, rows) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [header, ['---', *['---:'] * (len(header) - 1)], *rows]
    return ''.join(f'| {" | ".join(map(str, line))} |\n' for line in lines)


def complexity() -> str:
    """Parameters and multiply-accumulates beside the paper's."""
    counted = {row['name']: row for row in read(RESULTS / 'complexity.json', 'complexity')}
    rows = []
    for config, (name, published) in PUBLISHED.items():
        params, macs = counted[config]['params'], counted[config]['macs']
        rows.append([name, f'{params / 1e6:.3f}', f'{macs / 1e9:.3f}', published])
    return markdown(['Network', 'M params', 'G MACs', 'paper: M / "GFLOPs"'], rows)


def accuracy() -> str:
    """Measured AP, each with its protocol."""
    rows = []
    for path in sorted(RESULTS.glob('accuracy_*.json')):
        report = json.loads(path.read_text())
        p, model = report['protocol'], report['model']
        width, height = model['input_size']
        rows.append([f'`{model["weights"]}`', f'{height}x{width}', Path(p['annotations']).stem, p['persons'],
                     p['boxes']['source'], 'yes' if p['flip_test'] else 'no',
                     *(f'{average_precision(report, key):.3f}' for key in ('AP', 'AP .5', 'AP .75', 'AR'))])
    return markdown(['Weights', 'input', 'pictures', 'persons', 'boxes', 'flip test', 'AP', 'AP50', 'AP75', 'AR'], rows)


def parity() -> str:
    """Exported files against torch."""
    rows = []
    for path in sorted(RESULTS.glob('parity_*.json')):
        report = json.loads(path.read_text())
        for row in report['rows']:
            if not isinstance(row.get('ap'), float) or row.get('max_px') is None:
                rows.append([row['backend'], row['precision'], row['status'], row.get('megabytes', ''), *[''] * 5])
                continue
            rows.append([row['backend'], row['precision'], row['status'], row['megabytes'], _px(row['max_px']),
                         _px(row['mean_px']), f'{row["left_out"]:.1%}', f'{row["ap"]:.4f}', f'{row["ap_torch"]:.4f}'])
    return markdown(['back end', 'precision', 'check', 'MB', 'max px', 'mean px', 'left out', 'AP', 'AP torch'], rows)


def _px(value) -> str:
    return f'{value:.2g}' if value >= 1e-4 else f'{value:.0e}'


def zoo_accuracy() -> str:
    """AP on the same pictures, whatever runs the model."""
    rows = []
    for row in read(RESULTS / 'accuracy.json', 'accuracy'):
        if 'reason' in row:
            continue
        p, metrics = row['protocol'], row['metrics']
        low, high = row['interval']['bounds']
        chosen = '' if p['pictures'] == 'all' else f', {p["pictures"]}'
        rows.append([f'`{row["file"]}`', f'{Path(p["annotations"]).stem}{chosen} ({p["images"]})', p['persons'],
                     p['boxes']['source'], {True: 'yes', False: 'no', None: ''}[p['flip_test']],
                     f'{metrics["AP"]:.3f}', f'{low:.3f} to {high:.3f}'])
    return markdown(['file', 'pictures', 'persons', 'boxes', 'flip test', 'AP', '95 % interval'], rows)


def comparisons() -> str:
    """Pairs of models on the same pictures."""
    rows = []
    for row in read(RESULTS / 'compare.json', 'compare'):
        names = [f'`{side["model"]}` {side["AP"]:.3f}' for side in (row['a'], row['b'])]
        low, high = row['interval']['bounds']
        rows.append([names[0], names[1], f'{row["difference"]:+.3f}', f'{low:+.3f} to {high:+.3f}', f'{row["p"]:.3f}'])
    return markdown(['A, AP', 'B, AP', 'A - B', '95 % interval', 'p'], rows)


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


def zoo() -> str:
    """Published beside counted and measured figures of systems that a reader knows."""
    lines = {line.name: line for line in joined.table(RESULTS)}
    key = joined.usual_speed(list(lines.values()))
    rows, devices = [], set()
    for line in (lines[name] for name in SHOWN):
        cells = [line.title, line.train_data, '' if line.ap is None else f'{line.ap:.1f}',
                 _counted(line.params, line.published['params_m']), _counted(line.gmacs, line.published['gmacs'])]
        row = line.speed.get(key, {})
        if 'ms' in row:
            devices.add(row['environment']['device'])
            cells += ['{:.1f} [{:.1f}, {:.1f}]'.format(*row['ms']), '{:.2f} [{:.2f}, {:.2f}]'.format(*row['ratio'])]
        elif key:
            cells += [row.get('reason', joined.NOT_YET).replace('|', r'\|'), '']
        rows.append(cells)
    header = ['system, input', 'trained on', 'AP, published', 'M params', 'G MACs',
              *['ms', 'times RTMPose-m'] * bool(key)]
    where = (f' Milliseconds of one call on {" and ".join(sorted(devices))}, {key[0]}, {key[1]} thread'
             f'{"s" * (key[1] != 1)}, float32, median [p10, p90].') if key else ''
    return ('AP in % on COCO val2017 as published (top-down: boxes of a detector and flip test; one stage: no flip '
            'test; AMFACPose: the paper tells neither); parameters and arithmetic as counted here, in brackets what '
            f'was published where that is another number.{where}\n\n' + markdown(header, rows))


def _counted(value: float | None, published: str) -> str:
    """Two digits, and the published figure where rounding like it does not give it and it is over 1 % away."""
    if value is None:
        return published and f'({published})'
    digits = len(published.partition('.')[2])
    same = not published or round(value, digits) == float(published) or abs(float(published) / value - 1) < 0.01
    return f'{value:.2f}' + ('' if same else f' ({published})')


def corrections() -> str:
    """What the report on the zoo says, and what is right."""
    with open(Path(__file__).parent / 'facts/corrections.csv', newline='', encoding='utf-8') as file:
        rows = [[row[key].replace('|', r'\|') for key in ('report', 'correct', 'source')]
                for row in csv.DictReader(file)]
    lines = [['the report', 'correct', 'source'], ['---'] * 3, *rows]
    return ''.join(f'| {" | ".join(line)} |\n' for line in lines)


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
    """AP against the hidden share of the box, a line for each model and kind of occluder."""
    aps = {}
    for row in read(RESULTS / 'occlusion.json', 'occlusion'):
        if row['way'] != 'crowd index' and 'reason' not in row:
            found = aps.setdefault((row['model'], row['protocol']['flip_test']), {})
            found[row['way'], row['level']] = f'{row["metrics"]["AP"]:.3f}'
    levels, rows = sorted({level for found in aps.values() for way, level in found if way != 'none'}), []
    for (model, flip), found in aps.items():
        for way in dict.fromkeys(way for way, _ in found if way != 'none'):
            rows.append([f'`{model}`{", flip test" * flip}', way, found.get(('none', 0), ''),
                         *(found.get((way, level), '') for level in levels)])
    return markdown(['model', 'occluder', 'nothing hidden', *(f'{level:.0%} of the box' for level in levels)], rows)


def calibration() -> str:
    """How sure models are of all joints together, and how often they are right."""
    rows = []
    for row in read(RESULTS / 'calibration.json', 'calibration'):
        if row['joint'] == 'all' and 'reason' not in row:
            low, high = row['interval']['bounds']
            rows.append([f'`{row["model"]}`{", flip test" * row["protocol"]["flip_test"]}', row['joints'],
                         f'{row["confidence"]:.3f}', f'{row["rate"]:.3f}', f'{row["ece"]:.3f}',
                         f'{low:.3f} to {high:.3f}', f'{row["brier"]:.3f}'])
    return markdown(['model', 'joints', 'mean score', 'share right', 'ECE', '95 % interval', 'Brier score'], rows)


def _speed_rows():
    """(name, form, precision) -> {(backend, threads): row}, slowest last, and the device."""
    rows, found = read(RESULTS / 'speed.json', 'speed'), {}
    for row in rows:
        if row['name'] in TIMED and row['batch'] == 1 and (row['backend'], row['threads']) in RUNS and 'ms' in row:
            found.setdefault((row['name'], row['form'], row['precision']), {})[row['backend'], row['threads']] = row
    return (sorted(found.items(), key=lambda item: min(row['ms'][0] for row in item[1].values())),
            rows[0]['environment']['device'])


def speed() -> str:
    """Milliseconds and ratios to RTMPose-m 256x192, with spreads."""
    rows, (found, device) = [], _speed_rows()
    for (name, form, precision), by_run in found:
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
    return (f'{device}, batch 1; ratio to RTMPose-m 256x192 fp32 of the same rounds, median [p10, p90]:\n\n'
            + markdown(['network', *RUN_NAMES], rows))


def speed_short() -> str:
    """Ratios alone, of the networks that a reader compares."""
    rows, (found, device) = [], _speed_rows()
    for (name, form, precision), by_run in found:
        if precision == 'fp32' and form != 'written':
            rows.append([name, *(f'{by_run[run]["ms"][0]:.1f} ({by_run[run]["ratio"][0]:.2f})' if run in by_run else ''
                                 for run in RUNS)])
    return (f'Milliseconds for one person, network alone, float32, on {device} (in brackets: ratio to RTMPose-m '
            '256x192 in the same rounds):\n\n' + markdown(['network', *RUN_NAMES], rows))


def multiplier() -> str:
    """How many times as fast as eager torch the back ends are, for the smallest system of each family and batch."""
    from benchmarks.speed import representatives
    found = {}
    for row in read(RESULTS / 'speed.json', 'speed'):
        if row['form'] != 'written' and row['precision'] == 'fp32':
            found.setdefault((row['name'], row['threads'], row['batch']), {})[row['backend']] = row
    rows = []
    for name in (system.name for system in representatives()):
        for (_, threads, batch), by in sorted((key, by) for key, by in found.items() if key[0] == name):
            if 'eager' in by:
                rows.append([name, threads, batch, _gain(by['eager']), *(_gain(by.get(b)) for b in BACKENDS)])
    return markdown(['system', 'threads', 'batch', 'eager', *BACKENDS.values()], rows)


def _gain(row) -> str:
    if row is None:
        return 'not measured'
    if 'reason' in row:
        return f'not available: {row["reason"]}'.replace('|', '/')
    ms, gain = f'{row["ms"][0]:.1f} ms', row.get('speedup_over_eager')
    return ms if gain is None else f'{ms}; {gain[0]:.2f} [{gain[1]:.2f}, {gain[2]:.2f}]'


def profiles() -> str:
    """Operators that take 2 % of the time or more."""
    parts = []
    for path in sorted(RESULTS.glob('profile_*.json')):
        report = json.loads(path.read_text())
        total = report['total_ms']
        shares = [f'{name} {100 * ms / total:.0f} %' for name, ms in report['operators_ms'].items() if ms >= total / 50]
        parts.append([path.stem.removeprefix('profile_').replace('_', ' '), f'{total:.0f}',
                      f'{report["roofline_ms"]:.0f}', ', '.join(shares)])
    return markdown(['file', 'ms', 'roofline ms', 'operators'], parts)


def mish_forms() -> str:
    """One activation in each form, beside ReLU."""
    report = json.loads((RESULTS / 'mish_forms.json').read_text())
    found = {}
    for row in report['rows']:
        found.setdefault(row['form'], {})[row['backend']] = f'{row["ms"][0]:.2f}'
    size = 'x'.join(map(str, report['rows'][0]['size']))
    return f'Milliseconds on maps of {size}, one thread:\n\n' + markdown(
        ['form', 'ONNX Runtime', 'OpenVINO'], [[form, by['onnxruntime'], by['openvino']] for form, by in found.items()])


def people() -> str:
    """People per second in one picture, and how many times as fast as rtmlib."""
    rows = []
    for path in sorted(RESULTS.glob('people_*.json')):
        found = {}
        for row in json.loads(path.read_text())['rows']:
            found.setdefault((row['people'], row['detector']), {})[row['system']] = row
        for (count, detector), by_system in found.items():
            ours = by_system[rivals.OURS]
            ratio = ours['times_as_fast_as'].get(rivals.RTMLIB)
            speeds = [f'{by_system[name]["people_per_second"]:.0f}' if name in by_system else ''
                      for name in (rivals.OURS, rivals.ONE, rivals.FULL, rivals.RTMLIB, rivals.NETWORK)]
            rows.append([f'{ours["backend"]}, {ours["threads"]} threads', count, 'yes' if detector else 'no',
                         *speeds, f'{ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]' if ratio else ''])
    return markdown(['back end', 'people', 'detector', 'ours', 'one by one', 'full batches', 'rtmlib', 'network alone',
                     'ours / rtmlib'], rows)


def scaling() -> str:
    """From how many people on one-stage and bottom-up systems are faster than top-down ones."""
    rows = [[pair.one_stage, f'{pair.top_down} after {pair.detector}', f'{pair.backend}, {pair.threads} threads',
             pair.told()] for pair in crossovers(read(RESULTS / 'scaling.json', 'scaling'))]
    return markdown(['system', 'against', 'back end', 'result'], rows)


def fill(text: str) -> str:
    """``text`` with every table written anew."""
    return BLOCK.sub(lambda m: m[1] + globals()[m[2]]() + m[3], text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('files', nargs='*', type=Path, default=PAGES)
    parser.add_argument('--check', action='store_true', help='change nothing, exit 1 if a table is out of date')
    args = parser.parse_args()
    stale = 0
    for path in args.files:
        if not path.is_file():
            raise AMFACError(f'{path} does not exist')
        text = path.read_text(encoding='utf-8')
        new = fill(text)
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
