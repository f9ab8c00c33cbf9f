"""Time of the systems of the comparison on this machine, as quotients to RTMPose-m of the same rounds.

    python -m benchmarks.speed [NAME | CONFIG.py ...] [--family-small | --all] [--backends eager onnxruntime ...]
        [--threads 1 2] [--batches 1 8 32] [--rounds N] [--seconds S] [--int8 NAME ...] [--written] [--files DIR]
        [--keep] [--device cpu|cuda] [--out FILE.json]

Random weights: speed does not depend on them. Every file is written by MMDeploy, or by torch.onnx alone where MMDeploy
does not export the network, and compared with torch before its time counts. For each system, number of threads and
batch all back ends run in turns with RTMPose-m in the same back ends. Systems that share a network are timed once.
Rows that the file has already are not measured again. What cannot run, or would take longer than --seconds, gets a row
with the reason. Exit code 1: a file was written and does not compute what torch computes.
"""

import argparse
import gc
import sys
from functools import cache
from pathlib import Path

from tqdm import tqdm

from benchmarks import zoo
from benchmarks.models import nets
from benchmarks.models.exports import Folder
from benchmarks.record import environment, load
from benchmarks.results import RESULTS, Results, read
from benchmarks.timing import roofline
from benchmarks.timing.opened import BACKENDS, TORCH, WARM_UP, Run, open_candidate
from benchmarks.timing.rounds import interleaved, spread
from mmpose_amfac.errors import AMFACError, integer, number, one_line_errors

FILES = Path('work_dirs/benchmarks')
BASE = 'rtmpose-m_8xb256-420e_coco-256x192'
LEAST = 5
# seconds between calls with several threads: those of the call before spin for a while
PAUSE = 0.01
WRONG = 'no time is taken'


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=__doc__.rpartition('\n\n')[2])
    parser.add_argument('names', nargs='*', metavar='NAME|CONFIG.py', help='default: the smallest of each family')
    parser.add_argument('--family-small', action='store_true', help='the smallest network of each family as well')
    parser.add_argument('--all', action='store_true', help='every system that has a config')
    parser.add_argument('--backends', nargs='+', choices=BACKENDS, default=['eager', 'onnxruntime', 'openvino'],
                        help='graph: a CUDA graph of the eager network')
    parser.add_argument('--threads', nargs='+', type=int, default=[1, 2])
    parser.add_argument('--batches', nargs='+', type=int, default=[1])
    parser.add_argument('--rounds', type=int, default=30, help=f'at most; at least {LEAST} (default %(default)s)')
    parser.add_argument('--seconds', type=float, default=20,
                        help='for the rounds of a system, thread count and batch (default %(default)s)')
    parser.add_argument('--int8', nargs='+', default=[], metavar='NAME', help='of these in int8 as well')
    parser.add_argument('--written', action='store_true', help='our networks without rewrites as well')
    parser.add_argument('--device', default='cpu', help='cpu, or cuda (default %(default)s)')
    parser.add_argument('--precision', choices=('fp32', 'bf16', 'fp16'), default='fp32', help='of torch')
    parser.add_argument('--files', type=Path, default=FILES, help='folder for ONNX files (default %(default)s)')
    parser.add_argument('--keep', action='store_true', help='leave the files there')
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    args = parser.parse_args(argv)
    for field in ('threads', 'batches'):
        for value in getattr(args, field):
            integer(f'--{field}', value)
    integer('--rounds', args.rounds, LEAST)
    number('--seconds', args.seconds, 0, low_itself=False)
    import torch
    if args.device.startswith('cuda') and not torch.cuda.is_available():
        raise AMFACError(f'--device {args.device}: torch finds no CUDA device here')
    results, networks = Results(args.out, 'speed'), chosen(args)
    bench, before = Bench(args, results), torch.get_num_threads()
    try:
        for systems in tqdm(networks, desc='networks', disable=None, leave=False):
            bench.measure(systems)
    finally:
        torch.set_num_threads(before)
        bench.close()
    show(results.rows)
    return int(any(WRONG in row.get('reason', '') for row in results.rows))


def chosen(args) -> list[list[zoo.System]]:
    """Systems to time; those that share a network stand together."""
    found = [zoo.of_config(name) if name.endswith('.py') else zoo.find(name) for name in [*args.names, *args.int8]]
    every = [system for system in zoo.systems().values() if system.source]
    if args.all:
        found += every
    if args.family_small or not found:
        found += representatives()
    networks = {}
    for system in dict.fromkeys(system.name for system in found):
        system = next(s for s in found if s.name == system)
        networks.setdefault(nets.identity(system), []).append(system)
    return list(networks.values())


