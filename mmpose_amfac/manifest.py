"""``Manifest``: everything that must be known to run a model file, written beside it as ``FILE.json``."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path

from mmpose_amfac.errors import AMFACError, integer, integers, number, one_of
from mmpose_amfac.files import sha256, write_json
from mmpose_amfac.geometry import PADDING
from mmpose_amfac.skeletons import Skeleton

FORMAT = 'mmpose_amfac manifest 1'
BACKENDS = ('onnx', 'onnxruntime', 'openvino', 'tensorrt', 'torchscript')
PRECISIONS = ('fp32', 'fp16', 'int8')
ORDERS = ('rgb', 'bgr')
STATUSES = ('unverified', 'passed', 'rejected')
IMAGENET_MEAN, IMAGENET_STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_RULES = {
    # simcc: peak of each vector, expectation over `window` bins on either side (0: the bin itself), bins / split_ratio
    'simcc': dict(split_ratio=2.0, window=0),
    # heatmap: peak of each map, refined ('none', 'quarter' or 'dark' with a Gaussian `kernel`), cells * stride
    'heatmap': dict(stride=4, refine='dark', kernel=11),
}


@dataclass
class Manifest:
    """What a runtime needs besides the file.

    Args:
        model: name of the model.
        files: file names beside the manifest -> sha256; the first one is opened (OpenVINO has a second).
        skeleton: joints, links, flip pairs and sigmas.
        input_size: (width, height) of a crop, pixels.
        outputs: names of the outputs in the order of the decode rule (``simcc_x``, ``simcc_y``).
        decode: ``rule`` (``'simcc'`` or ``'heatmap'``) and its parameters.
        backend: what the file was written for.
        precision: of the arithmetic.
        input_name: name of the only input, (batch, 3, height, width) float32, normalised.
        batch: fixed batch size, or 0 for any.
        channel_order: of the input, ``'rgb'`` or ``'bgr'``.
        mean, std: subtracted from and divided into 0..255 values, in ``channel_order``.
        padding: factor on the box size.
        opset: ONNX operator set, or None.
        source: config, weights and their sha256, and the rewrites that were applied and skipped.
        versions: of the tools that wrote the file.
        verification: ``status`` (``'unverified'``, ``'passed'``, ``'rejected'``) and the figures behind it.

    Raises:
        AMFACError: a field outside the values above.
    """

    model: str
    files: dict[str, str]
    skeleton: Skeleton
    input_size: tuple[int, int]
    outputs: tuple[str, ...]
    decode: dict
    backend: str = 'onnx'
    precision: str = 'fp32'
    input_name: str = 'input'
    batch: int = 0
    channel_order: str = 'rgb'
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    padding: float = PADDING
    opset: int | None = None
    source: dict = field(default_factory=dict)
    versions: dict = field(default_factory=dict)
    verification: dict = field(default_factory=lambda: dict(status='unverified'))

    def __post_init__(self):
        one_of('backend', self.backend, BACKENDS)
        one_of('precision', self.precision, PRECISIONS)
        one_of('channel_order', self.channel_order, ORDERS)
        integers('input_size', self.input_size, 2)
        integer('batch', self.batch, 0)
        number('padding', self.padding, 0, low_itself=False)
        for name in ('mean', 'std'):
            values = getattr(self, name)
            if not isinstance(values, (tuple, list)) or len(values) != 3:
                raise AMFACError(f'{name}={values!r} must hold 3 numbers')
            for value in values:
                number(name, value, float('-inf')) if name == 'mean' else number(name, value, 0, low_itself=False)
        self.input_size, self.outputs = tuple(self.input_size), tuple(self.outputs)
        self.mean, self.std = tuple(self.mean), tuple(self.std)
        self.decode = _decode(self.decode)
        wanted = 2 if self.decode['rule'] == 'simcc' else 1
        if len(self.outputs) != wanted:
            raise AMFACError(f"outputs={self.outputs} must hold {wanted} names for decode.rule={self.decode['rule']!r}")
        if not isinstance(self.verification, dict):
            raise AMFACError('verification must be an object')
        one_of('verification.status', self.verification.get('status'), STATUSES)

    @staticmethod
    def path_of(file) -> Path:
        """``a/b.onnx`` -> ``a/b.onnx.json``."""
        return Path(f'{file}.json')

    @classmethod
    def read(cls, path) -> 'Manifest':
        """Read a manifest; its files are not looked at.

        Raises:
            AMFACError: not readable, not JSON, another format, or a field that is missing, unknown or wrong.
        """
        try:
            content = json.loads(Path(path).read_text(encoding='utf-8'))
        except OSError as error:
            raise AMFACError(f'manifest {path} cannot be read: {error.strerror}') from None
        except (ValueError, RecursionError) as error:
            raise AMFACError(f'manifest {path} is not JSON: {error}') from None
        if not isinstance(content, dict) or content.pop('format', None) != FORMAT:
            raise AMFACError(f"manifest {path} has another format; 'format' must be {FORMAT!r}")
        known = {f.name for f in dataclasses.fields(cls)}
        needed = {f.name for f in dataclasses.fields(cls)
                  if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING}
        for problem, names in (('lacks', needed - content.keys()), ('has the unknown', content.keys() - known)):
            if names:
                raise AMFACError(f'manifest {path} {problem} field {", ".join(sorted(names))}')
        try:
            content['skeleton'] = _skeleton(content['skeleton'])
            if not isinstance(content['files'], dict) or not content['files'] or not all(
                    isinstance(v, str) and Path(k).name == k for k, v in content['files'].items()):
                raise AMFACError('files must map plain file names to their sha256')
            return cls(**content)
        except (AMFACError, TypeError) as error:
            raise AMFACError(f'manifest {path}: {error}') from None

    def write(self, file) -> Path:
        """Write ``FILE.json``; the sha256 of the files are taken anew.

        Args:
            file: the first of :attr:`files`; the others lie beside it.
        """
        folder = Path(file).parent
        self.files = {name: sha256(folder / name) for name in self.files}
        content = dict(format=FORMAT, **dataclasses.asdict(self))
        target = self.path_of(file)
        write_json(target, content)
        return target

    def check_files(self, folder) -> None:
        """Compare the files with their sha256.

        Raises:
            AMFACError: a file is missing or another one than the manifest was written for.
        """
        for name, digest in self.files.items():
            path = Path(folder) / name
            if not path.is_file():
                raise AMFACError(f'{path}, which its manifest names, does not exist')
            found = sha256(path)
            if found != digest:
                raise AMFACError(f'{path} has the sha256 {found[:12]}..., its manifest says {digest[:12]}...: export '
                                 'it again or take the manifest that belongs to it')


def _decode(rule) -> dict:
    """``rule`` with every parameter of its kind; unknown ones are errors."""
    if not isinstance(rule, dict):
        raise AMFACError('decode must be an object with a rule')
    one_of('decode.rule', rule.get('rule'), tuple(_RULES))
    defaults = _RULES[rule['rule']]
    unknown = rule.keys() - defaults.keys() - {'rule'}
    if unknown:
        raise AMFACError(f'decode.{sorted(unknown)[0]} is not known; allowed for {rule["rule"]!r}: '
                         f'{", ".join(defaults)}')
    full = {**defaults, **rule}
    if full['rule'] == 'simcc':
        number('decode.split_ratio', full['split_ratio'], 0, low_itself=False)
        integer('decode.window', full['window'], 0)
    else:
        number('decode.stride', full['stride'], 0, low_itself=False)
        one_of('decode.refine', full['refine'], ('none', 'quarter', 'dark'))
        integer('decode.kernel', full['kernel'])
        if full['kernel'] % 2 == 0:
            raise AMFACError(f"decode.kernel={full['kernel']} must be odd")
    return full


def _skeleton(fields) -> Skeleton:
    tuples = {key: tuple(tuple(v) if isinstance(v, list) else v for v in value) if isinstance(value, list) else value
              for key, value in fields.items()}
    return Skeleton(**tuples)
