"""Unpack the folder of real person crops for ``configs/real_data``.

    python tools/prepare_real_data.py FOLDER [--out data/real] [--only coco_dev ...]

FOLDER holds uncompressed tar shards (``NAME.tar`` or ``NAME-00.tar``, ...) and ``NAME*.json.gz`` annotations.
"""

import argparse
import gzip
import shutil
import tarfile
from pathlib import Path

import mmpose_amfac  # noqa: F401
from mmpose_amfac.files import atomic_path


def unpack(source: Path, out: Path, only=None) -> list[str]:
    """Unpack what ``only`` (name prefixes) selects; returns the names of the files that were read."""
    out.mkdir(parents=True, exist_ok=True)
    read = []
    for path in sorted([*source.glob('*.tar'), *source.glob('*.json.gz')]):
        if only and not path.name.startswith(tuple(only)):
            continue
        if path.suffix == '.tar':
            with tarfile.open(path) as archive:
                archive.extractall(out, filter='data')
        else:
            with gzip.open(path) as packed, atomic_path(out / path.stem) as target, open(target, 'wb') as file:
                shutil.copyfileobj(packed, file)
        read.append(path.name)
    return read


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('folder', type=Path)
    parser.add_argument('--out', type=Path, default=Path('data/real'))
    parser.add_argument('--only', nargs='+', help='name prefixes, e.g. coco_dev')
    args = parser.parse_args()
    if not args.folder.is_dir():
        parser.error(f'{args.folder} is not a folder')
    read = unpack(args.folder, args.out, args.only)
    if not read:
        parser.error(f'{args.folder} holds no .tar or .json.gz file that was asked for')
    print(f'{len(read)} files unpacked to {args.out}: {", ".join(read)}')


if __name__ == '__main__':
    main()
