"""Time of networks in torch, on a GPU above all: eager, compiled, as a CUDA graph.

    python -m benchmarks.torch_speed [--device cuda] [--precision fp16] [--batches 1 8 64] [--out FILE.json]
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from benchmarks import nets
from benchmarks.record import environment, load
from benchmarks.timing import interleaved, spread
from mmpose_amfac.errors import AMFACError, one_line_errors
from mmpose_amfac.files import write_json

NETS = ('amfacpose-r34-384x288', 'amfacpose-r18-256x192', 'rtmpose-m-384x288', 'rtmpose-m-256x192')
MODES = ('eager', 'compile', 'graph')


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--nets', nargs='+', choices=nets.NETS, default=list(NETS), metavar='NAME')
    parser.add_argument('--device', default='cuda')
    parser.add_argument('--precision', choices=('fp32', 'bf16', 'fp16'), default='fp16')
    parser.add_argument('--modes', nargs='+', choices=MODES, default=list(MODES),
                        help='graph: a CUDA graph of the eager network (GPU only)')
    parser.add_argument('--batches', nargs='+', type=int, default=[1, 8, 64])
    parser.add_argument('--rounds', type=int, default=30)
    parser.add_argument('--out', type=Path, metavar='FILE.json')
    args = parser.parse_args(argv)
    import torch
    device = torch.device(args.device)
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise AMFACError(f'--device {args.device}: torch finds no CUDA device here')
    if 'graph' in args.modes and device.type != 'cuda':
        raise AMFACError('--modes graph needs --device cuda; allowed elsewhere: eager, compile')
    name = torch.cuda.get_device_name(device) if device.type == 'cuda' else None
    rows = []
    for batch in args.batches:
        candidates = {}
        for net in tqdm(args.nets, desc=f'batch {batch}', disable=None, leave=False):
            for mode in args.modes:
                candidates[net, mode] = candidate(net, mode, batch, device, args.precision)
        common = dict(environment('torch', 'mmpose', device=name), load=load())
        seconds = interleaved(candidates, args.rounds, warm_up=5)
        for (net, mode), values in seconds.items():
            rows.append(dict(net=net, weights='random, seed 0', input=list(nets.NETS[net].size), mode=mode, batch=batch,
                             precision=args.precision, threads=torch.get_num_threads(), ms=spread(values * 1e3),
                             people_per_second=round(batch / float(np.median(values)), 1), rounds=args.rounds,
                             **common))
            print(f'batch {batch:3d}  {net:22s} {mode:8s} {rows[-1]["ms"][0]:8.3f} ms  '
                  f'{rows[-1]["people_per_second"]:9.1f} people/s')
        if args.out:
            write_json(args.out, dict(rows=rows))
    return 0


def candidate(net: str, mode: str, batch: int, device, precision: str):
    """A function that runs the network once and waits for the device."""
    import torch

    from mmpose_amfac.deploy.fuse import switch_to_deploy
    dtype = dict(fp32=torch.float32, bf16=torch.bfloat16, fp16=torch.float16)[precision]
    model = nets.build(net)
    if nets.NETS[net].ours:
        switch_to_deploy(model, 'native')
    model = model.to(device, dtype).to(memory_format=torch.channels_last)
    inputs = torch.from_numpy(nets.noise(nets.NETS[net].size, batch)).to(device, dtype)
    inputs = inputs.to(memory_format=torch.channels_last)

    def forward(x):
        return model(x, None, mode='tensor')

    wait = torch.cuda.synchronize if device.type == 'cuda' else (lambda: None)
    run = torch.compile(forward) if mode == 'compile' else forward
    if mode == 'graph':
        run = _graph(forward, inputs)

    def once():
        with torch.inference_mode():
            run(inputs)
        wait()

    return once


def _graph(forward, inputs):
    import torch
    # allocations and the choice of kernels must be over before the capture
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side), torch.inference_mode():
        for _ in range(3):
            forward(inputs)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.inference_mode(), torch.cuda.graph(graph):
        forward(inputs)
    return lambda x: graph.replay()


if __name__ == '__main__':
    with one_line_errors('benchmarks.torch_speed'):
        sys.exit(main())
