"""Which measured APs compare: rows that share all of a protocol but what belongs to the model."""

from benchmarks.pages.cells import protocol


def groups(rows) -> dict[str, dict[str, list[dict]]]:
    """Protocol in words -> model -> its rows, of which there is one unless other weights have the same name.

    Models that need no boxes stand beside those with boxes of each kind; how they score and thin out their own
    detections is part of them.

    Args:
        rows: of the kind ``accuracy``.
    """
    boxed, free = {}, {}
    for row in rows:
        if 'metrics' in row:
            p = row['protocol']
            found = free if p['boxes']['source'] == 'none' else boxed.setdefault(_rules(p), {})
            found.setdefault(protocol(p, counts=False, engine=False), []).append(row)
    taken, found = set(), {}
    for rules, by_words in boxed.items():
        beside = [(words, row) for words, of in free.items() for row in of if _rules(row['protocol']) == rules]
        taken |= {words for words, _ in beside}
        for words, own in by_words.items():
            found[words] = _by_model([*own, *(row for _, row in beside)])
    return found | {words: _by_model(own) for words, own in free.items() if words not in taken}


def usual(rows) -> tuple[str, dict[str, list[dict]]] | None:
    """The protocol with most models, ground-truth boxes and no flip test before others; None where there is none."""
    found = groups(rows)
    words = max(found, default=None, key=lambda words: (
        'boxes: ground truth' in words, len(found[words]), 'no flip test' in words))
    return words and (words, found[words])


def _rules(p) -> tuple:
    return tuple(p[key] for key in ('annotations_sha256', 'pictures', 'images', 'iou_type', 'use_area', 'flip_test'))


def _by_model(rows) -> dict[str, list[dict]]:
    found = {}
    for row in rows:
        found.setdefault(row['model'], []).append(row)
    return found
