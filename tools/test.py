"""Evaluate: ``python tools/test.py CONFIG CHECKPOINT`` or ``mim test mmpose_amfac CONFIG --checkpoint FILE``."""

import argparse
import os

from mmengine.config import DictAction

import mmpose_amfac  # noqa: F401  (at module level, so that spawned workers have it too)
from mmpose_amfac.errors import one_line_errors


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='weights')
    parser.add_argument('--work-dir', help='folder for logs (default: work_dirs/CONFIG)')
    parser.add_argument('--boxes', metavar='FILE', help='COCO detection results to evaluate with, instead of the '
                        'ground-truth boxes')
    parser.add_argument('--out', metavar='FILE.json', help='write the metrics and what they rest on here')
    parser.add_argument('--dump', metavar='FILE.pkl', help='write the raw predictions here')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
                        help='override config entries')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main():
    args = parse_args()
    import torch
    from mmengine.device import get_device
    from mmengine.runner import Runner

    from mmpose_amfac.apis.config import load_config
    from mmpose_amfac.apis.report import accuracy_report, cpu_name, protocol
    from mmpose_amfac.apis.weights import load_weights
    from mmpose_amfac.files import write_json
    from mmpose_amfac.memory import keep_memory

    cfg = load_config(args.config, args.cfg_options, args.work_dir, args.launcher)
    # what a config starts training from must not replace the weights under test
    cfg.load_from, cfg.resume = None, False
    if args.boxes:
        cfg.test_dataloader.dataset.bbox_file = args.boxes
    if args.dump:
        evaluators = cfg.test_evaluator if isinstance(cfg.test_evaluator, list) else [cfg.test_evaluator]
        cfg.test_evaluator = [*evaluators, dict(type='DumpResults', out_file_path=args.dump)]
    if get_device() == 'cpu':
        keep_memory()
    runner = Runner.from_cfg(cfg)
    load_weights(runner.model, args.checkpoint, args.config)
    rules = protocol(cfg, runner.build_dataloader(cfg.test_dataloader).dataset) if args.out else None
    metrics = runner.test()
    if args.out and runner.rank == 0:
        device = torch.cuda.get_device_name() if torch.cuda.is_available() else cpu_name()
        write_json(args.out, accuracy_report(cfg, metrics, rules, args.checkpoint, device))


if __name__ == '__main__':
    with one_line_errors('test.py'):
        main()
