"""Pictures and videos in, :class:`~mmpose_amfac.poses.Poses` out."""

from mmpose_amfac.apis.boxes import BoxFile
from mmpose_amfac.apis.detectors import build_detector
from mmpose_amfac.apis.estimator import TorchEstimator
from mmpose_amfac.apis.predict import predict
from mmpose_amfac.apis.sources import Frame, open_source
from mmpose_amfac.apis.writers import DrawingWriter, JsonWriter

__all__ = ['BoxFile', 'DrawingWriter', 'Frame', 'JsonWriter', 'TorchEstimator', 'build_detector', 'open_source',
           'predict']
