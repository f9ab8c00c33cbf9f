"""Inference without PyTorch."""

from mmpose_amfac.runtime.detector import OnnxDetector

__all__ = ['OnnxDetector']
