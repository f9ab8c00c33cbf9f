"""``Manifest``: everything that must be known to run a model file, written beside it as ``FILE.json``."""

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import repr as short

from mmpose_amfac import simcc
from mmpose_amfac.errors import AMFACError, integer, integers, number, one_of
from mmpose_amfac.files import read_json, sha256, write_json
from mmpose_amfac.geometry import PADDING
from mmpose_amfac.onnx_data import external_files
from mmpose_amfac.skeletons import Skeleton

FORMAT = 'mmpose_amfac manifest 1'
# what a file is written for -> the ending of its name
SUFFIXES = dict(onnx='.onnx', onnxruntime='.onnx', openvino='.xml', tensorrt='.engine', torchscript='.ts')
BACKENDS = tuple(SUFFIXES)
PRECISIONS = ('fp32', 'fp16', 'int8')
ORDERS = ('rgb', 'bgr')
STATUSES = ('unverified', 'passed', 'rejected')
# far beyond any network, and near enough that sizes fit into memory and numbers into float32
MAX_SIDE, MAX_BATCH, MAX_KERNEL = 8192, 1 << 16, 255
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
        source: config, weights and their sha256, and the rewrites that were applied and skipped; what is not known
            may be left out.
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
        for name in ('model', 'input_name'):
            _text(name, getattr(self, name))
        integers('input_size', self.input_size, 2)
        for side in self.input_size:
            _at_most('input_size', side, MAX_SIDE)
        integer('batch', self.batch, 0)
        _at_most('batch', self.batch, MAX_BATCH)
        if self.opset is not None:
            integer('opset', self.opset)
        number('padding', self.padding, 0.1, 10)
        for name, low in (('mean', -1e4), ('std', 1e-3)):
            for value in _sequence(name, getattr(self, name), 3):
                number(name, value, low, 1e4)
        self.input_size, self.mean, self.std = tuple(self.input_size), tuple(self.mean), tuple(self.std)
        self.decode = _decode(self.decode, self.input_size)
        self.outputs = tuple(_sequence('outputs', self.outputs, 2 if self.decode['rule'] == 'simcc' else 1))
        for name in self.outputs:
            _text('outputs', name)
        self.skeleton = _skeleton(self.skeleton)
        for name in ('files', 'source', 'versions', 'verification'):
            if not isinstance(getattr(self, name), dict):
                raise AMFACError(f'{name}={short(getattr(self, name))} must be an object')
        if not self.files or not all(isinstance(k, str) and k.isprintable() and Path(k).name == k != '..'
                                     for k in self.files):
            raise AMFACError(f'files={short(self.files)} must map plain file names to their sha256')
        _source(self.source)
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
        content = read_json(path, 'manifest')
        if not isinstance(content, dict) or content.pop('format', None) != FORMAT:
            raise AMFACError(f"manifest {path} has another format; 'format' must be {FORMAT!r}")
        known = {f.name for f in dataclasses.fields(cls)}
        needed = {f.name for f in dataclasses.fields(cls)
                  if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING}
        for problem, names in (('lacks', needed - content.keys()), ('has the unknown', content.keys() - known)):
            if names:
                raise AMFACError(f'manifest {path} {problem} field {", ".join(map(_printable, sorted(names)))}')
        try:
            manifest = cls(**content)
            # a manifest that is being made has none yet
            for name, digest in manifest.files.items():
                _text(f'files.{name}', digest)
        except AMFACError as error:
            raise AMFACError(f'manifest {path}: {error}') from None
        return manifest

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
        """Compare the files with their sha256, and see that no others are read.

        What is checked is the tensors that an ONNX file keeps in other files, and the ``.bin`` of an OpenVINO ``.xml``.

        Raises:
            AMFACError: a file is missing, another one than the manifest was written for, or reads a file that the
                manifest does not list.
        """
        for name, digest in self.files.items():
            path = Path(folder) / name
            if not path.is_file():
                raise AMFACError(f'{path}, which its manifest names, does not exist')
            found = sha256(path)
            if found != digest:
                raise AMFACError(f'{path} has the sha256 {found[:12]}..., its manifest says {str(digest)[:12]}...: '
                                 'export it again or take the manifest that belongs to it')
            suffix = path.suffix.lower()
            read = {path.with_suffix('.bin').name} if suffix == '.xml' else (
                external_files(path) if suffix == '.onnx' else set())
            if read - self.files.keys():
                raise AMFACError(f'{path} reads {_printable(min(read - self.files.keys()))}, which its manifest does '
                                 'not list: export it again')


