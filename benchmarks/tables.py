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

from benchmarks import joined, select, zoo
from benchmarks.pages import experiments as experiment_pages
from benchmarks.pages import report_measured, report_tables, times
from benchmarks.pages.cells import markdown, protocol
from benchmarks.pages.devices import by_device, measured_on, on_one_device, reason
from benchmarks.results import RESULTS, read
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


def complexity(results) -> str:
    """Parameters and multiply-accumulates beside the paper's."""
    counted = {row['name']: row for row in read(results / 'complexity.json', 'complexity')}
    rows = []
    for config, name in OURS.items():
        params, macs, published = counted[config]['params'], counted[config]['macs'], zoo.find(config).published
        rows.append([name, f'{params / 1e6:.3f}', f'{macs / 1e9:.3f}',
                     ' / '.join(filter(None, (published['params_m'], published['gmacs'])))])
    return markdown(['Network', 'M params', 'G MACs', 'paper: M / "GFLOPs"'], rows)


def accuracy(results) -> str:
    """AP as ``tools/test.py`` reports it, each with its protocol."""
    rows = []
    for path in sorted(results.glob('accuracy_*.json')):
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


def parity(results) -> str:
    """Exported files against torch."""
    rows, found = [], on_one_device(results, 'parity')
    for row in found:
        start = [row['backend'], row['precision'], row.get('status', 'not run'), row.get('megabytes', '')]
        if row.get('ap') is None or row['max_px'] is None:
            rows.append([*start, *[''] * 5])
            continue
        rows.append([*start, _px(row['max_px']), _px(row['mean_px']), f'{row["left_out"]:.1%}', f'{row["ap"]:.4f}',
                     f'{row["ap_torch"]:.4f}'])
    return measured_on(found) + markdown(
        ['back end', 'precision', 'check', 'MB', 'max px', 'mean px', 'left out', 'AP', 'AP torch'], rows)


def _px(value) -> str:
    return f'{value:.2g}' if value >= 1e-4 else f'{value:.0e}'


def zoo_accuracy(results) -> str:
    """AP of whatever runs a model, each with its protocol."""
    return report_measured.accuracy(results, joined.table(results, joined.most_measured(results))).markdown()


def comparisons(results) -> str:
    """Pairs of models on the same pictures."""
    return report_measured.compare(results).markdown()


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


def systems(results) -> str:
    """Published beside counted and measured figures of systems that a reader knows."""
    device = joined.most_measured(results)
    lines = {line.name: line for line in joined.table(results, device)}
    key = joined.usual_speed(list(lines.values()))
    rows, marks, elsewhere = [], {}, _elsewhere(results, key) if key else {}
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
            cells += [(reason(row) if row else joined.NOT_YET) + mark, '']
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


def _elsewhere(results, key) -> dict[str, dict]:
    """Name -> the row of any device for a ``joined.Line.speed`` key: figures before reasons, then the deploy form."""
    rows = [row for _, rows in by_device(results, 'speed') for row in rows
            if key == (row['backend'], row['threads'], row['batch'], row['precision'])]
    # the last of equal names stays
    return {row['name']: row for row in sorted(rows, reverse=True, key=lambda row: (
        'reason' in row, row['form'] != joined.FORM))}


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


def corrections(results) -> str:
    """What the report on the zoo says, and what is right."""
    return report_tables.corrections().markdown()


def occlusion(results) -> str:
    """AP against the hidden share of the box: a table for each protocol, a line for each model and kind of occluder."""
    found = {}
    for row in read(results / 'occlusion.json', 'occlusion'):
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


def calibration(results) -> str:
    """How sure models are of all joints together, and how often they are right."""
    return report_measured.calibration(results, 'all').markdown()


def attention(results) -> str:
    """How far joints move where the gates of the context blocks are changed."""
    rows = []
    for row in read(results / 'attention.json', 'attention'):
        hidden = row['occluder'] and f'a texture over {row["occluder"]["share"]:.0%} of the box'
        for state, moved in row['moved'].items():
            rows.append([f'`{row["picture"]["name"]}`', hidden or 'what is in the picture', state, *(
                f'{moved[name][key]:.1f}' for name in ('sure', 'all') for key in ('mean', 'max'))])
    return 'Pixels that key points move from where they are with the gates on:\n\n' + markdown(
        ['picture', 'the person is hidden by', 'gates', 'sure ones, mean', 'most', 'all, mean', 'most'], rows)


def choice(results) -> str:
    """What a choice looks like: one of the scenarios, from published times."""
    said = io.StringIO()
    with redirect_stdout(said):
        select.main(['--scenario', 'edge', '--results', str(results)])
    return f'```\n$ python -m benchmarks.select --scenario edge\n{said.getvalue()}```\n'


# name -> what makes it, and the kind of the result file without which there is nothing to show
TABLES = {
    'complexity': (complexity, 'complexity'), 'accuracy': (accuracy, ''), 'parity': (parity, 'parity'),
    'zoo_accuracy': (zoo_accuracy, 'accuracy'), 'comparisons': (comparisons, 'compare'), 'zoo': (systems, ''),
    'corrections': (corrections, ''), 'occlusion': (occlusion, 'occlusion'),
    'calibration': (calibration, 'calibration'), 'attention': (attention, 'attention'),
    'choice': (choice, 'complexity'), 'experiments': (experiment_pages.page, 'training'),
    'rivals': (experiment_pages.rivals, 'training'),
    'speed': (times.speed, 'speed'), 'speed_short': (times.speed_short, 'speed'),
    'multiplier': (times.multiplier, 'speed'), 'memory': (times.memory, 'speed'), 'parts': (times.parts, 'run'),
    'profiles': (times.profiles, 'profile'), 'mish_forms': (times.mish_forms, 'mish'),
    'people': (times.people, 'people'), 'scaling': (times.scaling, 'scaling'),
    'crossover': (times.crossover, 'scaling')}


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
    return make(RESULTS)


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
