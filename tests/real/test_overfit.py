"""The network learns eight real crops by heart."""

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS

from mmpose_amfac import simcc

pytestmark = pytest.mark.slow


@pytest.mark.parametrize('modulation', ['product', 'mask'])
def test_eight_crops_by_heart(real_data, root, modulation):
    data = json.loads((real_data / 'coco_dev.json').read_text())
    rich = sorted(data['annotations'], key=lambda a: (-a['num_keypoints'], a['id']))[:8]
    data['annotations'] = rich
    data['images'] = [i for i in data['images'] if i['id'] in {a['image_id'] for a in rich}]
    (real_data / 'eight.json').write_text(json.dumps(data))

    init_default_scope('mmpose')
    cfg = Config.fromfile(root / 'configs/real_data/amfacpose_r18_1xb64-8e_real-64x48.py')
    encode = [t for t in cfg.train_pipeline if t.type in ('LoadImage', 'GetBBoxCenterScale', 'TopdownAffine',
                                                          'GenerateTarget', 'PackPoseInputs')]
    dataset = DATASETS.build(dict(type='CocoDataset', data_root=str(real_data), data_mode='topdown',
                                  ann_file='eight.json', data_prefix=dict(img=''), pipeline=encode))
    assert len(dataset) == 8
    items = [dataset[i] for i in range(8)]
    cfg.model.neck.modulation = modulation
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    batch = model.data_preprocessor(dict(inputs=[i['inputs'] for i in items],
                                         data_samples=[i['data_samples'] for i in items]), training=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    losses = []
    for step in range(120):
        for group in optimizer.param_groups:
            group['lr'] = 2e-3 * (1 - step / 120)
        loss = model(**batch, mode='loss')['loss_kpt']
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < 0.2 * losses[0]

    with torch.no_grad():  # batch statistics: eight pictures are too few for the running ones
        x, y = model.head.vectors(model.extract_feat(batch['inputs']))
    predicted, _ = simcc.decode(x.numpy(), y.numpy(), cfg.codec.simcc_split_ratio, cfg.codec.window)
    labels = [s.gt_instance_labels for s in batch['data_samples']]
    weight = np.concatenate([label.keypoint_weights for label in labels])
    truth, _ = simcc.decode(*(np.concatenate([label[f'keypoint_{axis}_labels'] for label in labels]) for axis in 'xy'),
                            cfg.codec.simcc_split_ratio, cfg.codec.window)
    width, height = cfg.codec.input_size
    close = np.linalg.norm((predicted - truth) / (width, height), axis=-1) < 0.05
    assert weight.astype(bool).sum() >= 100
    assert close[weight > 0].mean() > 0.95
