"""Training with what other models say."""

from mmpose_amfac.distillation.teacher_targets import TeacherTargets

__all__ = ['TeacherTargets']
