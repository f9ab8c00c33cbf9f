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

from mmpose_amfac.apis.report import average_precision
from mmpose_amfac.files import atomic_path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / 'results'
PAGES = [ROOT / 'README.md', *ROOT.glob('configs/*/README.md'), ROOT / 'mmpose_amfac/weights/README.md']
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
    with open(RESULTS / 'complexity.csv', newline='') as file:
        counted = {row['config']: row for row in csv.DictReader(file)}
    rows = []
    for config, (name, published) in PUBLISHED.items():
        params, macs = int(counted[config]['params']), int(counted[config]['macs'])
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
    sys.exit(main())
