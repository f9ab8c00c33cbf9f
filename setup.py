"""Packaging: configs, tools and the model index travel as ``mmpose_amfac/.mim``, where mim and MMPose look for them."""

import re
import shutil
import sys
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
PACKAGE = ROOT / 'mmpose_amfac'
MIM_ITEMS = ('configs', 'tools', 'model-index.yml')


def requirements(name):
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


def fill_mim_folder():
    """Copy for wheels and sdists; link for editable installs, so that an edited config is the one that is used."""
    commands = set(sys.argv)
    editable = bool(commands & {'develop', 'editable_wheel'})
    if not editable and not commands & {'bdist_wheel', 'sdist', 'install', 'build', 'build_py'}:
        return
    if not (ROOT / 'configs').is_dir():  # building from an sdist that already holds .mim
        return
    # an older build must not lend its files to this one
    shutil.rmtree(ROOT / 'build' / 'lib', ignore_errors=True)
    target = PACKAGE / '.mim'
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for item in MIM_ITEMS:
        source = ROOT / item
        if editable:
            (target / item).symlink_to(Path('..') / '..' / item)
        elif source.is_dir():
            shutil.copytree(source, target / item, ignore=shutil.ignore_patterns('__pycache__'))
        else:
            shutil.copy2(source, target / item)


if __name__ == '__main__':
    fill_mim_folder()
    setup(
        name='mmpose_amfac',
        version=re.search(r"__version__ = '(.+)'", (PACKAGE / '__init__.py').read_text()).group(1),
        description='AMFACPose, light-weight human pose estimation, as MMPose modules',
        long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
        long_description_content_type='text/markdown',
        license='Apache-2.0',
        classifiers=[
            'License :: OSI Approved :: Apache Software License',
            'Programming Language :: Python :: 3',
            'Topic :: Scientific/Engineering :: Image Recognition',
        ],
        python_requires='>=3.10',
        packages=find_packages(include=['mmpose_amfac', 'mmpose_amfac.*']),
        package_data={'mmpose_amfac': ['weights/*', '.mim/*', '.mim/**/*']},
        include_package_data=True,
        install_requires=['wrapt>=1.14'],
        extras_require={
            'runtime': requirements('runtime'),
            'demo': requirements('demo'),
            'deploy': requirements('deploy'),
            'test': requirements('test'),
        },
        entry_points={'console_scripts': ['amfacpose=mmpose_amfac.cli.main:main']},
        zip_safe=False,
    )
