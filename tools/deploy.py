"""Convert a model with MMDeploy and compare the result with torch.

    python tools/deploy.py DEPLOY_CONFIG MODEL_CONFIG CHECKPOINT --work-dir DIR
    mim run mmpose_amfac deploy DEPLOY_CONFIG MODEL_CONFIG CHECKPOINT --work-dir DIR

Deploy configs lie in configs/deploy. Exit code 0: the result is torch's, 1: it is not, 2: the call was wrong,
3: unverified (int8, random weights of a detector).
"""

import argparse
import logging
import sys
import warnings

import mmpose_amfac  # noqa: F401  (at module level, for processes that MMDeploy starts)
from mmpose_amfac.errors import one_line_errors


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], epilog=' '.join(__doc__.splitlines()[-2:]))
    parser.add_argument('deploy_config', help='one of configs/deploy')
    parser.add_argument('model_config', help='config file, or PACKAGE::NAME of an installed package, e.g. '
                        'mmpose::body_2d_keypoint/rtmpose/coco/rtmpose-m_8xb256-420e_coco-256x192.py')
    parser.add_argument('checkpoint', nargs='?', help='weights')
    parser.add_argument('--work-dir', required=True, help='folder for the files')
    parser.add_argument('--images', metavar='DIR', help='folder of pictures to compare on (default: photographs that '
                        'scikit-image installs)')
    parser.add_argument('--device', default='cpu', help='cpu, or cuda:0 for TensorRT')
    parser.add_argument('--dump-info', action='store_true', help="also write what MMDeploy's SDK reads")
    parser.add_argument('--random-weights', action='store_true', help='instead of CHECKPOINT, or as what it holds, to '
                        'measure speed: boxes are not judged then')
    parser.add_argument('--verbose', action='store_true', help='show what MMDeploy and MMEngine log')
    return parser.parse_args()


def main() -> int:
    args = parse_args()
    if not args.verbose:
        logging.disable(logging.WARNING)
        warnings.simplefilter('ignore')
    from mmpose_amfac.deploy.convert import convert, told
    from mmpose_amfac.deploy.verdict import exit_code
    done = convert(args.deploy_config, args.model_config, args.checkpoint, args.work_dir, args.images, args.device,
                   args.dump_info, args.random_weights)
    print(*told(done.report), *done.files, sep='\n')
    return exit_code(done.report)


if __name__ == '__main__':
    with one_line_errors('deploy.py'):
        sys.exit(main())
