"""What the dual-gate context blocks (DGCB) of a trained AMFACPose do in one picture: maps and key points on and off.

    python -m benchmarks.attention [--image FILE --box X Y W H] [--config CONFIG --checkpoint FILE] [--occlude SHARE]
        [--seed 8] --out DIR

Writes ``attention.png`` and a row of ``attention.json`` into DIR; what DIR has of this picture, network and version is
not made again. Without arguments: scikit-image's photograph of an astronaut,
whose legs are out of the picture, with an occluder of :mod:`benchmarks.scoring.occluders`, and the packaged weights.

A DGCB multiplies each channel of a pyramid level by two gates in [0, 1] computed from the means of all channels; it has
no map of its own. The map of a level is therefore the root mean square over the channels of what the block gives, as a
multiple of its mean over the level, so that maps of another strength can be compared. *On* is the network as it was
trained. *Off* sets all gates to 1: the block passes its input on. As the gates are well below 1, that also makes the
level stronger than the layers behind it were trained for; *even* sets the gates to their mean over the channels, which
keeps the strength and takes away the choice between channels (its maps are those of *off*). The weights were trained
with the block: this shows what the block contributes to this network, not what a network that was trained without it
would do. For that see the ablation configs.

Exit code 0: both files are there; 2: the call was wrong.
"""

import argparse
import hashlib
import json
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.pages import attention_figure
from benchmarks.record import environment
from benchmarks.results import Results
from benchmarks.scoring.occluders import Occluder
from mmpose_amfac import geometry
from mmpose_amfac.apis.sources import astronaut, read_image
from mmpose_amfac.errors import AMFACError, number, one_line_errors
from mmpose_amfac.files import sha256

GATES = ('on', 'even', 'off')
# of the astronaut: the box, xywh pixels, the hidden share of it, and a seed that hides a shoulder
BOX, SHARE, SEED = (18, 16, 344, 495), 0.15, 8
# joints below this score, gates on, are drawn nowhere: they are out of the picture or were not found
SURE = 0.5


