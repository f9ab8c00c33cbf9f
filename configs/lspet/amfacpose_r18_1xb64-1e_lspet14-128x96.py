# A skeleton of one's own: the network of the real-data run with 14 joints. There is no held-out split, so the
# evaluation reads the training file and shows progress only.
_base_ = ['../real_data/amfacpose_r18_1xb64-1e_real-128x96.py', '../_base_/lspet14_skeleton.py']

model = dict(head=dict(out_channels=14))
load_from = None
dataset = dict(
    type='CocoDataset',
    metainfo=_base_.dataset_info,
    data_root='data/real/',
    data_mode='topdown',
    ann_file='lspet_train.json',
    data_prefix=dict(img=''))
train_dataloader = dict(dataset=dict(_delete_=True, pipeline=_base_.train_pipeline, **dataset))
val_dataloader = dict(dataset=dict(_delete_=True, pipeline=_base_.val_pipeline, test_mode=True, **dataset))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file='data/real/lspet_train.json')
test_evaluator = val_evaluator
