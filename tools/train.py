"""Train a model: ``python tools/train.py CONFIG`` or ``mim train mmpose_amfac CONFIG``."""

import argparse
import os

from mmengine.config import DictAction

import mmpose_amfac  # noqa: F401  (at module level, so that spawned workers have it too)
from mmpose_amfac.errors import AMFACError, one_line_errors


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints (default: work_dirs/CONFIG)')
    parser.add_argument('--resume', nargs='?', const='auto', metavar='CHECKPOINT',
                        help='go on from this checkpoint, or from the newest one in the work dir')
    parser.add_argument('--amp', action='store_true', help='bfloat16 autocast, on a GPU or a CPU that has it')
    parser.add_argument('--no-validate', action='store_true', help='do not evaluate during training')
    parser.add_argument('--auto-scale-lr', action='store_true', help='scale the learning rate to the real batch size')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE',
                        help='override config entries')
    parser.add_argument('--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none')
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return args


def main():
    args = parse_args()
    from mmengine.runner import Runner, find_latest_checkpoint

    from mmpose_amfac.apis.config import load_config, use_autocast

    cfg = load_config(args.config, args.cfg_options, args.work_dir, args.launcher)
    checkpoint = find_latest_checkpoint(cfg.work_dir) if args.resume == 'auto' else args.resume
    if checkpoint:  # else a fresh work dir: start as the config says
        cfg.resume = True
        cfg.load_from = checkpoint
    if args.amp:
        use_autocast(cfg)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.auto_scale_lr:
        if not cfg.get('auto_scale_lr', {}).get('base_batch_size'):
            raise AMFACError('--auto-scale-lr needs auto_scale_lr = dict(base_batch_size=...) in the config')
        cfg.auto_scale_lr.enable = True
    Runner.from_cfg(cfg).train()


if __name__ == '__main__':
    with one_line_errors('train.py'):
        main()
