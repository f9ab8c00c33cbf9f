"""What a converted file is compared with: the torch model, before any rewrite, on real pictures."""

from abc import ABC, abstractmethod

import torch


class Reference(ABC):
    """What both kinds share: the converted files, opened by MMDeploy, and a verdict.

    Attributes:
        example: a picture (H, W, 3) uint8 BGR to trace with.
        checkpoint: path of the weights.
        random: they were drawn.
        precision: ``'fp32'``, ``'fp16'`` or ``'int8'``; the last is judged by an AP, which is not measured here.
    """

    def __init__(self, deploy, task, model, checkpoint, random: bool):
        from mmdeploy.utils import get_precision
        self.deploy, self.task, self.model, self.checkpoint = deploy, task, model, str(checkpoint)
        self.random = random
        self.precision = get_precision(deploy).lower()

    def compare(self, files) -> dict:
        """Figures, ``status`` and ``reasons`` of back-end files."""
        wrapper = self.task.build_backend_model(files).wrapper
        name = self.deploy.onnx_config.input_names[0]

        def run(inputs):
            with torch.inference_mode():
                return [v.cpu() for v in wrapper.output_to_list(wrapper({name: inputs.to(self.task.device)}))]

        report = dict(status='passed', precision=self.precision, **self._figures(run))
        nothing = report.pop('nothing', False)
        if report['reasons']:
            report['status'] = 'rejected'
        elif nothing or self.precision == 'int8':
            report['status'] = 'unverified'
        return report

    def uncompared(self) -> dict:
        """What :meth:`compare` gives where nothing was compared."""
        return dict(status='unverified', precision=self.precision, samples='no pictures', reasons=[])

    @abstractmethod
    def _figures(self, run) -> dict:
        """What the comparison found; ``reasons`` for a rejection, ``nothing`` where nothing could be compared."""
