"""Parameters, multiply-accumulates and activations of the systems of the comparison, beside the published figures.

    python -m benchmarks.complexity [NAME | CONFIG.py ...] [--out FILE.json]

Without names every system, and every other config of this package; of a system of which only figures are known the
row says so. A row that the file has is counted again where the config or the versions are others; what is published
stands beside it as facts/published.csv has it now. A CONFIG.py with the name of a system that is not the system's own
is a row of its own. The counting rule is that of MMPose's tables, which call it FLOPs: one multiply-accumulate (MAC)
for each product in convolutions, linear layers and matrix products, those of attention included. Normalisation,
activations, element-wise products, pooling and interpolation are not counted. Activations are the values that the
counted operators give. What runs only in ``predict`` (NMS, RTMO's coordinate classifier) is not counted either.

Exit code 0: every row is there; 1: a system failed, or is more than 3 % from a published figure without a note, and its
row says so; 2: the call was wrong.
"""

import argparse
import sys
from contextlib import contextmanager, nullcontext
from typing import NamedTuple
from unittest import mock

from tqdm import tqdm

from benchmarks import zoo
from benchmarks.record import environment
from benchmarks.results import Results
from mmpose_amfac.errors import one_line_errors
from mmpose_amfac.paths import mim_root

# a published figure farther away is explained by a note
TOLERANCE = 0.03
# their shapes depend on values, so that they are run, not only traced
REAL = ('cid_', 'edpose_')


class Complexity(NamedTuple):
    """For one picture."""

    params: int
    macs: int
    activations: int


