from textwrap import dedent

import pytest


def test_the_import_is_light(python):
    # the plug-in may be imported at every start of Python, so it must not bring these along
    result = python("""
        import sys
        import mmpose_amfac
        print([name for name in ('torch', 'numpy', 'cv2', 'yaml', 'mmengine', 'mmcv', 'mmpose') if name in sys.modules])
    """)
    assert result.stdout == '[]\n', result.stderr


# what a complete installation has: only with it can MMPose be imported without us
COMPLETE = """
    import sys
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    import pycocotools.coco, pycocotools.cocoeval, pycocotools.mask
    for name in ('', '.coco', '.cocoeval', '.mask'):
        sys.modules['xtcocotools' + name] = sys.modules['pycocotools' + name]
    class Extension(ModuleType):
        def __getattr__(self, name):
            if name.startswith('__'):
                raise AttributeError(name)
            return print
    extension = sys.modules['mmcv._ext'] = Extension('mmcv._ext')
    extension.__spec__ = ModuleSpec('mmcv._ext', loader=None)
    import mmpose.models, mmpose.datasets, mmpose.engine, mmpose.codecs
    assert 'mmpose_amfac' not in sys.modules
"""
ORDERS = {
    'before': '',
    'before, by our modules': 'import mmpose_amfac.models, mmpose_amfac.engine',
    'after the registries': 'import mmpose.registry, mmengine.runner, mmengine.infer',
    'after MMPose': COMPLETE,
}


@pytest.mark.slow
@pytest.mark.parametrize('order', ORDERS)
def test_bare_names_are_found_in_either_order(python, order):
    result = python(dedent(ORDERS[order]) + dedent("""
        import mmpose_amfac
        from mmengine import registry
        found = []
        for kind, name in (('MODELS', 'AMFACHead'), ('HOOKS', 'ProtocolHook'), ('TRANSFORMS', 'SeededAugmentation'),
                           ('OPTIM_WRAPPERS', 'AutocastOptimWrapper')):
            with getattr(registry, kind).switch_scope_and_registry('mmpose') as mmpose_registry:
                found.append(mmpose_registry.get(name))
        from mmpose.registry import KEYPOINT_CODECS
        found.append(KEYPOINT_CODECS.get('AMFACSimCCLabel'))
        print([kind and kind.__module__.split('.')[0] for kind in found])
    """))
    assert result.stdout.splitlines()[-1:] == [str(['mmpose_amfac'] * 5)], result.stderr[-2000:]


@pytest.mark.slow
def test_spawned_workers_know_our_modules(python):
    # a spawned worker imports the script again, and with it the plug-in, before it unpickles MMPose's classes
    result = python("""
        import mmpose_amfac
        from torch.utils.data import DataLoader, Dataset

        class Names(Dataset):
            def __len__(self):
                return 2

            def __getitem__(self, index):
                from mmpose.registry import KEYPOINT_CODECS, MODELS
                return MODELS.get('AMFACHead').__name__, KEYPOINT_CODECS.get('AMFACSimCCLabel').__name__

        if __name__ == '__main__':
            for item in DataLoader(Names(), num_workers=1, multiprocessing_context='spawn', batch_size=None):
                print(item)
    """)
    assert result.stdout.count("AMFACHead', 'AMFACSimCCLabel'") == 2, result.stderr[-2000:]
