"""People per second, from a picture to the poses in it.

    python -m benchmarks.people --pose FILE.onnx --det FILE.onnx [--people 1 4 16 64] [--threads N]
        [--backend onnxruntime|openvino] [--rounds R] [--against rtmlib] [--image FILE] [--out FILE.json]

The picture is a mosaic of one photograph, a person in each tile; the boxes are the tiles, so that each system has the
same persons. Every system is timed with these boxes, and once more with the detector run before on the same picture.

The systems are those of :mod:`benchmarks.timing.rivals`. A call starts when the threads of the call before have come to
rest. A picture of which the file has all rows already, from this device and these versions, is not measured again; else
all systems are, for their ratios hold within the same rounds only.

Exit code 0: complete. 1: a picture failed; its rows say why. 2: a wrong call.
"""

import argparse
import math
import sys
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.record import environment, load
from benchmarks.results import Results, reason_of
from benchmarks.timing.rivals import FULL, NETWORK, ONE, OURS, RTMLIB, System, check, systems
from benchmarks.timing.rounds import interleaved, spread
from mmpose_amfac import geometry
from mmpose_amfac.apis.sources import astronaut, read_image
from mmpose_amfac.errors import integer, one_line_errors
from mmpose_amfac.files import sha256
from mmpose_amfac.runtime import AMFACPose
from mmpose_amfac.runtime.engines import usable_cores

# height of a tile in pixels
TILE = 256
# threads of ONNX Runtime sessions that are not ours spin for 40 ms after a call
PAUSE = 0.05
# what a call costs beside the network is measured with so many people and one thread
REST, OVERHEAD_BATCH = 'all but the network', 8
BETTER = 'better of one by one and full batches'
# below so many people there are more rounds
FEW = 4


def mosaic(photograph: np.ndarray, people: int):
    """``people`` tiles with the photograph, as square as they can be laid, and their boxes (people, 4) ``xyxy``."""
    height, width = TILE, max(1, round(photograph.shape[1] * TILE / photograph.shape[0]))
    tile = cv2.resize(photograph, (width, height), interpolation=cv2.INTER_AREA)
    columns = math.ceil(math.sqrt(people))
    image = np.tile(tile, (math.ceil(people / columns), columns, 1))
    rows, cols = np.divmod(np.arange(people), columns)
    corners = np.stack([cols * width, rows * height], axis=1)
    return image, np.concatenate([corners, corners + [width, height]], axis=1).astype(np.float32)


def rows_of(names, people: int, settings: dict) -> dict[tuple[str, bool], dict]:
    """(system, with detector) -> the settings of its row, of one picture."""
    return {(name, detector): dict(
        settings, id=' '.join(filter(None, [
            name, f'people={people}', 'after the detector' if detector else '', settings['backend'],
            f'threads={settings["threads"]}', settings['pose_sha256'][:8], settings['det_sha256'][:8],
            settings['photograph'], settings['environment']['device']])),
        system=name, people=people, detector=detector)
        for name in names for detector in ((False, ) if name in (NETWORK, REST) else (False, True))}


