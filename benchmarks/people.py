"""People per second, from a picture to the poses in it.

    python -m benchmarks.people --pose FILE.onnx --det FILE.onnx [--people 1 4 16 64] [--threads N]
        [--backend onnxruntime|openvino] [--rounds R] [--against rtmlib] [--image FILE] [--out FILE.json]

The picture is a mosaic of one photograph, a person in each tile; the boxes are the tiles, so that each system has the
same persons. Every system is timed with these boxes, and once more with the detector run before on the same picture.

The systems are those of :mod:`benchmarks.timing.rivals`. A call starts when the threads of the call before have come to
rest.
"""

import argparse
import math
import sys
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from benchmarks.record import environment, load
from benchmarks.timing.rivals import FULL, NETWORK, ONE, OURS, RTMLIB, System, check, systems
from benchmarks.timing.rounds import interleaved, spread
from mmpose_amfac import geometry
from mmpose_amfac.apis.sources import read_image
from mmpose_amfac.errors import MissingPackageError, integer, one_line_errors
from mmpose_amfac.files import sha256, write_json
from mmpose_amfac.runtime import AMFACPose
from mmpose_amfac.runtime.engines import usable_cores

# height of a tile in pixels
TILE = 256
# threads of ONNX Runtime sessions that are not ours spin for 40 ms after a call
PAUSE = 0.05
OVERHEAD_BATCH = 8
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


def measure(found: dict[str, System], photograph, people: int, count: int, progress) -> list[dict]:
    """Rows of one picture: every system with given boxes, and with the detector before."""
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
    progress()
    # the plan of the network that turned out best bounds every way of calling it
    plan = min(alone, key=lambda plan: np.median(seconds[NETWORK, plan]))
    best = seconds[NETWORK, plan]
    seconds = {key: value for key, value in seconds.items() if key[0] != NETWORK} | {(NETWORK, False): best}
    rows = []
    for (name, detector), own in seconds.items():
        system = found[OURS if name == NETWORK else name]
        ratios = {other: spread(seconds[other, detector] / own) for other in found
                  if other != name and (other, detector) in seconds}
        if name == OURS:
            better = min((ONE, FULL), key=lambda other: np.median(seconds[other, detector]))
            ratios['better of one by one and full batches'] = ratios[better]
        median, low, high = (float(v) for v in np.percentile(own, (50, 10, 90)))
        rows.append(dict(
            system=name, people=people, detector=detector, seconds=round(median, 6), p10=round(low, 6),
            p90=round(high, 6), people_per_second=round(people / median, 2), times_as_fast_as=ratios,
            plan=list(plan if name == NETWORK else system.plan(people)), provider=system.provider, terms=system.terms,
            rounds=count, load=before))
    return rows


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


def overhead(pose: Path, backend: str, photograph, count: int, progress) -> dict:
    """What a call costs beside the network, relative to the network: a batch of 8, one thread."""
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
    progress()
    return dict(batch=OVERHEAD_BATCH, threads=1, rounds=count,
                network_ms_per_crop=spread(seconds['network'] / OVERHEAD_BATCH * 1e3),
                rest_ms_per_crop=spread(seconds['rest'] / OVERHEAD_BATCH * 1e3),
                share=spread(seconds['rest'] / seconds['network']))


def show(rows: list[dict]) -> None:
    """A table of one picture."""
    print(f'\n{rows[0]["people"]} people, load {rows[0]["load"]}')
    print(f'{"":20s} {"detector":8s} {"plan":>8s} {"people/s":>9s}   {"ms median [p10, p90]":28s}   '
          'times as fast as rtmlib')
    for row in rows:
        ratio = row['times_as_fast_as'].get(RTMLIB)
        told = f'{ratio[0]:.2f} [{ratio[1]:.2f}, {ratio[2]:.2f}]' if ratio else ''
        print(f'{row["system"]:20s} {"yes" if row["detector"] else "no":8s} {"x".join(map(str, row["plan"])):>8s} '
              f'{row["people_per_second"]:9.1f}   {row["seconds"] * 1e3:8.2f} [{row["p10"] * 1e3:8.2f}, '
              f'{row["p90"] * 1e3:8.2f}]   {told}')
    for row in rows:
        if row['system'] == OURS:
            median, low, high = row['times_as_fast_as']['better of one by one and full batches']
            print(f'{OURS}, {"with" if row["detector"] else "without"} detector: {median:.2f} [{low:.2f}, {high:.2f}] '
                  'times as fast as the better of one by one and full batches')


def main(argv=None) -> None:
    """Print the figures; write them with ``--out``."""
    parser = argparse.ArgumentParser(description=__doc__.partition('\n')[0])
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
    with one_line_errors('people'):
        for field, values in dict(threads=[args.threads], rounds=[args.rounds], people=args.people).items():
            for value in values:
                integer(f'--{field}', value)
        packages = ['onnxruntime', args.backend, 'opencv-python-headless', 'numpy', *filter(None, [args.against])]
        common = dict(backend=args.backend, threads=args.threads, pose_sha256=sha256(args.pose),
                      det_sha256=sha256(args.det), precision='fp32', **environment(*packages))
        photograph = read_image(args.image) if args.image else astronaut()
        cv2.setNumThreads(args.threads)
        found = systems(args.pose, args.det, args.backend, args.threads, args.against == 'rtmlib')
        rows = []
        with tqdm(total=len(args.people) + 1, desc='pictures', disable=None, leave=False) as bar:
            beside = overhead(args.pose, args.backend, photograph, args.rounds, bar.update)
            for people in args.people:
                measured = [{**common, **row} for row in measure(found, photograph, people, args.rounds, bar.update)]
                with tqdm.external_write_mode():
                    show(measured)
                rows += measured
                if args.out:
                    # after each picture: what is measured is not lost
                    write_json(args.out, dict(rows=rows, overhead={**common, **beside}))
        print(f'\ncrop, normalise, decode and the rest of a call: {100 * beside["share"][0]:.1f} % of the network\'s '
              f'time (batch {beside["batch"]}, one thread)')


def astronaut() -> np.ndarray:
    """A photograph of one person, (512, 512, 3) uint8 BGR.

    Raises:
        MissingPackageError: scikit-image, which has it, is not installed.
    """
    try:
        from skimage import data
    except ModuleNotFoundError:
        raise MissingPackageError('the default photograph needs scikit-image; or give --image FILE') from None
    return data.astronaut()[..., ::-1].copy()


if __name__ == '__main__':
    sys.exit(main())
