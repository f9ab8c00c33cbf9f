"""Registers our modules with MMPose's registries as soon as the part of MMPose that they extend is imported.

MMEngine's registries import that part by themselves when a name is looked up, so a bare ``type='AMFACHead'`` is found
without ``custom_imports``, in whichever order MMPose and this package are imported.
"""

from importlib import import_module


def models(module) -> None:
    import_module('mmpose_amfac.models')
    import_module('mmpose_amfac.distillation')


def codecs(module) -> None:
    import_module('mmpose_amfac.codecs')


def datasets(module) -> None:
    import_module('mmpose_amfac.datasets')


def engine(module) -> None:
    import_module('mmpose_amfac.engine')


def deployment(module) -> None:
    import_module('mmpose_amfac.deploy.rewrites').register(module)
