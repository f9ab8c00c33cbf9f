"""AMFACPose, key points without PyTorch."""

import numpy as np

from mmpose_amfac import geometry, heatmap, simcc
from mmpose_amfac.errors import AMFACError, integer
from mmpose_amfac.manifest import Manifest
from mmpose_amfac.runtime.contract import contract, declared, model_file
from mmpose_amfac.runtime.detector import open_detector
from mmpose_amfac.runtime.engines import open_engine, usable_cores
from mmpose_amfac.runtime.plan import Pace
from mmpose_amfac.runtime.topdown import TopDown


class AMFACPose(TopDown):
    """Joints of the persons in pictures, by ONNX Runtime, OpenVINO or TensorRT.

    ``AMFACPose()(image, bboxes)`` gives :class:`~mmpose_amfac.poses.Poses`; see :meth:`TopDown.__call__`. The result
    does not depend on which crops share a batch. A call may come from one thread at a time, in the process that opened
    the model: a process that is forked later opens its own.

    Args:
        model: name or alias of a packaged model file, or an ``.onnx``, ``.xml`` or ``.engine`` file: ours, or any with
            SimCC vectors (RTMPose and its kin) or heatmaps. Joint scores are clipped to [0, 1], for RTMPose's vectors
            are not probabilities; persons are ranked by what they were before.
        detector: finds the persons where a call gives no boxes: an RTMDet ``.onnx`` file, ``'whole_image'`` (the
            picture is one person), or a callable picture -> boxes (n, 4), scores (n,).
        backend, device, precision: see :func:`~mmpose_amfac.runtime.engines.open_engine`. The detector runs by ONNX
            Runtime on the CPU.
        threads: of the CPU; all usable cores by default.
        batch_size: most crops in one call of the network. On a CPU fewer at a time may be faster; what is, is measured
            at the first call, and more when one has more crops (:mod:`mmpose_amfac.runtime.plan`). A file with a fixed
            batch gets that many.
        manifest: instead of the ``FILE.json`` beside the model; see :func:`~mmpose_amfac.runtime.contract.declared`.
        flip: average with the mirrored crop (twice the time).
        score_thr: boxes of a detector file below this score are dropped.
        streams, piece: pieces at the same time (1 or ``threads``) and most crops of a piece (up to ``batch_size``),
            instead of measuring; with ``streams=1`` and without ``piece`` every call of the network gets
            ``batch_size`` crops.

    Attributes:
        manifest: :class:`~mmpose_amfac.manifest.Manifest` of the model.
        weights: path of the model file.
        backend, device: what runs it, and where.
        engine: the opened :class:`~mmpose_amfac.runtime.engines.Engine`.
        pace: :class:`~mmpose_amfac.runtime.plan.Pace`, how crops are cut into pieces.

    Raises:
        MissingPackageError: the engine is not installed.
        AMFACError: unknown model, broken file, a manifest of another file, or a provider that cannot be had.
    """

    def __init__(self, model='amfacpose', detector=None, backend: str = 'auto', device: str = 'cpu',
                 threads: int | None = None, batch_size: int = 32, *, manifest=None, precision: str | None = None,
                 flip: bool = False, score_thr: float = 0.3, streams: int | None = None, piece: int | None = None):
        threads = usable_cores() if threads is None else threads
        for field, value in dict(threads=threads, batch_size=batch_size).items():
            integer(field, value)
        self.weights = model_file(model)
        known = declared(self.weights, manifest)

        def opened(streams: int):
            # at each opening, for the file may have been replaced since the last one
            if isinstance(known, Manifest):
                known.check_files(self.weights.parent)
            return open_engine(self.weights, backend, device, threads, precision, streams)

        self.engine = opened(1)
        self.manifest = contract(self.weights, self.engine, known)
        super().__init__(self.manifest.skeleton, self.manifest.input_size, self.manifest.padding, batch_size)
        if flip and not self.skeleton.flip_pairs:
            raise AMFACError(f'flip needs the flip_pairs of the skeleton {self.skeleton.name!r}, which has none; give '
                             'a manifest with them')
        self.backend, self.device = self.engine.backend, self.engine.device
        self.threads, self.flip = threads, flip
        self._outputs = [self.engine.output_names.index(name) for name in self.manifest.outputs]
        self.pace = self._paced(opened, streams, piece)
        self.detector = open_detector(detector, score_thr, threads) if detector is not None else None

    def forward(self, crops: np.ndarray):
        """Crops (n, height, width, 3) uint8 BGR -> joints (n, K, 2) in pixels of the crop and scores (n, K)."""
        if not len(crops):
            return np.zeros((0, self.num_keypoints, 2), np.float32), np.zeros((0, self.num_keypoints), np.float32)
        keypoints, scores = self._run(len(crops), lambda rows: crops[rows])
        return keypoints, scores.clip(0, 1)

    def _paced(self, opened, streams: int | None, piece: int | None) -> Pace:
        on_cpu = self.engine.provider in ('CPUExecutionProvider', 'OpenVINOExecutionProvider', 'CPU')
        if streams is not None:
            integer('streams', streams)
        if piece is not None:
            integer('piece', piece)
            if piece > self.batch_size:
                raise AMFACError(f'piece={piece} must be at most batch_size={self.batch_size}')
        if not on_cpu and streams not in (None, 1):
            raise AMFACError(f'streams={streams} is for a CPU; {self.engine.provider} runs one batch after the other, '
                             'streams=1')
        if streams not in (None, 1, self.threads):
            raise AMFACError(f'streams={streams} must be 1 or threads={self.threads}, one for each thread')
        # a file with a fixed batch takes as long for one crop
        piece = piece or self.engine.input_shape[0]
        if streams == 1 or not on_cpu:
            piece = piece or self.batch_size
        # a GPU takes batches as large as it may be given
        streams = streams if on_cpu else 1
        pace = Pace(opened, self._sample, self.threads, self.batch_size, streams, piece)
        pace.keep(self.engine)
        return pace

    def _run(self, count: int, crops):
        # before the streams, whose threads a fork leaves behind as well
        self.engine.check_process()
        parts = self.pace.run(count, lambda engine, rows: self._piece(engine, crops(rows)))
        return tuple(map(np.concatenate, zip(*parts)))

    def _piece(self, engine, crops):
        """Crops -> joints and raw scores, one call of the network (two with ``flip``)."""
        inputs = geometry.normalise(crops, self.manifest.channel_order, self.manifest.mean, self.manifest.std)
        results = engine(inputs)
        outputs = [results[i] for i in self._outputs]
        if self.flip:
            results = engine(inputs[..., ::-1])
            outputs = [(a + b) / 2 for a, b in zip(outputs, self._flip_back([results[i] for i in self._outputs]))]
        return self._decode(outputs)

    def _flip_back(self, outputs):
        indices = self.skeleton.flip_indices
        if self.manifest.decode['rule'] == 'simcc':
            return simcc.flip_back(*outputs, indices, self.manifest.decode['split_ratio'])
        return [heatmap.flip_back(*outputs, indices)]

    def _decode(self, outputs):
        rule = dict(self.manifest.decode)
        return (simcc.decode if rule.pop('rule') == 'simcc' else heatmap.decode)(*outputs, **rule)

    def _sample(self, count: int):
        """Work on ``count`` crops of noise, to be timed."""
        width, height = self.input_size
        image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        center, scale = np.tile([[width / 2, height / 2]], (count, 1)), np.tile([[width, height]], (count, 1))
        return lambda engine, rows: self._piece(engine, self.cut(image, center[rows], scale[rows]))