def count(model, input_size) -> Complexity:
    """Count what one forward pass of a network computes.

    Args:
        model: an MMPose or MMDetection network; it is run once in evaluation mode, on zeros where its weights are. On
            the meta device that costs nothing.
        input_size: (width, height) pixels.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    weight = next(model.parameters())
    inputs = torch.zeros(1, 3, input_size[1], input_size[0], device=weight.device)
    counter, was_training = _counter(), model.training
    try:
        # the other kernels of attention are single operators, which do not tell their products
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), _plain_deformable(), counter:
            _forward(model.eval(), inputs)
    finally:
        model.train(was_training)
    return Complexity(sum(p.numel() for p in model.parameters()), counter.macs, counter.activations)


def _forward(model, inputs):
    if type(getattr(model, 'head', None)).__name__ != 'EDPoseHead':
        return model(inputs, None, mode='tensor')
    # its tensor mode gives the head no samples, which the head asserts
    from mmpose.structures import PoseDataSample
    shape = tuple(inputs.shape[2:])
    sample = PoseDataSample(metainfo=dict(img_shape=shape, batch_input_shape=shape))
    return model.head.forward(model.extract_feat(inputs), [sample])


def _counter():
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    class Counter(TorchDispatchMode):
        macs = activations = 0

        def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
            out = operator(*args, **(kwargs or {}))
            flops = flop_registry.get(operator._overloadpacket)
            if flops:
                self.macs += flops(*args, **(kwargs or {}), out_val=out) // 2
                self.activations += out.numel()
            return out

    return Counter()


@contextmanager
def _plain_deformable():
    """Count a deformable convolution as the plain one with its weights: the sampling is an interpolation."""
    if 'mmcv.ops' not in sys.modules:
        yield
        return
    from torch.nn.functional import conv2d

    def plain(x, offset, weight, stride, padding, dilation, groups, *args):
        return conv2d(x, weight, None, stride, padding, dilation, groups)

    with mock.patch('mmcv.ops.deform_conv.deform_conv2d', plain):
        yield


def count_system(system: zoo.System) -> Complexity:
    """Count a system of the comparison."""
    import torch
    with nullcontext() if system.name.startswith(REAL) else torch.device('meta'):
        torch.manual_seed(0)
        return count(zoo.build(system), system.input_size)


def described(system: zoo.System) -> dict:
    """What a row says of a system without counting."""
    name, known = system.name, zoo.systems().get(system.name)
    if known is not None and known != system:
        name = f'{name} {zoo.config_digest(system)[:8]}'
    return dict(id=name, name=name, system=system.system, paradigm=system.paradigm,
                input=system.input_size and list(system.input_size))


def row(system: zoo.System) -> dict:
    """Its row of the result file, without the environment."""
    try:
        counted = count_system(system)
    except Exception as error:  # one system, whatever is the matter with it, does not end the others
        return dict(described(system), reason=f'{type(error).__name__}: {" ".join(str(error).split())[:300]}')
    return joined(system, dict(described(system), config_sha256=zoo.config_digest(system), **counted._asdict()))


def joined(system: zoo.System, counted: dict) -> dict:
    """A counted row with what is published of the system, and how far the two are apart."""
    published = system.published
    params, gmacs = (float(published[key]) if published.get(key) else None for key in ('params_m', 'gmacs'))
    return dict(
        counted, published_params_m=params, published_gmacs=gmacs,
        params_off=_off(counted['params'] / 1e6, published.get('params_m')),
        macs_off=_off(counted['macs'] / 1e9, published.get('gmacs')), note=published.get('complexity_note', ''))


def unexplained(row: dict) -> list[str]:
    """What of a row is too far from the published figure, and has no note that says why."""
    return [] if row['note'] else [key for key in ('params_off', 'macs_off') if abs(row[key] or 0) > TOLERANCE]


def _off(value: float, published: str | None) -> float | None:
    """Relative difference; what the rounding of the published figure hides is none."""
    if not published:
        return None
    half = 0.5 * 10 ** -len(published.partition('.')[2])
    return 0.0 if abs(value - float(published)) <= half else round(value / float(published) - 1, 4)


def main(argv=None) -> int:
    """Print or write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('names', nargs='*', metavar='NAME|CONFIG.py')
    parser.add_argument('--out', metavar='FILE.json', help='result file; without it the rows are only shown')
    args = parser.parse_args(argv)
    chosen = [_of_config(name) if name.endswith('.py') else zoo.find(name) for name in args.names] or everything()
    results, now, wrong = Results(args.out, 'complexity'), environment('torch', 'mmpose', 'mmdet'), 0
    for system in tqdm(chosen, desc='systems', disable=None, leave=False):
        found = described(system)
        if not system.source:
            found |= dict(reason='only published figures are known', environment=now)
        elif results.has_figures(found['id'], now) and (
                results[found['id']]['config_sha256'] == zoo.config_digest(system)):
            found = joined(system, results[found['id']])
        else:
            found = dict(row(system), environment=now)
            wrong += 'reason' in found
        if found['id'] not in results or found != results[found['id']]:
            results.add(found)
        if 'reason' not in found and (far := unexplained(found)):
            wrong += 1
            print(f'{found["name"]}: {", ".join(far)} is more than {TOLERANCE:.0%} from the published figure, and '
                  f'complexity_note in {zoo.PUBLISHED.name} does not say why', file=sys.stderr)
    print(f'{"name":62s} {"M params":>9s} {"G MACs":>9s} {"M values":>9s}  published: M, G')
    for r in results.rows:
        if 'reason' in r:
            print(f'{r["name"]:62s} {r["reason"]}')
            continue
        told = ', '.join('-' if r[key] is None else f'{r[key]:g}' for key in ('published_params_m', 'published_gmacs'))
        print(f'{r["name"]:62s} {r["params"] / 1e6:9.3f} {r["macs"] / 1e9:9.3f} {r["activations"] / 1e6:9.2f}  {told}')
    return 1 if wrong else 0


def _of_config(path) -> zoo.System:
    """A CONFIG.py, or the system whose config it is."""
    system = zoo.of_config(path)
    known = zoo.systems().get(system.name)
    same = known and known.source and zoo.config_digest(known) == zoo.config_digest(system)
    return known if same else system


def everything() -> list[zoo.System]:
    """Every system, then the other configs of this package."""
    found = list(zoo.systems().values())
    known = {system.name for system in found}
    return found + [zoo.of_config(path) for path in sorted((mim_root() / 'configs').glob('*/*.py'))
                    if path.parent.name not in ('_base_', 'deploy') and path.stem not in known]


if __name__ == '__main__':
    with one_line_errors('benchmarks.complexity'):
        sys.exit(main())
