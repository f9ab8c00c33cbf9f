"""The whole comparison, part by part, each in a process of its own.

    python -m benchmarks.run --quick|--full [--out DIR] [--device cpu|cuda]
        [--ann A.json --images DIR [--models MODEL ...] [--det FILE]] [--only PART ...] [--list]

``--full`` takes every system; ``--quick`` of each family the one with the fewest multiply-accumulates, in PyTorch and
ONNX Runtime, in at most ten minutes on two quiet cores; ``--smoke`` two of those in torch, to see that it runs.
Accuracy, comparisons, occlusion and calibration need pictures with annotations; every two of the models are compared.
Each part keeps the rows that its file has: the same command again goes on where one stopped. A part that fails stops no
other. ``run.json`` tells each command, its seconds in all runs together, their number and its last exit code, or why it
was left out.

Exit codes: 0 all parts ended well; 1 a part failed; 2 a wrong call.
"""

import argparse
import os
import shlex
import subprocess
import sys
import time
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path

from benchmarks import zoo
from benchmarks.joined import representatives
from benchmarks.record import environment, load
from benchmarks.results import Results
from benchmarks.select import DETECTOR
from mmpose_amfac.errors import AMFACError, one_line_errors

ROOT = Path(__file__).resolve().parents[1]
OUT = Path('work_dirs/benchmarks')
# --quick only counts what computes more for one input
QUICK_GMACS = 100
# against detector and network times people: the least of --quick
SCALED = ('RTMPose', 'RTMO', 'YOLOX-Pose')
# what only torch runs from picture to poses, with the top-down system that it is set against in the same rounds
IN_TORCH = ('cid_hrnet-w32_8xb20-140e_coco-512x512', 'dekr_hrnet-w32_8xb10-140e_coco-512x512',
            'ae_hrnet-w32_8xb24-300e_coco-512x512', 'rtmpose-m_8xb256-420e_coco-256x192')
NEEDED = 'left out: give --ann and --images'
PARTS = ('complexity', 'speed', 'scaling', 'scaling-torch', 'accuracy', 'accuracy-detector', 'compare', 'occlusion',
         'calibration', 'attention', 'figures', 'report')


def plan(args) -> dict[str, list[str] | str]:
    """Part -> its arguments, or why it is left out; of several commands of a part each has its own number."""
    out = Path(args.out)
    found = _measured(args, out) | _on_pictures(args)
    found |= {part: [*rest, '--out', str(out / f'{part.partition("-")[0]}.json')]
              for part, rest in found.items() if not isinstance(rest, str)}
    found['attention'] = ['--out', str(out / 'attention')]
    if args.smoke:
        found |= {part: 'left out: no part of --smoke' for part in found if part not in ('complexity', 'speed')}
    found['figures'] = ['--results', str(out), '--out', str(out / 'figures')]
    found['report'] = ['--results', str(out), '--out', str(out / 'report.html')]
    return {part: rest for name in PARTS if not args.only or name in args.only
            for part, rest in found.items() if part == name or part.startswith(f'{name}-pair-')}


def _measured(args, out) -> dict[str, list[str] | str]:
    files = ['--files', str(out / 'files')]
    device = ['--device', args.device]
    if args.full:
        engines = ['onnxruntime', 'openvino', *['tensorrt'] * (find_spec('tensorrt') is not None)]
        ours = [system.name for system in zoo.systems().values()
                if system.source == 'ours' and 'ablation' not in system.system and 'crowdpose' not in system.name]
        return {
            'complexity': [], 'scaling': files, 'scaling-torch': [*IN_TORCH, '--backend', 'torch', *files],
            'speed': ['--all', '--backends', 'eager', 'compile', *engines, '--batches', '1', '8', '32', '--int8', *ours,
                      '--written', *device, *files]}
    chosen = representatives()
    names = [line.name for line in chosen.values()]
    timed = [line.name for line in chosen.values()
             if line.gmacs <= QUICK_GMACS and not zoo.find(line.name).needs_operators]
    usual = ['--threads', '2', *files, '--rounds']
    left = {'scaling-torch': 'left out: bottom-up systems that only torch runs take minutes; --full has them'}
    if args.smoke:
        # nothing is exported
        return left | dict(complexity=names[:3], scaling=left['scaling-torch'], speed=[
            *timed[:2], '--backends', 'eager', *device, *usual, '7', '--seconds', '3', '--longest', '60'])
    return left | dict(
        complexity=names, speed=[*timed, '--backends', 'eager', 'onnxruntime', *device, *usual, '10', '--seconds', '2'],
        scaling=[*(chosen[family].name for family in SCALED), '--detector', DETECTOR, '--people', '1', '2', '4', '8',
                 '--backend', 'onnxruntime', *usual, '5', '--seconds', '8'])


