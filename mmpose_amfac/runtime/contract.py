"""What a model file takes and gives: its manifest, or what its outputs tell."""

import dataclasses
import os
from pathlib import Path
from reprlib import repr as short

import numpy as np

from mmpose_amfac import paths, simcc
from mmpose_amfac.errors import AMFACError, integers
from mmpose_amfac.files import read_json
from mmpose_amfac.manifest import MAX_SIDE, Manifest
from mmpose_amfac.runtime.engines import SUFFIXES, Engine, told
from mmpose_amfac.skeletons import COCO17, Skeleton

GREY = (96, 96, 255)
# suffix of a file -> what its manifest may name as the back end that it was written for
WRITTEN_FOR = {'.onnx': ('onnx', 'onnxruntime'), '.xml': ('openvino', ), '.engine': ('tensorrt', )}


def packaged() -> dict[str, Path]:
    """Name or alias in lower case -> model file in ``weights``, of each file that has a manifest there."""
    found = {}
    for sidecar in sorted(paths.WEIGHTS.glob('*.onnx.json')):
        manifest = Manifest.read(sidecar)
        for name in (manifest.model, *manifest.source.get('aliases', ())):
            found.setdefault(str(name).lower(), sidecar.with_suffix(''))
    return found


def model_file(model) -> Path:
    """The file behind a name, an alias or a path.

    Raises:
        AMFACError: an unknown name, or no such file.
    """
    if not isinstance(model, (str, os.PathLike)):
        raise AMFACError(f'model={short(model)} must be a name or the path of a model file')
    path = Path(model)
    if path.suffix.lower() in SUFFIXES:
        if not path.is_file():
            raise AMFACError(f'model file {path} does not exist')
        return path
    known = packaged()
    if str(model).lower() not in known:
        raise AMFACError(f'no packaged model file {str(model)!r}; known: {", ".join(known) or "none"}; or give a '
                         f'{", ".join(SUFFIXES)} file')
    return known[str(model).lower()]


def declared(path: Path, manifest=None) -> Manifest | dict:
    """The manifest of a file that is not opened yet, or the fields that shall replace guessed ones.

    Args:
        path: the file.
        manifest: a :class:`Manifest`, or a dict of fields that replace those of the manifest beside the file; or the
            path of either as JSON, where a whole manifest is known by its ``format``. Without one beside the file the
            fields replace what is guessed: two outputs (n, K, bins) are SimCC vectors and one output (n, K, h, w) is
            heatmaps, both of an RGB crop with ImageNet's mean and standard deviation and boxes padded by 1.25; 17
            joints are COCO's.

    Raises:
        AMFACError: a manifest for another file or that marks it rejected, or a field that is unknown or wrong.
    """
    if manifest is not None and not isinstance(manifest, (Manifest, dict, str, os.PathLike)):
        raise AMFACError(f'manifest={short(manifest)} must be a Manifest, the path of one or a dict of fields')
    overrides, where = {}, 'manifest'
    if isinstance(manifest, (str, os.PathLike)):
        where = f'manifest {manifest}'
        manifest = _read(manifest)
    if isinstance(manifest, dict):
        overrides, manifest = dict(manifest), None
        known = [f.name for f in dataclasses.fields(Manifest) if f.name != 'files']
        if 'files' in overrides:
            raise AMFACError(f'{where} has the field files, which only a whole manifest may name; leave it out')
        if unknown := overrides.keys() - set(known):
            raise AMFACError(f'{where} has the unknown field {min(map(str, unknown))}; known: {", ".join(known)}')
    sidecar = Manifest.path_of(path)
    if manifest is None and sidecar.is_file():
        manifest = Manifest.read(sidecar)
    if manifest is None:
        return overrides
    if path.name not in manifest.files:
        raise AMFACError(f'the manifest of {path} is for {", ".join(manifest.files)}; take the one that belongs to it '
                         '(for another name export with --out, or change the name in its "files" too)')
    return _replaced(path, manifest, overrides)


def _read(path) -> Manifest | dict:
    """A whole manifest, or single fields."""
    content = read_json(path, 'manifest')
    if isinstance(content, dict) and 'format' not in content:
        return content
    return Manifest.read(path)


def contract(path: Path, engine: Engine, declared: Manifest | dict) -> Manifest:
    """The manifest of an opened file, checked against what the file really takes and gives.

    Args:
        path: the file.
        engine: what opened it.
        declared: of :func:`declared`.

    Raises:
        AMFACError: another input, batch or outputs than the manifest has, or such as cannot be guessed; a manifest of
            another back end's file.
    """
    if isinstance(declared, dict):
        guessed, decode = _guess(path, engine, declared), declared.get('decode')
        rule = decode.get('rule') if isinstance(decode, dict) else None
        if rule in ('simcc', 'heatmap') and rule != guessed.decode['rule']:
            raise AMFACError(f'{path} has the outputs {", ".join(engine.output_names)}: decode.rule must be '
                             f'{guessed.decode["rule"]!r}, not {rule!r}')
        declared = _replaced(path, guessed, declared)
    _check(path, engine, declared)
    return declared


