"""Experiments: train variants on the same samples, score them on the same pictures, compare each with its reference.

    python -m benchmarks.training [NAME | GROUP ...] --ann A.json --images DIR [--work-dir DIR] [--out FILE.json]

The experiments stand in ``experiments/experiments.yaml``: a config, the entries of it that are changed, the question,
the reference, and what was decided. Each is trained by ``tools/train.py`` in a process of its own, its newest weights
(those of the moving average where there is one) are scored on ground-truth boxes with a flip test, persons ranked by
the mean score of all joints (heads give scores of different scales: no threshold is fair to all), and the difference to
the reference has a paired interval; a reference that is not in the work dir is trained first. A row that the file
has is not measured again unless config, changes, annotations or the reference are others; a training that was ended
goes on from its last epoch.

Exit code 0: all rows are there; 1: one failed, and its row says why; 2: the call was wrong.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import yaml

from benchmarks import accuracy, compare, complexity, zoo
from benchmarks.record import environment
from benchmarks.results import Results
from benchmarks.scoring.task import Task, add_options, failed
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.files import atomic_path, read_json, sha256, write_json

FOLDER = Path(__file__).parent / 'experiments'
ROOT = FOLDER.parents[1]
# whose versions decide what comes out
MODULES = ('torch', 'mmpose', 'mmengine', 'pytorch_optimizer')


def experiments(path=FOLDER / 'experiments.yaml') -> dict[str, dict]:
    """Name -> experiment, in the order of the file.

    Raises:
        AMFACError: an entry without its fields, a name twice, or a reference that is not before it.
    """
    found = {}
    for entry in yaml.safe_load(Path(path).read_text(encoding='utf-8')):
        missing = {'name', 'group', 'config', 'question'} - entry.keys()
        if missing:
            raise AMFACError(f'{path}: {entry.get("name", "an experiment")} has no {", ".join(sorted(missing))}')
        if entry['name'] in found:
            raise AMFACError(f'{path}: {entry["name"]} stands there twice')
        if entry.get('against', entry['name']) not in [*found, entry['name']]:
            raise AMFACError(f'{path}: {entry["name"]}.against={entry["against"]} must be the name of one before it')
        found[entry['name']] = dict(options={}, against='', decision='', seed=0) | entry
    return found


def chosen(names) -> list[dict]:
    """Experiments by name or group, each after its reference; all without names."""
    known = experiments()
    found = {}
    for name in names or known:
        hits = [one for one in known.values() if name in (one['name'], one['group'])]
        if not hits:
            raise AMFACError(f'no experiment or group {name}; there are {", ".join(known)}')
        for one in hits:
            while one:
                found[one['name']] = one
                one = known.get(one['against'])
    return [one for one in known.values() if one['name'] in found]


def load(one: dict):
    """The config with its changes.

    Raises:
        AMFACError: the config is not there, or has no such place for a change.
    """
    from mmengine.config import Config
    path = FOLDER / one['config']
    if not path.is_file():
        raise AMFACError(f'experiment {one["name"]}: config {path} does not exist')
    cfg = Config.fromfile(path)
    for key in one['options']:
        *parents, last = key.split('.')
        node = cfg
        for part in parents:
            try:
                node = node[int(part)] if part.isdigit() else node[part]
            except (KeyError, IndexError, TypeError):
                raise AMFACError(f'experiment {one["name"]}: {one["config"]} has no {key}') from None
        # what is built from a type may get an argument that the config leaves at its default
        if last not in node and 'type' not in node:
            raise AMFACError(f'experiment {one["name"]}: {one["config"]} has no {key}')
    cfg.merge_from_dict(dict(one['options'], **{'randomness.seed': one['seed']}))
    return cfg


def config_of(folder: Path) -> Path:
    """The whole config, beside the folder: inside, MMEngine writes one of its own."""
    return folder.with_name(f'{folder.name}.py')


def train(one: dict, cfg, folder: Path) -> tuple[Path, dict]:
    """Train it, or go on.

    Returns:
        The newest checkpoint; the ``seconds`` of all starts together and the ``environment`` of the last one.

    Raises:
        AMFACError: the folder holds a training by another config, or the training failed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config, text = config_of(folder), cfg.pretty_text
    if config.exists() and config.read_text(encoding='utf-8') != text:
        raise AMFACError(f'{config} is another config than that of {one["name"]}: delete it and {folder}, or take '
                         'another --work-dir')
    with atomic_path(config) as temporary:
        temporary.write_text(text, encoding='utf-8')
    notes, last = folder / 'notes.json', folder / 'last_checkpoint'
    checkpoint = folder / f'epoch_{cfg.train_cfg.max_epochs}.pth'
    told = read_json(notes, 'notes') if notes.exists() else dict(seconds=0.0)
    if _complete(last, checkpoint):
        return checkpoint, told
    start = time.perf_counter()
    try:
        with open(folder / 'train.log', 'a', encoding='utf-8') as log:
            command = [sys.executable, str(ROOT / 'tools/train.py'), str(config), '--work-dir', str(folder),
                       '--no-validate', *(['--resume'] if last.exists() else [])]
            code = subprocess.run(command, stdout=log, stderr=log).returncode
    finally:
        told = dict(seconds=told['seconds'] + time.perf_counter() - start, environment=environment(*MODULES))
        write_json(notes, told)
    if not _complete(last, checkpoint):
        lines = (folder / 'train.log').read_text(encoding='utf-8').strip().splitlines()
        raise AMFACError(f'training ended with exit code {code}: {lines[-1] if lines else "no output"}')
    return checkpoint, told


