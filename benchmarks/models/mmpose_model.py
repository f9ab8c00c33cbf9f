"""Networks of MMPose, run by MMPose: crops, decoding, scores and OKS NMS are those of its configs."""

import warnings
from inspect import signature

import numpy as np

from benchmarks import zoo
from benchmarks.results import CannotRunError
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.geometry import xyxy_to_xywh
from mmpose_amfac.poses import person_scores

BATCH = 32


class MMPoseModel:
    """A network with its published weights.

    Args:
        system: of the zoo, or of a config.
        cfg: its config.
        checkpoint: file with every tensor of the network.
        flip: flip test, as the config sets it up.
        device: of torch; None takes ``cuda`` where there is one.

    Attributes:
        name: of the system.
        top_down: whether it takes boxes.
        score_mode: how the config's evaluation ranks poses.
        nms: how it drops poses that lie on others: ``'none'``, or MMPose's function and the OKS above which one is
            dropped.
        sigmas: OKS constants of its data set.

    Raises:
        CannotRunError: a flip test that the network does not have.
        AMFACError: weights of another network.
    """

    def __init__(self, system, cfg, checkpoint, flip: bool, device=None):
        import torch
        from mmpose.apis.inference import dataset_meta_from_config
        self.name = system.name
        self.model = zoo.build(system, cfg)
        meta = _load(self.model, checkpoint, system.name)
        if flip and 'flip_test' not in (self.model.test_cfg or {}):
            raise CannotRunError(f'{system.name} has no flip test: its config has no model.test_cfg.flip_test')
        if 'flip_test' in (self.model.test_cfg or {}):
            self.model.test_cfg['flip_test'] = flip
        with warnings.catch_warnings():
            # MMPose looks for its own metainfo in the current folder first and says so when it takes the installed one
            warnings.filterwarnings('ignore', message='The metainfo config file')
            self.model.dataset_meta = meta or dataset_meta_from_config(cfg, 'train')
        self.model.cfg = cfg
        self.device = torch.device(device or ('cuda' if torch.cuda.is_available() else 'cpu'))
        self.model.to(self.device)
        self.top_down = cfg.model.type == 'TopdownPoseEstimator'
        rules = _rules(cfg)
        self.score_mode, self.score_thr = rules['score_mode'], rules['keypoint_score_thr']
        self._nms, self._nms_thr = _nms(rules['nms_mode']), rules['nms_thr']
        self.nms = f'{rules["nms_mode"]} {self._nms_thr:g}' if self._nms else 'none'
        self.sigmas = tuple(map(float, self.model.dataset_meta['sigmas']))

    def predict(self, pictures, ids, boxes, scores, category: int) -> list[dict]:
        """COCO results.

        Args:
            pictures: (H, W, 3) uint8 BGR.
            ids: of the pictures.
            boxes, scores: (n, 4) ``xyxy`` pixels and (n,) for each picture; None for networks that take none.
            category: category id.
        """
        from mmpose.apis import inference_bottomup, inference_topdown
        results = []
        for i, (image_id, picture) in enumerate(zip(ids, pictures)):
            if self.top_down:
                samples = [sample for start in range(0, len(boxes[i]), BATCH)
                           for sample in inference_topdown(self.model, picture, boxes[i][start:start + BATCH])]
                found = [(sample.pred_instances, boxes[i][n:n + 1], scores[i][n:n + 1],
                          np.prod(sample.gt_instances.bbox_scales, axis=1)) for n, sample in enumerate(samples)]
            else:
                instances = inference_bottomup(self.model, picture)[0].pred_instances
                found = [(instances, None, instances.get('bbox_scores'), None)] if len(instances) else []
            poses = [pose for part in found for pose in self._poses(*part, image_id)]
            kept = self._nms(poses, self._nms_thr, sigmas=np.array(self.sigmas)) if self._nms else range(len(poses))
            results += [dict(image_id=image_id, category_id=category, keypoints=poses[k]['keypoints'].ravel().tolist(),
                             bbox=poses[k]['bbox'].tolist(), score=float(poses[k]['score'])) for k in kept]
        return results

    def _poses(self, instances, boxes, box_scores, areas, image_id) -> list[dict]:
        """What MMPose's NMS takes, and the box."""
        keypoints, joint_scores = _array(instances.keypoints), _array(instances.keypoint_scores)
        box_scores = np.ones(len(keypoints)) if box_scores is None else _array(box_scores)
        around = np.concatenate([keypoints.min(1), keypoints.max(1)], 1)
        if areas is None:
            areas = np.prod(around[:, 2:] - around[:, :2], axis=1)
        ranks = self._ranks(joint_scores, box_scores)
        triples = np.concatenate([keypoints, joint_scores[..., None]], 2)
        if not (np.isfinite(triples).all() and np.isfinite(ranks).all()):
            raise AMFACError(f'{self.name} gives joints that are not finite in picture {image_id}')
        return [dict(keypoints=row, bbox=box, score=rank, area=area) for row, box, rank, area in zip(
            triples, xyxy_to_xywh(around if boxes is None else boxes), ranks, areas)]

    def _ranks(self, joint_scores, box_scores):
        """Score of each pose, (n,); joint scores of SimCC heads may lie above 1."""
        if self.score_mode == 'bbox':
            return box_scores
        if self.score_mode == 'keypoint':
            return joint_scores.mean(1)
        if self.score_mode == 'bbox_rle':
            return box_scores + joint_scores.mean(1) + joint_scores.max(1)
        return person_scores(joint_scores, box_scores, self.score_thr)


def _rules(cfg) -> dict:
    """Of the config's own evaluation; what it does not say is MMPose's default."""
    from mmpose.evaluation.metrics import CocoMetric
    evaluators = cfg.get('test_evaluator') or ()
    evaluators = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    own = next((e for e in evaluators if e.type == 'CocoMetric' or e.type is CocoMetric), {})
    known = signature(CocoMetric).parameters
    return {key: own.get(key, known[key].default) for key in ('score_mode', 'keypoint_score_thr', 'nms_mode',
                                                              'nms_thr')}


def _nms(mode: str):
    from mmpose.evaluation.functional import oks_nms, soft_oks_nms
    return {'none': None, 'oks_nms': oks_nms, 'soft_oks_nms': soft_oks_nms}[mode]


def _load(model, checkpoint, name: str) -> dict | None:
    """Load weights; returns the metainfo of their data set.

    Published checkpoints hold more than the network (teachers, counters), so only what is missing is an error.
    """
    from mmengine.runner import CheckpointLoader
    content = CheckpointLoader.load_checkpoint(str(checkpoint), 'cpu', logger='silent')
    state = content.get('state_dict', content)
    try:
        missing, _ = model.load_state_dict(state, strict=False)
    except RuntimeError as error:
        detail = next((line.strip() for line in str(error).splitlines()[1:] if line.strip()), error)
        raise AMFACError(f'{checkpoint} are not weights of {name}: {str(detail)[:200]}') from None
    missing = [key for key in missing if not key.endswith('num_batches_tracked')]
    if missing:
        raise AMFACError(f'{checkpoint} are not weights of {name}: {missing[0]} is missing')
    return (content.get('meta') or {}).get('dataset_meta')


def _array(values) -> np.ndarray:
    """As float64 numpy: some heads give tensors, others arrays."""
    return np.asarray(values.cpu() if hasattr(values, 'cpu') else values, np.float64)
