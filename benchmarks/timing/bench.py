"""Times of systems, a group of back ends at a time, and the rows that tell them."""

import gc
from functools import cache

import numpy as np

from benchmarks import zoo
from benchmarks.models import nets
from benchmarks.models.exports import Folder
from benchmarks.record import environment, load
from benchmarks.results import RESULTS, CannotRunError, Results, read, reason_of
from benchmarks.timing import roofline
from benchmarks.timing.agreement import WrongOutputError
from benchmarks.timing.opened import TORCH, Run, open_candidate
from benchmarks.timing.rounds import interleaved, spread
from mmpose_amfac.errors import AMFACError

BASE = 'rtmpose-m_8xb256-420e_coco-256x192'
LEAST = 7
# a 90th percentile that is so many times the 10th is measured once more
WIDE = 1.5
# back end -> modules beside torch
MODULES = dict(onnxruntime=('onnxruntime', ), openvino=('openvino', ), tensorrt=('onnxruntime', 'tensorrt'))
# seconds between calls with several threads: those of the call before spin for a while
PAUSE = 0.01
# stands in the file while a group is measured, and for good where the system ended the process
ENDED = 'the process ended while this was measured (out of memory?); --again tries it once more'


class Bench:
    """Measures systems one after the other; what is open of the base stays open.

    Args:
        args: of the command line.
        results: rows go here.
        int8: keys of the systems that are timed in int8 as well.

    Attributes:
        failed: something that should work did not.
    """

    def __init__(self, args, results: Results, int8: set[str]):
        self.args, self.results, self.int8, self.failed = args, results, int8, False
        self._base, self._open = Folder(args.files, zoo.find(BASE)), {}
        device = None
        if args.device != 'cpu':
            import torch
            device = torch.cuda.get_device_name(args.device)
        # versions of what takes part in a row, whatever else is asked for
        self._environments = {backend: environment('torch', 'mmpose', 'mmdet', 'mmdeploy', *MODULES.get(backend, ()),
                                                   device=device) for backend in args.backends}
        self._ended = set() if args.again else {row['id'] for row in results.rows if row.get('reason') == ENDED}

    def close(self) -> None:
        """Close the base, and delete its files unless they are to be kept."""
        self._open.clear()
        if not self.args.keep:
            self._base.remove()

    def measure(self, systems: list[zoo.System]) -> None:
        """All rows of systems that share a network."""
        args = self.args
        folder = Folder(args.files, systems[0])
        for threads in args.threads if args.device == 'cpu' else args.threads[:1]:
            for batch in args.batches:
                runs = self._runs(systems, threads, batch)
                missing = [(system, run) for system in systems for run in runs if not self._there(system, run)]
                missing = self._copied(systems, missing)
                if missing:
                    self._measured(folder, missing, runs)
        if not args.keep and folder.path != self._base.path:
            folder.remove()

    def _runs(self, systems, threads: int, batch: int) -> list[Run]:
        args = self.args
        form = 'deploy' if nets.ours(systems[0]) else 'as published'
        found = []
        for backend in args.backends:
            precision = args.precision if backend in TORCH else 'fp32'
            found.append(Run(backend, form, precision, threads, batch, args.device))
            if args.written and nets.ours(systems[0]):
                found.append(Run(backend, 'written', precision, threads, batch, args.device))
            if self.int8.intersection(map(key, systems)) and backend not in TORCH:
                found.append(Run(backend, form, 'int8', threads, batch, args.device))
        return found

    def _there(self, system: zoo.System, run: Run) -> bool:
        """The file has its figures, or has lost the process over it."""
        id = self._id(system, run)
        if id in self._ended:
            self.failed = True
        return id in self._ended or self._has_figures(system, run)

    def _has_figures(self, system: zoo.System, run: Run) -> bool:
        return self.results.has_figures(self._id(system, run), self._environments[run.backend])

    def _id(self, system: zoo.System, run: Run) -> str:
        return (f'{key(system)} {run.backend} {run.form} {run.precision} {run.threads}t b{run.batch} '
                f'{self._environments[run.backend]["device"]}')

    def _copied(self, systems, missing) -> list:
        """What is still missing after rows of another system with the same network were taken over, as they are."""
        rest = []
        for system, run in missing:
            there = next((other for other in systems if self._has_figures(other, run)), None)
            if there is None:
                rest.append((system, run))
                continue
            known = self.results[self._id(there, run)]
            self.results.add(dict(known, **_about(system), id=self._id(system, run),
                                  measured_as=known.get('measured_as', known['name'])))
        return rest

    def _measured(self, folder: Folder, missing: list, runs: list[Run]) -> None:
        """Measure a group, and put it into the file, which says so meanwhile: the system may end the process."""
        def add(rows):
            self.results.add(*({**rows[run], **_about(system), 'id': self._id(system, run),
                                'environment': self._environments[run.backend], **(
                                    {} if system is folder.system or 'reason' in rows[run]
                                    else dict(measured_as=key(folder.system)))} for system, run in missing))

        wanted = list(dict.fromkeys(run for _, run in missing))
        add({run: dict(_settings(run), reason=ENDED) for run in wanted})
        try:
            rows = self._group(folder, wanted, runs)
        except BaseException:
            add({run: dict(_settings(run), reason='the measurement was interrupted') for run in wanted})
            raise
        add(rows)

    def _group(self, folder: Folder, wanted: list[Run], runs: list[Run]) -> dict[Run, dict]:
        """One interleaved run of a system's back ends with the base in each of them."""
        import torch
        torch.set_num_threads(wanted[0].threads)
        eager = next((run for run in runs if run.backend == 'eager' and run.form != 'written'), None)
        candidates, rows = {}, {}
        for run in dict.fromkeys([*wanted, *filter(None, [eager])]):
            rows[run] = _settings(run)
            try:
                candidates[run] = self._candidate(folder, run)
            except Exception as error:
                rows[run]['reason'] = self._reason(error)
        try:
            self._time(folder, candidates, rows, eager)
        except Exception as error:
            for run in candidates:
                rows[run] = dict(_settings(run), reason=f'while the group was timed: {self._reason(error)}')
        candidates.clear()
        gc.collect()
        return {run: rows[run] for run in wanted}

    def _candidate(self, folder: Folder, run: Run):
        self._affordable(folder.system, run)
        of_base = folder.path == self._base.path and run == _base_run(run)
        candidate = self._of_base(run) if of_base else open_candidate(folder, run)
        if candidate.seconds > self.args.longest:
            raise CannotRunError(f'a call takes {candidate.seconds:.2g} s, longer than --longest {self.args.longest:g}')
        self._of_base(run)
        return candidate

    def _reason(self, error: Exception) -> str:
        """One line; what is neither a back end nor a network without something is a failure."""
        self.failed |= isinstance(error, WrongOutputError) or not isinstance(error, AMFACError)
        return reason_of(error)

    def _time(self, folder: Folder, timed: dict, rows: dict, eager) -> None:
        """Put the times of the candidates into the rows."""
        if not timed:
            return
        bases = {('base', run.backend): self._of_base(run) for run in timed}
        calls = {name: candidate.call for name, candidate in {**timed, **bases}.items()}
        once = sum(candidate.seconds for candidate in (*timed.values(), *bases.values()))
        rounds = int(min(self.args.rounds, max(LEAST, self.args.seconds / once)))
        pause, before = PAUSE if next(iter(timed)).threads > 1 else 0, load()
        found = interleaved(calls, rounds, warm_up=0, pause=pause)
        if _width(found) > WIDE:
            found = min(found, interleaved(calls, rounds, warm_up=0, pause=pause), key=_width)
        common = dict(rounds=rounds, load=before,
                      scope='network and NMS' if nets.finds_people(folder.system) else 'network')
        for run, candidate in timed.items():
            own = found[run]
            rows[run] |= candidate.row | common | dict(ms=spread(own * 1e3),
                                                       ratio=spread(own / found['base', run.backend]))
            if rows[run].get('roofline_ms', 0) > rows[run]['ms'][0]:
                # the machine was slower when its rates were measured
                del rows[run]['roofline_ms']
            wide = _width({run: own})
            if wide > WIDE:
                said = f'measured twice, the 90th percentile of its times is {wide:.1f} times the 10th'
                rows[run]['note'] = '; '.join([*filter(None, [rows[run].get('note')]), said])
            if eager in timed and run != eager and run.precision == eager.precision:
                rows[run]['speedup_over_eager'] = spread(found[eager] / own)

    def _affordable(self, system, run: Run) -> None:
        """So long take the products alone, whatever runs them."""
        if run.device != 'cpu' or run.precision != 'fp32' or gmacs(system) == float('inf'):
            return
        least = gmacs(system) * 1e9 * run.batch / roofline.rates(run.threads).macs_per_second
        # the rate may have been measured at a busy moment
        if least > 2 * self.args.longest:
            raise CannotRunError(f'a call takes about {least:.2g} s by its multiply-accumulates, longer than '
                                 f'--longest {self.args.longest:g}')

    def _of_base(self, run: Run):
        run = _base_run(run)
        if run not in self._open:
            try:
                self._open[run] = open_candidate(self._base, run)
            except Exception as error:
                self._open[run] = error
        found = self._open[run]
        if isinstance(found, Exception):
            raise AMFACError(f'{BASE}, which all are compared with, in {run.backend}: {self._reason(found)}')
        return found


def key(system: zoo.System) -> str:
    """Its name; configs of the caller, of which several may have the name of one of the zoo, with their digest."""
    return f'{system.name}@{nets.identity(system)[:8]}' if system.source == 'file' else system.name


@cache
def _counted() -> dict[str, float]:
    return {row['name']: row['macs'] / 1e9 for row in read(RESULTS / 'complexity.json', 'complexity')
            if 'macs' in row}


def gmacs(system: zoo.System) -> float:
    """Multiply-accumulates, 1e9; infinite where they were not counted, for configs of the caller."""
    return _counted().get(key(system), float('inf'))


def _base_run(run: Run) -> Run:
    return run._replace(form='as published', precision=run.precision if run.backend in TORCH else 'fp32')


def _settings(run: Run) -> dict:
    return dict(backend=run.backend, form=run.form, precision=run.precision, threads=run.threads, batch=run.batch,
                seed=0)


def _about(system: zoo.System) -> dict:
    return dict(name=key(system), system=system.system, paradigm=system.paradigm, input=list(system.input_size))


def _width(found: dict) -> float:
    """The largest quotient of the 90th and the 10th percentile."""
    return max(float(np.divide(*np.percentile(seconds, (90, 10)))) for seconds in found.values())
