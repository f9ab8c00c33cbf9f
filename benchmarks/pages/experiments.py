"""The log of experiments: question, result, decision."""

from benchmarks import training
from benchmarks.pages.cells import Cell, Table, number, protocol, spread, text
from benchmarks.results import read

COLUMNS = ('experiment', 'question', 'samples', 'parameters (M)', 'GMACs', 'time', 'AP (95 %)',
           'to its reference (95 %)', 'decision')


def tables(results) -> list[Table]:
    """A table for each group of experiments with a row of today's config.

    Args:
        results: folder of the result files.
    """
    measured = {row['name']: row for row in read(results / 'training.json', 'training')}
    times, groups = {row['name']: row for row in _timed(results)}, {}
    for one in training.experiments().values():
        row = measured.get(one['name'])
        if row is not None and row['config_sha256'] == training.settings(one)['config_sha256']:
            groups.setdefault(one['group'], []).append(_cells(one, row, times.get(one['name'])))
    return [Table(group, group, [(name, '') for name in COLUMNS], rows) for group, rows in groups.items()]


def _cells(one: dict, row: dict, time: dict | None) -> list[Cell]:
    start, end = [text(one['name']), text(one['question'].strip())], text(one['decision'].strip())
    if 'reason' in row:
        return [*start, *[Cell()] * 4, text(row['reason']), Cell(), end]
    low, high = row['interval']['bounds']
    return [*start, Cell(f'{row["samples"]:,}', row['samples']), number(row['params'], 2, scale=1e-6),
            number(row['macs'], 3, scale=1e-9), Cell() if time is None else spread(time['ratio'], 2),
            text(f'{row["metrics"]["AP"]:.4f} ({low:.3f} to {high:.3f})'), text(_difference(row)), end]


def protocols(results) -> list[str]:
    """In words, each once."""
    rows = [row for row in read(results / 'training.json', 'training') if 'reason' not in row]
    return list(dict.fromkeys(
        f'{protocol(row["protocol"])}, trained on {row["environment"]["device"]}' for row in rows))


def page(results) -> str:
    """Markdown of all groups."""
    parts = [f'AP: {"; ".join(protocols(results))}.\n']
    timed = _timed(results)
    if timed:
        parts.append('Time: of the network alone in ONNX Runtime, one thread, one crop, as a multiple of RTMPose-m at '
                     f'256x192 (median, 10th to 90th percentile), on {timed[0]["environment"]["device"]}.\n')
    parts += [f'**{table.caption}**\n\n{table.markdown()}' for table in tables(results)]
    return '\n'.join(parts)


def _timed(results) -> list[dict]:
    """Rows of one thread and one crop in ONNX Runtime, where the networks of experiments were timed."""
    path = results / 'training_speed.json'
    return [row for row in (read(path, 'speed') if path.is_file() else ()) if 'reason' not in row and
            (row['backend'], row['threads'], row['batch']) == ('onnxruntime', 1, 1)]


def _difference(row) -> str:
    if 'difference' not in row:
        return ''
    found = row['difference']
    return (f'{found["AP"]:+.4f} ({found["bounds"][0]:+.3f} to {found["bounds"][1]:+.3f}), p = {found["p"]:.3f}, '
            f'to {found["to"]}')
