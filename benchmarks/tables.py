"""Write the tables of Markdown files from result files.

    python -m benchmarks.tables [--check] [FILE.md ...]

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is a function of this module.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from benchmarks import systems
from benchmarks.results import RESULTS, read
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


def runtime_accuracy() -> str:
    """AP of model files through the runtime."""
    rows = []
    for path in sorted(RESULTS.glob('runtime_accuracy_*.json')):
        report = json.loads(path.read_text())
        p, metrics = report['protocol'], report['metrics']
        low, high = report['interval']['bounds']
        chosen = '' if p['pictures'] == 'all' else f', {p["pictures"]}'
        rows.append([f'`{report["model"]["file"]}`', f'{Path(p["annotations"]).stem}{chosen} ({p["images"]})',
                     p['persons'], p['boxes']['source'],
                     'yes' if p['flip_test'] else 'no', f'{metrics["AP"]:.3f}', f'{low:.3f} to {high:.3f}'])
    return markdown(['file', 'pictures', 'persons', 'boxes', 'flip test', 'AP', '95 % interval'], rows)


def _speed_rows(report):
    """(net, form, precision) -> {(backend, threads): row}, slowest last."""
    found = {}
    for row in report['rows']:
        if row['batch'] == 1:
            found.setdefault((row['net'], row['form'], row['precision']), {})[row['backend'], row['threads']] = row
    return sorted(found.items(), key=lambda item: min(row['ms'][0] for row in item[1].values()))


RUNS = (('onnxruntime', 1), ('onnxruntime', 2), ('openvino', 1), ('openvino', 2))
RUN_NAMES = [f'{dict(onnxruntime="ONNX Runtime", openvino="OpenVINO")[b]}, {t} thread{"s" if t > 1 else ""}'
             for b, t in RUNS]


def speed() -> str:
    """Milliseconds and ratios to RTMPose-m of the same input height, with spreads."""
    report = json.loads((RESULTS / 'speed_cpu.json').read_text())
    rows = []
    for (net, form, precision), by_run in _speed_rows(report):
        base = 'rtmpose-m-384x288' if net.endswith('384x288') else 'rtmpose-m-256x192'
        cells = []
        for run in RUNS:
            row = by_run.get(run)
            if row is None:
                cells.append('')
                continue
            ratio = row['ratios'][base]
            least = f', roofline {row["roofline_ms"]:.1f}' if row['roofline_ms'] else ''
            cells.append(f'{row["ms"][0]:.1f} ms{least}; {ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]')
        rows.append([f'{net} {form} {precision}', *cells])
    return (f'{report["rows"][0]["device"]}, batch 1; ratio to RTMPose-m fp32 of the same input (256x256: 256x192), '
            'median [p10, p90]:\n\n' + markdown(['network', *RUN_NAMES], rows))


def speed_short() -> str:
    """Ratios alone, of the networks that a reader compares."""
    report = json.loads((RESULTS / 'speed_cpu.json').read_text())
    rows = []
    for (net, form, precision), by_run in _speed_rows(report):
        if precision != 'fp32' or form == 'written':
            continue
        rows.append([net, *(f'{by_run[run]["ms"][0]:.1f} ({by_run[run]["ratios"]["rtmpose-m-256x192"][0]:.2f})'
                            if run in by_run else '' for run in RUNS)])
    return (f'Milliseconds for one person, network alone, float32, on {report["rows"][0]["device"]} (in brackets: '
            'ratio to RTMPose-m 256x192 in the same rounds):\n\n' + markdown(['network', *RUN_NAMES], rows))


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
            ours = by_system[systems.OURS]
            ratio = ours['times_as_fast_as'].get(systems.RTMLIB)
            speeds = [f'{by_system[name]["people_per_second"]:.0f}' if name in by_system else ''
                      for name in (systems.OURS, systems.ONE, systems.FULL, systems.RTMLIB, systems.NETWORK)]
            rows.append([f'{ours["backend"]}, {ours["threads"]} threads', count, 'yes' if detector else 'no',
                         *speeds, f'{ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]' if ratio else ''])
    return markdown(['back end', 'people', 'detector', 'ours', 'one by one', 'full batches', 'rtmlib', 'network alone',
                     'ours / rtmlib'], rows)


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
