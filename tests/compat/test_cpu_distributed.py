import json

import pytest
import torch

pytestmark = pytest.mark.slow

TRAINING = """
    import json, os, sys
    {imports}
    import torch
    from mmengine.model import BaseModel
    from mmengine.runner import Runner

    class Line(BaseModel):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(1, 1)

        def forward(self, x, y, mode):
            return dict(loss=((self.layer(x) - y) ** 2).mean())

    class Points(torch.utils.data.Dataset):
        def __len__(self):
            return 8

        def __getitem__(self, index):
            return dict(x=torch.tensor([float(index)]), y=torch.tensor([2.0 * index]))

    runner = Runner(
        Line(), work_dir='work', launcher='pytorch', env_cfg=dict(dist_cfg=dict(backend='gloo')),
        train_dataloader=dict(dataset=Points(), batch_size=2, sampler=dict(type='DefaultSampler', shuffle=True),
                              collate_fn=dict(type='default_collate')),
        train_cfg=dict(by_epoch=True, max_epochs=2), optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-3)),
        log_level='WARNING', randomness=dict(seed=0))
    model = runner.train()
    rank = os.environ['RANK']
    weights = dict(world=torch.distributed.get_world_size(), wrapper=type(model).__name__, it=runner.iter)
    weights['weight'] = model.module.layer.weight.tolist()
    open(f'rank{{rank}}.json', 'w').write(json.dumps(weights))
"""
TWO = ('-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=2')


@pytest.mark.skipif(torch.cuda.is_available(), reason='CUDA is there: nothing to mend')
def test_two_processes_train_the_same_weights(python, tmp_path):
    assert '_cuda_setDevice' in python(TRAINING.format(imports=''), *TWO).stderr
    result = python(TRAINING.format(imports='import mmpose_amfac'), *TWO)
    assert result.returncode == 0, result.stderr[-3000:]
    first, second = (json.loads((tmp_path / f'rank{rank}.json').read_text()) for rank in (0, 1))
    assert first == second
    # 8 samples in batches of 2 are 2 steps an epoch for each of two processes
    assert (first['world'], first['wrapper'], first['it']) == (2, 'MMDistributedDataParallel', 4)