def _source(source: dict) -> None:
    """See that the known fields of ``source`` that are there have their types."""
    for name in ('model', 'config', 'weights', 'config_sha256', 'weights_sha256'):
        if source.get(name) is not None:
            _text(f'source.{name}', source[name])
    for name in ('aliases', 'applied', 'skipped', 'operators'):
        for entry in _sequence(f'source.{name}', source.get(name, ())):
            _text(f'source.{name}', entry)
    one_of('source.half_weights', source.get('half_weights', False), (True, False))


def _decode(rule, input_size) -> dict:
    """``rule`` with every parameter of its kind; unknown ones are errors."""
    if not isinstance(rule, dict):
        raise AMFACError(f'decode must be an object with a rule, not {short(rule)}')
    one_of('decode.rule', rule.get('rule'), tuple(_RULES))
    defaults = _RULES[rule['rule']]
    unknown = rule.keys() - defaults.keys() - {'rule'}
    if unknown:
        raise AMFACError(f'decode.{_printable(min(map(str, unknown)))} is not known; allowed for {rule["rule"]!r}: '
                         f'{", ".join(defaults)}')
    full = {**defaults, **rule}
    if full['rule'] == 'simcc':
        number('decode.split_ratio', full['split_ratio'], 0.01, 100)
        integer('decode.window', full['window'], 0)
        _at_most('decode.window', full['window'], max(simcc.bins(input_size, full['split_ratio'])))
    else:
        number('decode.stride', full['stride'], 0.01, MAX_SIDE + 1)
        one_of('decode.refine', full['refine'], ('none', 'quarter', 'dark'))
        integer('decode.kernel', full['kernel'])
        _at_most('decode.kernel', full['kernel'], MAX_KERNEL)
        if full['kernel'] % 2 == 0:
            raise AMFACError(f"decode.kernel={full['kernel']} must be odd")
    return full


def _skeleton(fields) -> Skeleton:
    """A skeleton from what JSON makes of it; one that is there already is returned."""
    if isinstance(fields, Skeleton):
        return fields
    names = [f.name for f in dataclasses.fields(Skeleton)]
    if not isinstance(fields, dict) or fields.keys() != set(names):
        raise AMFACError(f'skeleton={short(fields)} must be an object with {", ".join(names)}')
    _text('skeleton.name', fields['name'])
    for joint in _sequence('skeleton.joints', fields['joints']):
        _text('skeleton.joints', joint)
    for name, count in dict(links=2, flip_pairs=2, joint_colors=3, link_colors=3).items():
        for entry in _sequence(f'skeleton.{name}', fields[name]):
            integers(f'skeleton.{name}', entry, count, 0)
            for value in entry if count == 3 else ():
                _at_most(f'skeleton.{name}', value, 255)
    for value in _sequence('skeleton.sigmas', fields['sigmas']):
        number('skeleton.sigmas', value, 1e-4, 10)
    return Skeleton(**{key: tuple(tuple(v) if isinstance(v, list) else v for v in value)
                       if isinstance(value, list) else value for key, value in fields.items()})


def _at_most(field: str, value, high) -> None:
    if value > high:
        raise AMFACError(f'{field}={value!r} must be at most {high}')


def _sequence(field: str, values, count: int | None = None):
    if not isinstance(values, (tuple, list)) or (count is not None and len(values) != count):
        raise AMFACError(f'{field}={short(values)} must be a list{f" with {count} entries" if count else ""}')
    return values


def _text(field: str, value) -> None:
    if not isinstance(value, str) or not value.isprintable():
        raise AMFACError(f'{field}={short(value)} must be a printable text')


def _printable(text: str) -> str:
    return text if text.isprintable() else repr(text)
