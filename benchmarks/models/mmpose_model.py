"""Networks of MMPose, run by MMPose: crops, decoding and scores are those of its configs.

Poses that lie on one another are all kept (``nms_mode='none'``), as the evaluation of one-stage networks does.
"""

import warnings

import numpy as np

from benchmarks import zoo
from benchmarks.results import CannotRunError
from mmpose_amfac.errors import AMFACError
from mmpose_amfac.geometry import xyxy_to_xywh
from mmpose_amfac.poses import Poses

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
        self.score_mode = _score_mode(cfg)
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
                found = [(sample.pred_instances, boxes[i][n:n + 1], scores[i][n:n + 1])
                         for n, sample in enumerate(samples)]
            else:
                instances = inference_bottomup(self.model, picture)[0].pred_instances
                found = [(instances, None, instances.get('bbox_scores'))] if len(instances) else []
            for instances, own, own_scores in found:
                results += self._results(instances, own, own_scores, image_id, category)
        return results

    def _results(self, instances, boxes, box_scores, image_id, category):
        keypoints, joint_scores = _array(instances.keypoints), _array(instances.keypoint_scores)
        box_scores = np.ones(len(keypoints)) if box_scores is None else _array(box_scores)
        if boxes is None:
            boxes = np.concatenate([keypoints.min(1), keypoints.max(1)], 1)
        ranks = self._ranks(keypoints, joint_scores, boxes, box_scores)
        triples = np.concatenate([keypoints, joint_scores[..., None]], 2)
        if not (np.isfinite(triples).all() and np.isfinite(ranks).all()):
            raise AMFACError(f'{self.name} gives joints that are not finite in picture {image_id}')
        return [dict(image_id=image_id, category_id=category, keypoints=row.ravel().tolist(), bbox=box.tolist(),
                     score=float(rank)) for row, box, rank in zip(triples, xyxy_to_xywh(boxes), ranks)]

    def _ranks(self, keypoints, joint_scores, boxes, box_scores):
        """Score of each pose, (n,)."""
        if self.score_mode == 'bbox':
            return box_scores
        if self.score_mode == 'keypoint':
            return joint_scores.mean(1)
        if self.score_mode == 'bbox_rle':
            return box_scores + joint_scores.mean(1) + joint_scores.max(1)
        return Poses(keypoints, joint_scores.clip(0, 1), boxes, box_scores.clip(0, 1)).scores


def _score_mode(cfg) -> str:
    """Of the config's own evaluation."""
    evaluators = cfg.get('test_evaluator') or ()
    evaluators = evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]
    return next((e.get('score_mode', 'bbox_keypoint') for e in evaluators if e.type == 'CocoMetric'), 'bbox_keypoint')


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
