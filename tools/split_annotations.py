"""Split COCO key point annotations by picture; pictures that look alike stay together.

    python tools/split_annotations.py A.json --images DIR --train train.json --held held.json [--share 0.1]
        [--distance 12] [--same FIELD] [--seed 0]

Pictures look alike where their perceptual hashes (64 bits, imagehash.phash) differ in at most --distance bits, directly
or through others; those whose entries have the same FIELD, such as the id of a picture that they were cut from, belong
together as well. Groups are drawn at random until the held-out ones have --share of the pictures. Needs
pip install imagehash. Exit codes: 0; 2: a wrong call or file.
"""

import argparse
import random
import sys
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

import mmpose_amfac  # noqa: F401
from mmpose_amfac.errors import AMFACError, MissingPackageError, integer, number, one_line_errors
from mmpose_amfac.files import read_json, write_json

BITS = 64


def hashes(entries: list[dict], folder: Path) -> np.ndarray:
    """(n, 64) of -1 and 1: the perceptual hash of each picture."""
    try:
        import imagehash
    except ImportError as error:
        raise MissingPackageError('tools/split_annotations.py needs imagehash: pip install imagehash') from error
    from PIL import Image
    rows = []
    for entry in entries:
        try:
            with Image.open(folder / entry['file_name']) as picture:
                rows.append(imagehash.phash(picture.convert('RGB')).hash.ravel())
        except OSError as error:
            raise AMFACError(f'picture {folder / entry["file_name"]}: {error}') from None
    return np.float32(rows) * 2 - 1


def groups(signs: np.ndarray, distance: int, same=()) -> np.ndarray:
    """(n,) number of the group of each picture.

    Args:
        signs: of :func:`hashes`.
        distance: bits in which those of a group differ at most from one of it.
        same: of each picture, what it has in common with those that it belongs to, or nothing.
    """
    rows, columns = [], []
    for start in range(0, len(signs), 1024):
        near = (BITS - signs[start:start + 1024] @ signs.T) / 2 <= distance
        row, column = np.nonzero(near)
        rows.append(row + start)
        columns.append(column)
    first = {}
    pairs = [(i, first.setdefault(value, i)) for i, value in enumerate(same)]
    rows, columns = np.concatenate([*rows, [i for i, _ in pairs]]), np.concatenate([*columns, [j for _, j in pairs]])
    graph = coo_array((np.ones(len(rows), bool), (rows.astype(int), columns.astype(int))), (len(signs), len(signs)))
    return connected_components(graph, directed=False)[1]


def held_out(labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """(n,) whether a picture is held out."""
    order = list(range(labels.max() + 1))
    random.Random(seed).shuffle(order)
    counts = np.bincount(labels)[order]
    before = np.cumsum(counts) - counts
    return np.isin(labels, np.array(order)[before < share * len(labels)])


def part(content: dict, entries: list[dict]) -> dict:
    """The annotations of some pictures."""
    ids = {entry['id'] for entry in entries}
    return dict(content, images=entries,
                annotations=[one for one in content['annotations'] if one['image_id'] in ids])


def main(argv=None) -> int:
    """Write both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('annotations', type=Path, metavar='A.json')
    parser.add_argument('--images', type=Path, required=True, metavar='DIR', help='folder of the file names in it')
    parser.add_argument('--train', type=Path, required=True, metavar='train.json')
    parser.add_argument('--held', type=Path, required=True, metavar='held.json')
    parser.add_argument('--share', type=float, default=0.1, help='of the pictures, held out (default %(default)s)')
    parser.add_argument('--distance', type=int, default=12, help='bits (default %(default)s)')
    parser.add_argument('--same', metavar='FIELD', help='of the pictures, e.g. coco_id')
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args(argv)
    number('--share', args.share, 0, 1, low_itself=False)
    integer('--distance', args.distance, 0)
    if args.train.resolve() == args.held.resolve():
        raise AMFACError(f'--train and --held are both {args.train}')
    content = read_json(args.annotations, 'annotations')
    wanted = {'id', 'file_name', *([args.same] if args.same else [])}
    entries = content.get('images') if isinstance(content, dict) else None
    if not isinstance(entries, list) or not entries or not all(
            isinstance(entry, dict) and entry.keys() >= wanted for entry in entries):
        raise AMFACError(f'{args.annotations} must have images, each with {", ".join(sorted(wanted))}')
    if not isinstance(content.get('annotations'), list) or not all(
            isinstance(one, dict) and 'image_id' in one for one in content['annotations']):
        raise AMFACError(f'{args.annotations} must have annotations, each with image_id')
    if args.same and not all(isinstance(entry[args.same], (int, str)) for entry in entries):
        raise AMFACError(f'{args.annotations}: {args.same} of the images must be a number or a text')
    labels = groups(hashes(entries, args.images), args.distance, [entry[args.same] for entry in entries]
                    if args.same else ())
    held = held_out(labels, args.share, args.seed)
    if held.all():
        raise AMFACError(f'all {len(entries)} pictures look alike or belong together: nothing is left to train on; '
                         'give a smaller --distance')
    for path, chosen in ((args.train, ~held), (args.held, held)):
        made = part(content, [entry for entry, is_in in zip(entries, chosen) if is_in])
        write_json(path, made)
        print(f'{path}: {len(made["images"])} pictures, {len(made["annotations"])} annotations')
    print(f'{labels.max() + 1} groups, the largest of {np.bincount(labels).max()} pictures')
    return 0


if __name__ == '__main__':
    with one_line_errors('tools/split_annotations.py'):
        sys.exit(main())