def _complete(last: Path, checkpoint: Path) -> bool:
    """Whether MMEngine says that this is the newest checkpoint; it does after having written it."""
    return last.exists() and Path(last.read_text(encoding='utf-8').strip()).name == checkpoint.name


def measure(one: dict, args) -> dict:
    """The row of an experiment, without id and settings."""
    from mmengine.runner.checkpoint import CheckpointLoader

    cfg, folder = load(one), Path(args.work_dir) / one['name']
    checkpoint, told = train(one, cfg, folder)
    config, poses = config_of(folder), folder / 'poses.json'
    options = ['--ann', args.ann, '--images', args.images, '--boxes', 'gt']
    parser = argparse.ArgumentParser()
    accuracy.add_boxes(parser)
    add_options(parser)
    task = Task(parser.parse_args([*options, '--flip', '--checkpoint', str(checkpoint)]), [str(config)])
    results, scored, sigmas = task.results(str(config))
    for pose in results:
        pose['score'] = float(np.mean(pose['keypoints'][2::3]))
    scored['protocol'].update(score_mode='keypoint', keypoint_score_thr=0.0)
    scored = accuracy.scored(task, results, scored, sigmas, poses)
    counted = complexity.count_system(zoo.of_config(config))
    steps = CheckpointLoader.load_checkpoint(str(checkpoint), map_location='cpu')['meta']['iter']
    row = dict(steps=steps, samples=steps * cfg.train_dataloader.batch_size, seconds=round(told['seconds'], 1),
               params=counted.params, macs=counted.macs, environment=told['environment'],
               **{key: scored[key] for key in ('sha256', 'protocol', 'metrics', 'interval')})
    if one['against']:
        other = experiments()[one['against']]
        reference = folder.with_name(other['name'])
        # there already, unless it failed; else what lies there is of another config
        train(other, load(other), reference)
        pair = [str(poses), str(reference / 'poses.json')]
        found = compare.measure(Task(parser.parse_args(options), pair), pair)
        row['difference'] = dict(to=one['against'], config_sha256=settings(other)['config_sha256'],
                                 AP=found['difference'], p=found['p'], bounds=found['interval']['bounds'])
    return row


def settings(one: dict) -> dict:
    """What a row is of."""
    return dict(name=one['name'], group=one['group'], config=one['config'], options=one['options'], seed=one['seed'],
                config_sha256=zoo.digest_of(load(one)))


def holds(row: dict, one: dict, annotations: str) -> bool:
    """Whether a row has the figures of an experiment, and of its reference, as they stand now.

    Args:
        row: of the result file.
        one: the experiment.
        annotations: sha256 of what it is scored on.
    """
    told, reference = settings(one), one['against']
    if any(row[key] != told[key] for key in told) or row['protocol']['annotations_sha256'] != annotations:
        return False
    wanted = settings(experiments()[reference])['config_sha256'] if reference else None
    difference = row.get('difference', dict(to='', config_sha256=None))
    return (difference['to'], difference['config_sha256']) == (reference, wanted)


def to_measure(chosen: list[dict], results: Results, annotations: str, work_dir: Path) -> set[str]:
    """Names of those that have no row that holds, and of references whose poses they need and nobody has."""
    names = {one['name'] for one in chosen if not (
        results.has_figures(one['name']) and holds(results[one['name']], one, annotations))}
    for one in reversed(chosen):
        if one['name'] in names and one['against'] and not (work_dir / one['against'] / 'poses.json').exists():
            names.add(one['against'])
    return names


def main(argv=None) -> int:
    """Train and score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', metavar='NAME|GROUP', help='default: every experiment')
    parser.add_argument('--ann', required=True, metavar='A.json', help='COCO key point annotations to score on')
    parser.add_argument('--images', required=True, metavar='DIR', help='folder of the file names in them')
    parser.add_argument('--work-dir', default='work_dirs/training', metavar='DIR')
    parser.add_argument('--out', metavar='FILE.json', help='result file; without it the rows are only shown')
    args = parser.parse_args(argv)
    todo, results, wrong = chosen(args.names), Results(args.out, 'training'), 0
    needed = to_measure(todo, results, sha256(args.ann), Path(args.work_dir))
    for one in todo:
        name = one['name']
        if name in needed:
            try:
                figures = measure(one, args)
            except Exception as error:  # one experiment, whatever is the matter with it, does not end the others
                wrong += 1
                figures = dict(reason=failed(name, error)['reason'], environment=environment(*MODULES))
            results.add(dict(id=name, **settings(one), **figures))
        print(line(results[name]), flush=True)
    return 1 if wrong else 0


def line(row: dict) -> str:
    """A row in one line."""
    if 'reason' in row:
        return f'{row["name"]}: no figure, {row["reason"]}'
    text = (f'{row["name"]}: AP {row["metrics"]["AP"]:.4f} (95 %: {row["interval"]["bounds"][0]:.3f} to '
            f'{row["interval"]["bounds"][1]:.3f}), {row["samples"]:,} samples, {row["seconds"]:.0f} s')
    if 'difference' in row:
        found = row['difference']
        low, high = found['bounds']
        text += f'; {found["AP"]:+.4f} to {found["to"]} (95 %: {low:+.3f} to {high:+.3f}), p = {found["p"]:.3f}'
    return text


if __name__ == '__main__':
    with one_line_errors('benchmarks.training'):
        sys.exit(main())