@contextmanager
def gates(neck, state: str):
    """Set the gates of all DGCBs of a neck to a state of ``GATES`` for a while."""
    def change(module, inputs, gate):
        if state == 'even':
            return gate.mean(dim=1, keepdim=True).expand_as(gate)
        return gate.new_ones(gate.shape)

    layers = [gate for block in neck.dgcb for gate in (block.context, block.guide)] if state != 'on' else []
    handles = [layer.register_forward_hook(change) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def levels(neck, run) -> list[dict]:
    """What enters the DGCB of each level while ``run`` calls the network once, finest first.

    Returns:
        ``gate`` (C,) and ``off`` (h, w), the root mean square over the channels of the input, and ``on`` (h, w), that
        of the output.
    """
    import torch
    inputs = {}
    handles = [lateral.register_forward_hook(lambda module, args, out, i=i: inputs.update({i: out}))
               for i, lateral in enumerate(neck.lateral)]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    found = []
    with torch.inference_mode():
        for i, block in enumerate(neck.dgcb):
            values, gate = inputs[i][0], block.mask(inputs[i])[0]
            off, on = ((v ** 2).mean(dim=0).sqrt().cpu().numpy() for v in (values, values * gate))
            found.append(dict(gate=gate.flatten().cpu().numpy(), on=on, off=off))
    return found


def relative(values) -> np.ndarray:
    """A map as a multiple of its mean."""
    return values / values.mean()


def numbers(level: dict, inside) -> dict:
    """What the row says of a level; ``inside`` (h, w) tells its cells behind the occluder."""
    difference = relative(level['on']) - relative(level['off'])
    hidden = float(difference[inside].mean()) if inside.any() else None
    return dict(size=list(level['on'].shape[::-1]), gate=_summary(level['gate']), on=_summary(level['on']),
                off=_summary(level['off']), difference=dict(_summary(difference), size=float(np.abs(difference).mean()),
                                                            behind_occluder=hidden))


def _summary(values) -> dict:
    return {name: float(getattr(values, name)()) for name in ('mean', 'min', 'max')}


def _behind(hidden, shape, center, scale):
    """Which cells (h, w) of a map over the crop have their centre behind the occluder."""
    size = shape[::-1]
    cells = np.stack(np.meshgrid(*(np.arange(n) + 0.5 for n in size)), axis=-1)
    points = geometry.to_image(cells.reshape(1, -1, 2), center, scale, size)[0]
    return hidden.covers(points).reshape(shape) if hidden else np.zeros(shape, bool)


def examine(estimator, picture: np.ndarray, box, hidden=None) -> dict:
    """Maps and key points of the person in ``box`` (4,) ``xyxy``; ``hidden`` is the occluder's rectangle, if any.

    Returns:
        ``levels``, ``joints`` and ``moved`` of the row, and what the figure is drawn from: ``poses`` by state of
        the gates, relative ``maps`` of each level, which joints are ``sure`` (K,), and ``hidden``.

    Raises:
        AMFACError: a network without DGCBs.
    """
    neck = getattr(estimator.model, 'neck', None)
    if not len(getattr(neck, 'dgcb', ())):
        raise AMFACError(f'{estimator.config} has no dual-gate context blocks; take a config whose neck is an AFPN '
                         "with modulation 'product' or 'mask'")
    poses = {}
    for state in GATES:
        with gates(neck, state):
            poses[state] = estimator(picture, box)
    maps = levels(neck, lambda: estimator(picture, box))
    center, scale = geometry.boxes_to_center_scale(box, estimator.input_size, estimator.padding)
    moved = {state: np.linalg.norm(poses[state].keypoints[0] - poses['on'].keypoints[0], axis=1)
             for state in GATES if state != 'on'}
    sure = poses['on'].keypoint_scores[0] >= SURE
    chosen = dict(all=np.ones_like(sure), sure=sure)
    joints = [dict(joint=name, **{state: dict(xy=poses[state].keypoints[0, i].tolist(),
                                             score=float(poses[state].keypoint_scores[0, i])) for state in GATES},
                   moved={state: float(values[i]) for state, values in moved.items()})
              for i, name in enumerate(estimator.skeleton.joints)]
    return dict(
        levels=[numbers(m, _behind(hidden, m['on'].shape, center, scale)) for m in maps], joints=joints,
        moved={state: {name: _summary(values[rows]) for name, rows in chosen.items() if rows.any()}
               for state, values in moved.items()},
        poses=poses, sure=sure, hidden=hidden,
        maps=[{state: relative(m[state]) for state in ('on', 'off')} for m in maps])


def main(argv=None) -> int:
    """Write the picture and the numbers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--image', type=Path, metavar='FILE', help='a photograph (default: the astronaut)')
    parser.add_argument('--box', nargs=4, type=float, metavar=('X', 'Y', 'W', 'H'), help='of the person, pixels')
    parser.add_argument('--config', default='amfacpose', help='packaged name or config file (default %(default)s)')
    parser.add_argument('--checkpoint', metavar='FILE', help='weights of the config')
    parser.add_argument('--occlude', type=float, metavar='SHARE',
                        help=f'of the box, behind a texture (default: {SHARE} of the astronaut, 0 of FILE)')
    parser.add_argument('--seed', type=int, default=SEED, help='of the occluder (default %(default)s)')
    parser.add_argument('--out', required=True, type=Path, metavar='DIR', help='folder of the two files')
    args = parser.parse_args(argv)
    if (args.image is None) != (args.box is None):
        raise AMFACError('--image and --box belong together: a picture, and the person in it as X Y W H')
    share = args.occlude if args.occlude is not None else 0 if args.image else SHARE
    number('--occlude', share, 0, 1)
    from mmpose_amfac.apis import TorchEstimator
    estimator = TorchEstimator(args.config, args.checkpoint, 'cpu')
    photograph = read_image(args.image) if args.image else astronaut()
    box = geometry.check_boxes(geometry.xywh_to_xyxy([args.box or BOX]), '--box')
    picture, hidden = photograph, None
    if share:
        occluder = Occluder('texture', share, args.seed)
        picture, hidden = occluder(photograph, box[0], 0), occluder.hidden(box[0], 0)
    settings = dict(
        picture=dict(name=args.image.name if args.image else 'skimage.data.astronaut', box=geometry.xyxy_to_xywh(
            box)[0].tolist(), pixels_sha256=hashlib.sha256(photograph.tobytes()).hexdigest()),
        occluder=hidden and dict(share=share, seed=args.seed, rectangle=list(map(float, hidden))),
        config=estimator.config.name, weights=dict(file=estimator.weights.name, sha256=sha256(estimator.weights)),
        modulation=estimator.model.neck.modulation)
    # made of all settings
    id = f'{settings["picture"]["name"]}, {hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]}'
    now, figure = environment('torch', 'mmpose', 'matplotlib', 'skimage'), args.out / 'attention.png'
    results = Results(args.out / 'attention.json', 'attention')
    if not (results.has_figures(id, now) and figure.exists() and sha256(figure) == results[id]['figure_sha256']):
        found = examine(estimator, picture, box, hidden)
        attention_figure.draw(figure, estimator, picture, box, found)
        results.add(dict(settings, id=id, environment=now, figure_sha256=sha256(figure),
                         **{key: found[key] for key in ('levels', 'joints', 'moved')}))
    for state, moved in results[id]['moved'].items():
        for name, values in moved.items():
            print(f'gates {state}: {name} key points move by {values["mean"]:.1f} pixels on average, '
                  f'{values["max"]:.1f} at most')
    print(figure)
    return 0


if __name__ == '__main__':
    with one_line_errors('benchmarks.attention'):
        sys.exit(main())
