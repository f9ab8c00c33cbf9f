"""Time from a picture to the poses of all people in it, over their number.

    python -m benchmarks.scaling [NAME ...] [--detector NAME ...] [--people 1 2 4 ...]
        [--backend onnxruntime|openvino|torch] [--threads N] [--rounds R] [--seconds S] [--image FILE] [--files DIR]
        [--out FILE.json]

NAMEs are systems of ``benchmarks.zoo``. Pictures of all numbers of people have the same size and persons of the same
size (:mod:`benchmarks.timing.crowd_picture`); how random networks are made to find that many is told in
:mod:`benchmarks.models.pipelines`. A top-down system's time is that of a detector and of its own work on the boxes,
which are timed one after the other in the same round and added; so each goes with every detector. Everything from the
uint8 picture to points in it is timed. All systems of a picture run in turn, in rounds; a call starts when the threads
of the one before have come to rest. Files of networks are compared with torch before they are timed.

The NMS of networks with random weights has about as many candidates as there are people; a trained one has several for
each, which costs well under 0.1 ms more. ``found`` in a row is the number of people that are really found; times for
fewer or more than are in the picture take no part in crossovers.

Where a figure of a picture is missing, or is of another device or other versions, all systems given are measured on it
anew: times of one picture are compared within the same rounds only (``run``).

Exit code 0: complete; what cannot run (an operator that is not compiled, a network that only torch runs) has rows with
the reason. 1: something that should run failed; its rows say why. 2: a wrong call.
"""

import argparse
import sys
import time
import uuid
from pathlib import Path

import cv2
from tqdm import tqdm

from benchmarks import zoo
from benchmarks.models.bottom_up import open_stage
from benchmarks.models.pipelines import BACKENDS, Setting
from benchmarks.people import PAUSE
from benchmarks.record import environment, load
from benchmarks.results import CannotRunError, Results, reason_of
from benchmarks.timing.crossover import crossovers
from benchmarks.timing.crowd_picture import MOST, PICTURE, crowd
from benchmarks.timing.rounds import interleaved, spread
from mmpose_amfac.apis.sources import astronaut, read_image
from mmpose_amfac.errors import AMFACError, integer, one_line_errors
from mmpose_amfac.files import sha256
from mmpose_amfac.runtime.engines import usable_cores

FILES = Path('work_dirs/benchmarks')
SYSTEMS = (
    'rtmpose-t_8xb256-420e_coco-256x192', 'rtmpose-s_8xb256-420e_coco-256x192', 'rtmpose-m_8xb256-420e_coco-256x192',
    'amfacpose_r18_1xb32-140e_coco-256x192', 'amfacpose_r34_1xb32-140e_coco-256x192',
    'td-hm_mobilenetv2_8xb64-210e_coco-256x192',
    'rtmo-t_8xb32-600e_body7-416x416', 'rtmo-s_8xb32-600e_coco-640x640', 'rtmo-m_16xb16-600e_coco-640x640',
    'yoloxpose_tiny_4xb64-300e_coco-416', 'yoloxpose_s_8xb32-300e_coco-640',
    'ae_hrnet-w32_8xb24-300e_coco-512x512', 'cid_hrnet-w32_8xb20-140e_coco-512x512',
    'dekr_hrnet-w32_8xb10-140e_coco-512x512')
DETECTORS = ('rtmdet_nano_320-8xb32_coco-person', 'rtmdet_m_640-8xb32_coco-person')
PEOPLE = (1, 2, 4, 8, 16, 32, 64)
LEAST_ROUNDS, WARM_UP, SEED = 5, 1, 0


def pairs(systems, detectors) -> list[tuple]:
    """(system, detector), the latter None where none is needed."""
    return [(system, detector) for system in systems
            for detector in (detectors if system.paradigm.startswith('td-') else (None, ))]


def row_of(system, detector, setting: Setting, people: int, photograph: str, where: dict) -> dict:
    """The settings of a row with a picture made of ``photograph`` in the environment ``where``."""
    first = detector.name if detector else ''
    return dict(id=' '.join(filter(None, [system.name, first and f'after {first}', setting.backend,
                                          f'threads={setting.threads}', f'people={people}', photograph,
                                          where['device']])),
                name=system.name, system=system.system, paradigm=system.paradigm, detector=first,
                backend=setting.backend, threads=setting.threads, people=people, picture=list(PICTURE),
                photograph=photograph, seed=SEED, environment=where)


def open_all(systems, setting: Setting):
    """Name -> stage, name -> why there is none, and the names among these that should have one."""
    stages, reasons, failed = {}, {}, set()
    for system in tqdm(systems, desc='opening', disable=None, leave=False):
        try:
            stages[system.name] = open_stage(system, setting)
        # whatever torch, an exporter or an engine raises, the other systems go on
        except Exception as error:
            reasons[system.name] = reason_of(error)
            if not isinstance(error, CannotRunError):
                failed.add(system.name)
    return stages, reasons, failed


def measure(stages, photograph, people: int, rounds: int, seconds: float):
    """Seconds (rounds,) of each stage for one number of people, its load, and name -> why there are none."""
    image, boxes = crowd(photograph, people)
    calls, reasons = {}, {}
    for name, stage in stages.items():
        try:
            calls[name] = stage.ready(image, boxes)
            calls[name]()
        except Exception as error:
            calls.pop(name, None)
            reasons[name] = reason_of(error)
    if not calls:
        return {}, load(), reasons
    start = time.perf_counter()
    for call in calls.values():
        call()
    once = time.perf_counter() - start + PAUSE * len(calls)
    count = max(min(LEAST_ROUNDS, rounds), min(rounds, int(seconds / once)))
    before = load()
    return interleaved(calls, count, warm_up=WARM_UP, pause=PAUSE), before, reasons


