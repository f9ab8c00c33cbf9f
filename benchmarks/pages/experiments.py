"""The log of experiments: question, result, decision."""

from benchmarks import training
from benchmarks.pages.cells import protocol
from benchmarks.results import read


def log(results) -> list[tuple[str, list[str], list[list]]]:
    """For each group of experiments with a row of today's config: its name, the header and the lines.

    Args:
        results: folder of the result files.
    """
    measured = {row['name']: row for row in read(results / 'training.json', 'training')}
    groups = {}
    for one in training.experiments().values():
        row = measured.get(one['name'])
        if row is None or row['config_sha256'] != training.settings(one)['config_sha256']:
            continue
        cells = [one['name'], one['question'].strip()]
        if 'reason' in row:
            cells += ['', row['reason'], '']
        else:
            low, high = row['interval']['bounds']
            cells += [f'{row["samples"]:,}', f'{row["metrics"]["AP"]:.4f} ({low:.3f} to {high:.3f})', _difference(row)]
        groups.setdefault(one['group'], []).append([*cells, one['decision'].strip()])
    header = ['experiment', 'question', 'samples', 'AP (95 %)', 'to its reference (95 %)', 'decision']
    return [(group, header, lines) for group, lines in groups.items()]


def protocols(results) -> list[str]:
    """In words, each once."""
    rows = [row for row in read(results / 'training.json', 'training') if 'reason' not in row]
    return list(dict.fromkeys(
        f'{protocol(row["protocol"])}, trained on {row["environment"]["device"]}' for row in rows))


def _difference(row) -> str:
    if 'difference' not in row:
        return ''
    found = row['difference']
    return (f'{found["AP"]:+.4f} ({found["bounds"][0]:+.3f} to {found["bounds"][1]:+.3f}), p = {found["p"]:.3f}, '
            f'to {found["to"]}')