def measure(found: dict[str, System], photograph, people: int, count: int) -> dict[tuple[str, bool], dict]:
    """Figures of one picture: every system with given boxes, and with the detector before."""
    image, boxes = mosaic(photograph, people)
    check(found, image, boxes)
    alone = network(found[OURS].pose, image, boxes)
    # a call for few people is short: more of them for the same spread
    count *= max(1, FEW // people)
    candidates = {}
    for name, system in found.items():
        candidates[name, False] = lambda s=system: s.pose(image, boxes)
        candidates[name, True] = lambda s=system: (s.detect(image), s.pose(image, boxes))
    candidates |= {(NETWORK, plan): run for plan, run in alone.items()}
    before = load()
    seconds = interleaved(candidates, count, warm_up=1, pause=PAUSE)
    # the plan of the network that turned out best bounds every way of calling it
    plan = min(alone, key=lambda plan: np.median(seconds[NETWORK, plan]))
    best = seconds[NETWORK, plan]
    seconds = {key: value for key, value in seconds.items() if key[0] != NETWORK} | {(NETWORK, False): best}
    figures = {}
    for (name, detector), own in seconds.items():
        system = found[OURS if name == NETWORK else name]
        ratios = {other: spread(seconds[other, detector] / own) for other in found
                  if other != name and (other, detector) in seconds}
        if name == OURS:
            better = min((ONE, FULL), key=lambda other: np.median(seconds[other, detector]))
            ratios[BETTER] = ratios[better]
        figures[name, detector] = dict(
            seconds=_seconds(own), times_as_fast_as=ratios, rounds=count, load=before, provider=system.provider,
            plan=list(plan if name == NETWORK else system.plan(people)), terms=system.terms)
    return figures


def _seconds(values) -> list[float]:
    """Median, 10th and 90th percentile."""
    return [round(v / 1e3, 6) for v in spread(values * 1e3)]


def network(estimator: AMFACPose, image, boxes) -> dict:
    """Plan -> function that runs the network alone so, on the crops of the boxes; all plans that were measured."""
    crops, *_ = estimator.crop(image, boxes)
    manifest, pace = estimator.manifest, estimator.pace
    inputs = geometry.normalise(crops, manifest.channel_order, manifest.mean, manifest.std)

    def run(plan):
        return pace.run(len(inputs), lambda engine, rows: engine(inputs[rows]), plan)

    chosen = pace.plan(len(inputs))
    # nothing is measured where there is nothing to choose
    return {plan: lambda plan=plan: run(plan) for plan in pace.seconds or [chosen]}


def overhead(pose: Path, backend: str, photograph, count: int) -> dict:
    """Figures of what a call costs beside the network: a batch of 8, one thread."""
    before = load()
    estimator = AMFACPose(pose, None, backend, threads=1, batch_size=OVERHEAD_BATCH, streams=1, piece=OVERHEAD_BATCH)
    image, boxes = mosaic(photograph, OVERHEAD_BATCH)
    engine, manifest = estimator.engine, estimator.manifest
    crops, *_ = estimator.crop(image, boxes)
    inputs = geometry.normalise(crops, manifest.channel_order, manifest.mean, manifest.std)
    outputs = engine(inputs)
    # a call then does all but the network
    estimator.pace.keep(lambda batch: outputs)
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        candidates = {'network': lambda: engine(inputs), 'rest': lambda: estimator(image, boxes)}
        seconds = interleaved(candidates, count, warm_up=1, pause=PAUSE)
    finally:
        cv2.setNumThreads(threads)
    return dict(rounds=count, load=before, times_as_fast_as={}, seconds=_seconds(seconds['rest']),
                network_seconds=_seconds(seconds['network']), share=spread(seconds['rest'] / seconds['network']))


def show(rows: list[dict]) -> None:
    """A table of one picture."""
    print(f'\n{rows[0]["people"]} people, {rows[0]["backend"]}, {rows[0]["threads"]} thread(s)')
    print(f'{"":20s} {"detector":8s} {"plan":>8s} {"people/s":>9s}   {"ms median [p10, p90]":28s}   '
          'times as fast as rtmlib')
    for row in rows:
        if 'reason' in row:
            print(f'{row["system"]:20s} {row["reason"]}')
            continue
        ratio = row['times_as_fast_as'].get(RTMLIB)
        told = f'{ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]' if ratio else ''
        median, low, high = (1e3 * v for v in row['seconds'])
        print(f'{row["system"]:20s} {"yes" if row["detector"] else "no":8s} '
              f'{"x".join(map(str, row.get("plan", ()))):>8s} {1e3 * row["people"] / median:9.1f}   '
              f'{median:8.2f} [{low:8.2f}, {high:8.2f}]   {told}')
        if 'share' in row:
            print(f"{REST}: {100 * row['share'][0]:.1f} % of the network's time")
    for row in rows:
        if BETTER in row.get('times_as_fast_as', ()):
            median, low, high = row['times_as_fast_as'][BETTER]
            print(f'{OURS}, {"with" if row["detector"] else "without"} detector: {median:.2f} [{low:.2f}, {high:.2f}] '
                  'times as fast as the better of one by one and full batches')


def main(argv=None) -> int:
    """Print the figures; write them with ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--pose', required=True, type=Path, metavar='FILE.onnx', help='of the pose network')
    parser.add_argument('--det', required=True, type=Path, metavar='FILE.onnx', help='RTMDet with NMS inside')
    parser.add_argument('--people', nargs='+', type=int, default=[1, 4, 16, 64], help='in the picture')
    parser.add_argument('--threads', type=int, default=usable_cores(), help='of the CPU (default %(default)s)')
    parser.add_argument('--backend', choices=('onnxruntime', 'openvino'), default='onnxruntime',
                        help='of the pose network (default %(default)s)')
    parser.add_argument('--rounds', type=int, default=15, help='timings of each system (default %(default)s)')
    parser.add_argument('--against', choices=('rtmlib', ), help='another library, with the same files')
    parser.add_argument('--image', type=Path, metavar='FILE', help="a photograph (default: scikit-image's astronaut)")
    parser.add_argument('--out', type=Path, metavar='FILE.json', help='result file')
    args = parser.parse_args(argv)
    for field, values in dict(threads=[args.threads], rounds=[args.rounds], people=args.people).items():
        for value in values:
            integer(f'--{field}', value)
    return run(args)


def run(args) -> int:
    """Measure the pictures of which the file does not have everything yet."""
    results = Results(args.out, 'people')
    where = environment('onnxruntime', args.backend, 'cv2', 'numpy', *filter(None, [args.against]))
    settings = dict(backend=args.backend, threads=args.threads, precision='fp32', pose_sha256=sha256(args.pose),
                    det_sha256=sha256(args.det), photograph=sha256(args.image)[:12] if args.image else 'astronaut',
                    environment=where)
    photograph = read_image(args.image) if args.image else astronaut()
    cv2.setNumThreads(args.threads)
    names = (OURS, ONE, FULL, *((RTMLIB, ) if args.against else ()), NETWORK)
    parts = [(rows_of((REST, ), OVERHEAD_BATCH, {**settings, 'threads': 1}), lambda: {
        (REST, False): overhead(args.pose, args.backend, photograph, args.rounds)})]
    parts += [(rows_of(names, people, settings), lambda people=people: measure(
        found, photograph, people, args.rounds)) for people in args.people]
    todo = [(rows, make) for rows, make in parts
            if not all(results.has_figures(row['id'], where) for row in rows.values())]
    if todo:
        found = systems(args.pose, args.det, args.backend, args.threads, args.against == 'rtmlib')
    bad = False
    for rows, make in tqdm(todo, desc='pictures', disable=None, leave=False):
        try:
            figures = make()
        # the other pictures go on
        except Exception as error:
            figures, bad = dict.fromkeys(rows, dict(reason=reason_of(error))), True
        # after each picture: what is measured is not lost
        results.add(*({**rows[key], **figures[key]} for key in rows))
    known = {row['id']: row for row in results.rows}
    for rows, _ in parts:
        show([known[row['id']] for row in rows.values()])
    return int(bad)


if __name__ == '__main__':
    with one_line_errors('benchmarks.people'):
        sys.exit(main())