def rows(todo, stages, reasons, photograph, settings, args) -> list[dict]:
    """Rows of one picture.

    Args:
        todo: pairs.
        stages, reasons: by name.
        settings: the other arguments of :func:`row_of`.
    """
    people, run = settings[1], uuid.uuid4().hex[:12]
    seconds, before, failed = measure(stages, photograph, people, args.rounds, args.seconds)
    reasons = {**reasons, **failed}
    made = []
    for system, detector in todo:
        parts = [s.name for s in (detector, system) if s]
        row = row_of(system, detector, *settings)
        why = next((reasons[name] for name in parts if name in reasons), None)
        if why is not None:
            made.append({**row, 'reason': why})
            continue
        times = sum(seconds[name] for name in parts)
        made.append(dict(row, seconds=[round(v / 1e3, 7) for v in spread(times * 1e3)], rounds=len(times), run=run,
                         found=min(stages[name].found for name in parts), warm_up=WARM_UP + 2, load=before,
                         provider=stages[system.name].provider,
                         note='; '.join(filter(None, (stages[name].note for name in parts)))))
    return made


def show(found: list[dict]) -> None:
    """A table of the times, then where one system overtakes another."""
    for row in found:
        name = f'{row["name"]}{" after " + row["detector"] if row["detector"] else ""}'
        told = f'{row["seconds"][0] * 1e3:9.1f} [{row["seconds"][1] * 1e3:.1f}, {row["seconds"][2] * 1e3:.1f}] ms' \
            if 'seconds' in row else row['reason']
        print(f'{row["people"]:3d} {row["backend"]:12s} {row["threads"]:2d} {name:75s} {told}')
    for pair in crossovers(found):
        print(f'{pair.one_stage} against {pair.top_down} after {pair.detector} ({pair.backend}, '
              f'{pair.threads} threads, {pair.device}): {pair.told()}')


def main(argv=None) -> int:
    """Measure and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', metavar='NAME', help='systems of benchmarks.zoo (default: fourteen)')
    parser.add_argument('--detector', nargs='+', default=DETECTORS, metavar='NAME',
                        help='for top-down systems (default: RTMDet-nano 320 and RTMDet-m 640)')
    parser.add_argument('--people', nargs='+', type=int, default=PEOPLE, help='in the picture (default: 1 to 64)')
    parser.add_argument('--backend', choices=BACKENDS, default='onnxruntime', help='(default %(default)s)')
    parser.add_argument('--threads', type=int, default=usable_cores(), help='of the CPU (default %(default)s)')
    parser.add_argument('--rounds', type=int, default=20, help='timings of each system (default %(default)s)')
    parser.add_argument('--seconds', type=float, default=30, help='fewer rounds, at least five, where those of one '
                        'number of people would take longer (default %(default)s)')
    parser.add_argument('--image', type=Path, metavar='FILE', help="photograph of a person (default: scikit-image's "
                        'astronaut)')
    parser.add_argument('--files', type=Path, default=FILES, help='model files are kept here (default %(default)s)')
    parser.add_argument('--out', type=Path, metavar='FILE.json', help='result file; without it rows are only shown')
    args = parser.parse_args(argv)
    for field, values in dict(threads=[args.threads], rounds=[args.rounds], people=args.people).items():
        for value in values:
            integer(f'--{field}', value)
    if max(args.people) > MOST:
        raise AMFACError(f'--people {max(args.people)} must be at most {MOST}')
    systems, detectors = ([zoo.find(name) for name in names] for names in (args.names or SYSTEMS, args.detector))
    for system in systems:
        if system.paradigm == 'detector':
            raise AMFACError(f'{system.name} is a detector; give it with --detector')
    for system in detectors:
        if system.paradigm != 'detector':
            raise AMFACError(f'--detector {system.name} is no detector')
    return run(systems, detectors, args)


def run(systems, detectors, args) -> int:
    """Measure the pictures of which the file does not have everything yet."""
    results, setting = Results(args.out, 'scaling'), Setting(args.backend, args.threads, args.files)
    where = environment('torch', 'mmpose', 'mmdet', 'mmdeploy', 'cv2', 'numpy', *{args.backend} - {'torch'})
    name = sha256(args.image)[:12] if args.image else 'astronaut'
    wanted = pairs(systems, detectors)

    def missing(people, pairs):
        return [pair for pair in pairs
                if not results.has_figures(row_of(*pair, setting, people, name, where)['id'], where)]

    todo = [people for people in args.people if missing(people, wanted)]
    cv2.setNumThreads(args.threads)
    import torch
    torch.set_num_threads(args.threads)
    photograph = read_image(args.image) if args.image else astronaut()
    needed = {s.name: s for pair in wanted for s in pair if s} if todo else {}
    stages, reasons, failed = open_all(needed.values(), setting)
    runnable = [pair for pair in wanted if not any(s and s.name in reasons for s in pair)]
    bad = bool(failed)
    for people in tqdm(todo, desc='people', disable=None, leave=False):
        # what cannot run is no reason to measure the others again
        here = wanted if missing(people, runnable) else [pair for pair in wanted if pair not in runnable]
        made = rows(here, stages if here is wanted else {}, reasons, photograph, (setting, people, name, where), args)
        bad |= any('reason' in row and not {row['name'], row['detector']} & reasons.keys() for row in made)
        results.add(*made)
    show(results.rows)
    return int(bad)


if __name__ == '__main__':
    with one_line_errors('benchmarks.scaling'):
        sys.exit(main())