def representatives() -> list[zoo.System]:
    """Of each family, and of each kind of backbone within heatmap networks, the system with the fewest MACs."""
    best = {}
    for system in zoo.systems().values():
        # networks for CrowdPose have fewer joints, and few systems have one
        if system.source and 'crowdpose' not in system.name:
            # td-hm_hrnet-w32_... -> hrnet
            kind = system.name.split('_')[1].split('-')[0].rstrip('0123456789') if system.paradigm == 'td-heatmap' \
                else ''
            key = (system.family, system.paradigm, kind)
            if key not in best or _gmacs(system) < _gmacs(best[key]):
                best[key] = system
    return list(best.values())


@cache
def _counted() -> dict[str, float]:
    return {row['name']: row['macs'] / 1e9 for row in read(RESULTS / 'complexity.json', 'complexity')}


def _gmacs(system: zoo.System) -> float:
    """Multiply-accumulates, 1e9; infinite where they were not counted, for configs of the caller."""
    return _counted().get(system.name, float('inf'))


class Bench:
    """Measures systems one after the other; what is open of the base stays open.

    Args:
        args: of the command line.
        results: rows go here.
    """

    def __init__(self, args, results: Results):
        self.args, self.results = args, results
        self._base, self._open = Folder(args.files, zoo.find(BASE)), {}
        packages = ['torch', 'mmpose', 'mmdet', 'mmdeploy', *{'onnxruntime', 'openvino'}.intersection(args.backends)]
        device = None
        if args.device.startswith('cuda'):
            import torch
            device = torch.cuda.get_device_name(args.device)
        self._environment = environment(*packages, device=device)

    def close(self) -> None:
        """Close the base, and delete its files unless they are to be kept."""
        self._open.clear()
        if not self.args.keep:
            self._base.remove()

    def measure(self, systems: list[zoo.System]) -> None:
        """All rows of systems that share a network."""
        first, args = systems[0], self.args
        folder = Folder(args.files, first)
        for threads in args.threads if args.device == 'cpu' else args.threads[:1]:
            for batch in args.batches:
                runs = self._runs(systems, threads, batch)
                wanted = [run for run in runs if any(_id(s, run) not in self.results for s in systems)]
                if not wanted:
                    continue
                rows = self._known(systems, wanted) or self._group(folder, wanted, runs)
                self.results.add(*({**row, **_about(system), 'id': _id(system, run), 'environment': self._environment,
                                    **({} if system is first or 'reason' in row else dict(measured_as=first.name))}
                                   for run, row in rows.items() for system in systems))
        if not args.keep and folder.path != self._base.path:
            folder.remove()

    def _runs(self, systems, threads: int, batch: int) -> list[Run]:
        args, names = self.args, {system.name for system in systems}
        form = 'deploy' if nets.ours(systems[0]) else 'as published'
        found = []
        for backend in args.backends:
            precision = args.precision if backend in TORCH else 'fp32'
            found.append(Run(backend, form, precision, threads, batch, args.device))
            if args.written and nets.ours(systems[0]):
                found.append(Run(backend, 'written', precision, threads, batch, args.device))
            if names & set(args.int8) and backend not in TORCH:
                found.append(Run(backend, form, 'int8', threads, batch, args.device))
        return found

    def _known(self, systems, wanted) -> dict:
        """Rows of a system of the same network that the file has, where it has all of them."""
        rows = {row['id']: row for row in self.results.rows}
        for system in systems:
            if all(_id(system, run) in rows for run in wanted):
                return {run: {key: value for key, value in rows[_id(system, run)].items() if key != 'measured_as'}
                        for run in wanted}
        return {}

    def _group(self, folder: Folder, wanted: list[Run], runs: list[Run]) -> dict[Run, dict]:
        """One interleaved run of a system's back ends with the base in each of them."""
        import torch
        torch.set_num_threads(wanted[0].threads)
        eager = next((run for run in runs if run.backend == 'eager' and run.form != 'written'), None)
        candidates, rows = {}, {}
        for run in dict.fromkeys([*wanted, *filter(None, [eager])]):
            settings = dict(backend=run.backend, route='torch' if run.backend in TORCH else 'mmdeploy', form=run.form,
                            precision=run.precision, threads=run.threads, batch=run.batch, seed=0)
            rows[run] = dict(settings)
            try:
                self._affordable(folder.system, run)
                base = self._of_base(run)
                candidates[run] = base if folder.path == self._base.path and run == _base_run(run) else \
                    open_candidate(folder, run)
            except AMFACError as error:
                rows[run]['reason'] = str(error).splitlines()[0][:400]
        self._time(folder, candidates, rows, eager)
        candidates.clear()
        gc.collect()
        return {run: rows[run] for run in wanted}

    def _time(self, folder: Folder, candidates: dict, rows: dict, eager) -> None:
        """Put the times of the candidates, or the reason why one was left out, into the rows."""
        timed = self._fitting(candidates, rows)
        if not timed:
            return
        calls = {run: candidate.call for run, candidate in timed.items()}
        calls |= {('base', run.backend): self._of_base(run).call for run in timed}
        once = sum(candidate.seconds for candidate in timed.values()) + sum(
            self._of_base(run).seconds for run in {run.backend: run for run in timed}.values())
        rounds = int(min(self.args.rounds, max(LEAST, self.args.seconds / once - 1)))
        found = interleaved(calls, rounds, warm_up=1, pause=PAUSE if next(iter(timed)).threads > 1 else 0)
        common = dict(rounds=rounds, warm_up=WARM_UP + 1, load=load(),
                      scope='network and NMS' if nets.finds_people(folder.system) else 'network')
        for run, candidate in timed.items():
            own = found[run]
            rows[run] |= candidate.row | common | dict(ms=spread(own * 1e3),
                                                       ratio=spread(own / found['base', run.backend]))
            if eager in timed and run != eager:
                rows[run]['speedup_over_eager'] = spread(found[eager] / own)

    def _fitting(self, candidates: dict, rows: dict) -> dict:
        """Without the slowest, as long as the least number of rounds takes too long."""
        timed, most = dict(candidates), self.args.seconds
        while timed and LEAST * sum(candidate.seconds for candidate in timed.values()) > most:
            slowest = max(timed, key=lambda run: timed[run].seconds)
            rows[slowest]['reason'] = (f'{LEAST} rounds with a call of {timed.pop(slowest).seconds:.2g} s do not fit '
                                       f'into --seconds {most:g}')
        return timed

    def _affordable(self, system, run: Run) -> None:
        """A bound from below: so long take the products alone, whatever runs them."""
        if run.device != 'cpu' or _gmacs(system) == float('inf'):
            return
        least = _gmacs(system) * 1e9 * run.batch / roofline.rates(run.threads).macs_per_second
        if run.precision == 'fp32' and LEAST * least > self.args.seconds:
            raise AMFACError(f'{LEAST} rounds with a call of at least {least:.2g} s, by its multiply-accumulates, do '
                             f'not fit into --seconds {self.args.seconds:g}')

    def _of_base(self, run: Run):
        run = _base_run(run)
        if run not in self._open:
            try:
                self._open[run] = open_candidate(self._base, run)
            except AMFACError as error:
                self._open[run] = error
        if isinstance(self._open[run], AMFACError):
            raise self._open[run]
        return self._open[run]