def _on_pictures(args) -> dict[str, list[str] | str]:
    names = PARTS[PARTS.index('accuracy'):PARTS.index('attention')]
    if not args.ann:
        return dict.fromkeys(names, NEEDED)
    pictures = ['--ann', args.ann, '--images', args.images]
    weights = ['--weights', args.weights] if args.weights else []
    detector = args.det and ['--boxes', args.det]
    found = {'accuracy': [*args.models, *pictures, '--boxes', 'gt', *weights],
             'accuracy-detector': [*args.models, *pictures, *detector, *weights] if detector
             else 'left out: give a detector, --det FILE.onnx'}
    pairs = list(combinations(args.models, 2))
    for i, pair in enumerate(pairs, 1):
        found['compare' if len(pairs) == 1 else f'compare-pair-{i}'] = [*pair, *pictures, '--boxes', 'gt', *weights]
    if not pairs:
        found['compare'] = 'left out: give two --models or more'
    files = [model for model in args.models if model not in zoo.systems()]
    for part in ('occlusion', 'calibration'):
        found.setdefault(part, [*files, *pictures] if files else 'left out: give a model file with --models')
    return found


def module(part: str) -> str:
    """What runs a part."""
    return f'benchmarks.{part.partition("-")[0]}'


def run(commands: dict[str, list[str] | str], results: Results) -> list[str]:
    """Run the parts; returns those that failed."""
    found, started, failed = environment('torch', 'mmpose'), time.monotonic(), []
    paths = os.pathsep.join(path for path in (str(ROOT), os.environ.get('PYTHONPATH')) if path)
    for i, (part, arguments) in enumerate(commands.items(), 1):
        where = f'[{i}/{len(commands)}, {time.monotonic() - started:.0f} s]'
        row = dict(id=part, part=part, environment=found)
        known = next((old for old in results.rows if old['id'] == part), {})
        if isinstance(arguments, str):
            print(f'{where} {part}: {arguments}', flush=True)
            results.add(row | dict(command=[], reason=arguments))
            continue
        print(f'{where} python -m {module(part)} {shlex.join(arguments)}', flush=True)
        begun, busy = time.monotonic(), load()
        code = subprocess.run([sys.executable, '-m', module(part), *arguments],
                              env={**os.environ, 'PYTHONPATH': paths}).returncode
        command = [part.partition('-')[0], *arguments]
        # a part that was stopped and went on took the seconds of both
        before = known if known.get('command') == command else {}
        results.add(row | dict(command=command, exit_code=code, load=busy, runs=before.get('runs', 0) + 1,
                               seconds=round(before.get('seconds', 0) + time.monotonic() - begun, 1)))
        if code:
            failed.append(f'{part} (exit code {code})')
    print(f'{len(commands)} parts, {time.monotonic() - started:.0f} s; {results.path}', flush=True)
    return failed


def main(argv=None) -> int:
    """Run, or list what would be run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    extent = parser.add_mutually_exclusive_group(required=True)
    extent.add_argument('--quick', action='store_true', help='the smallest of each family, in minutes')
    extent.add_argument('--full', action='store_true', help='all systems, back ends, threads and batches: many hours')
    extent.add_argument('--smoke', action='store_true', help='two networks in torch, seven rounds')
    parser.add_argument('--out', metavar='DIR', help=f'folder of the result files (default {OUT}/PROFILE)')
    parser.add_argument('--device', default='cpu', help='of the times of networks: cpu, cuda or cuda:N (default '
                        '%(default)s)')
    parser.add_argument('--ann', metavar='A.json', help='COCO key point annotations')
    parser.add_argument('--images', metavar='DIR', help='folder of the file names in them')
    parser.add_argument('--models', nargs='+', default=['amfacpose'], metavar='MODEL',
                        help='model files or, for accuracy, systems of benchmarks.zoo (default: %(default)s)')
    parser.add_argument('--det', metavar='FILE.onnx', help='detector for accuracy on detected boxes')
    parser.add_argument('--weights', metavar='DIR', help='folder of published weights')
    parser.add_argument('--only', nargs='+', choices=PARTS, metavar='PART', help=', '.join(PARTS))
    parser.add_argument('--list', action='store_true', help='print the commands and run nothing')
    args = parser.parse_args(argv)
    if bool(args.ann) != bool(args.images):
        raise AMFACError('--ann and --images belong together')
    args.out = args.out or OUT / next(name for name in ('quick', 'full', 'smoke') if getattr(args, name))
    commands = plan(args)
    if args.list:
        for part, arguments in commands.items():
            print(f'{part}: {arguments}' if isinstance(arguments, str)
                  else f'python -m {module(part)} {shlex.join(arguments)}')
        return 0
    failed = run(commands, Results(Path(args.out) / 'run.json', 'run'))
    if failed:
        print(f'failed: {", ".join(failed)}; the same command again goes on', file=sys.stderr)
    return 1 if failed else 0


if __name__ == '__main__':
    with one_line_errors('benchmarks.run'):
        sys.exit(main())