def _replaced(path: Path, found: Manifest, overrides: dict) -> Manifest:
    if isinstance(overrides.get('decode'), dict):
        same = overrides['decode'].get('rule', found.decode['rule']) == found.decode['rule']
        overrides = {**overrides, 'decode': {**(found.decode if same else {}), **overrides['decode']}}
    found = dataclasses.replace(found, **overrides)
    if found.verification['status'] == 'rejected':
        raise AMFACError(f'{path} is marked as rejected by its manifest: its check against the trained model failed; '
                         'export it again')
    return found


def _probe(path, engine: Engine, input_size) -> list[tuple]:
    """Shapes of the outputs for one crop, without the batch: files leave lengths open that are fixed."""
    width, height = input_size
    shapes = [out.shape for out in engine(np.zeros((1, 3, height, width), np.float32))]
    if any(not shape or shape[0] != 1 for shape in shapes):
        raise AMFACError(f'{path} has {_told(engine.output_names, shapes)} for one crop; the first axis must be the '
                         'batch')
    return [shape[1:] for shape in shapes]


def _guess(path: Path, engine: Engine, overrides: dict) -> Manifest:
    size = overrides.get('input_size') or _input_size(path, engine)
    integers('input_size', size, 2)
    if max(size) > MAX_SIDE:
        raise AMFACError(f'input_size={tuple(size)} of {path} must be at most {MAX_SIDE} on each side')
    shapes = _probe(path, engine, size)
    told_shapes = _told(engine.output_names, shapes)
    joints = {shape[0] for shape in shapes if shape}
    if len(joints) != 1 or [len(shape) for shape in shapes] not in ([2, 2], [3]) or not all(map(all, shapes)):
        raise AMFACError(f'{path} gives {told_shapes} for each crop; two outputs (joints, bins) or one (joints, '
                         'height, width) are needed')
    lengths = (shapes[0][2], shapes[0][1]) if len(shapes) == 1 else (shapes[0][1], shapes[1][1])
    ratios = {length / side for length, side in zip(lengths, size)}
    if len(ratios) != 1:
        raise AMFACError(f'{path} gives {told_shapes} for crops of {tuple(size)} (width, height): not as many '
                         'bins or cells per pixel along both axes; give its manifest')
    ratio = ratios.pop()
    decode = dict(rule='simcc', split_ratio=ratio) if len(shapes) == 2 else dict(rule='heatmap', stride=1 / ratio)
    return Manifest(model=path.stem, files={path.name: ''}, skeleton=_skeleton(joints.pop()), input_size=tuple(size),
                    outputs=engine.output_names, decode=decode, backend=WRITTEN_FOR[path.suffix.lower()][0],
                    input_name=engine.input_name, batch=engine.input_shape[0] or 0)


def _input_size(path, engine: Engine) -> tuple[int, int]:
    shape = engine.input_shape
    if len(shape) != 4 or shape[1] not in (3, None) or None in shape[2:]:
        raise AMFACError(f'{path} takes the input {told(shape)}; (batch, 3, height, width) with a fixed height and '
                         'width is needed, or a manifest with input_size')
    return shape[3], shape[2]


def _skeleton(joints: int) -> Skeleton:
    if joints == len(COCO17):
        return COCO17
    return Skeleton('unknown', tuple(f'joint_{i}' for i in range(joints)), (), (GREY, ) * joints, (), (), ())


def _check(path: Path, engine: Engine, manifest: Manifest) -> None:
    backends = WRITTEN_FOR[path.suffix.lower()]
    if manifest.backend not in backends:
        raise AMFACError(f'{path} is a file for {" or ".join(backends)}; its manifest has backend={manifest.backend!r}')
    if manifest.input_name != engine.input_name:
        raise AMFACError(f'{path} has the input {engine.input_name}; its manifest has '
                         f'input_name={manifest.input_name!r}')
    batch = engine.input_shape[0] or 0
    if manifest.batch != batch:
        raise AMFACError(f'{path} takes the input {told(engine.input_shape)}, so batch must be {batch}'
                         f'{"" if batch else " (any)"}; its manifest has batch={manifest.batch}')
    if set(manifest.outputs) - set(engine.output_names):
        raise AMFACError(f'{path} has the outputs {", ".join(engine.output_names)}; its manifest needs '
                         f'{", ".join(manifest.outputs)}')
    shapes = dict(zip(engine.output_names, _probe(path, engine, manifest.input_size)))
    shapes = [shapes[name] for name in manifest.outputs]
    joints, (width, height) = len(manifest.skeleton), manifest.input_size
    if manifest.decode['rule'] == 'simcc':
        wanted = [(joints, bins) for bins in simcc.bins(manifest.input_size, manifest.decode['split_ratio'])]
    else:
        stride = manifest.decode['stride']
        wanted = [(joints, round(height / stride), round(width / stride))]
    if shapes != wanted:
        raise AMFACError(f'{path} gives {_told(manifest.outputs, shapes)} for each crop; its manifest means '
                         f'{_told(manifest.outputs, wanted)}')


def _told(names, shapes) -> str:
    return ', '.join(f'{name} {tuple(shape)}' for name, shape in zip(names, shapes))