def _base_run(run: Run) -> Run:
    return run._replace(form='as published', precision=run.precision if run.backend in TORCH else 'fp32')


def _id(system: zoo.System, run: Run) -> str:
    return f'{system.name} {run.backend} {run.form} {run.precision} {run.threads}t b{run.batch} {run.device}'


def _about(system: zoo.System) -> dict:
    return dict(name=system.name, system=system.system, paradigm=system.paradigm, input=list(system.input_size))


def show(rows: list[dict]) -> None:
    """A table of all rows."""
    print(f'{"":56s} {"back end":12s} {"":18s} ms median [p10, p90]      ratio  over eager')
    for row in rows:
        start = f'{row["name"]:56s} {row["backend"]:12s} {row["precision"]} {row["threads"]}t b{row["batch"]:<3d}'
        if 'reason' in row:
            print(f'{start} {row["reason"]}')
            continue
        ms, gain = row['ms'], row.get('speedup_over_eager')
        print(f'{start} {row["form"][:8]:8s} {ms[0]:9.2f} [{ms[1]:8.2f}, {ms[2]:8.2f}] {row["ratio"][0]:7.2f} '
              f'{"" if gain is None else format(gain[0], "6.2f")}')


if __name__ == '__main__':
    with one_line_errors('benchmarks.speed'):
        sys.exit(main())
