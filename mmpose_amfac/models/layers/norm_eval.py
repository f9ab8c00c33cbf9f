"""Batch norm that keeps its statistics."""

from torch.nn.modules.batchnorm import _BatchNorm


class NormEval:
    """Mixin: with ``self.norm_eval`` every batch norm stays in evaluation mode while the rest trains."""

    norm_eval = False

    def train(self, mode: bool = True):
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self
