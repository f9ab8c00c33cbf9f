"""Inference without PyTorch."""

from mmpose_amfac.runtime.detector import OnnxDetector, WholeImage
from mmpose_amfac.runtime.engines import open_engine
from mmpose_amfac.runtime.estimator import AMFACPose

__all__ = ['AMFACPose', 'OnnxDetector', 'WholeImage', 'open_engine']
