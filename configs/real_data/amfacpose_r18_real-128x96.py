# Scores as chances that a joint is right (OKS of 0.5 or more), for the weights with the sha256
# 533337e02495e0c46e4a4f9c5faa3aac1257d48281a5d9e5c4d410ee9603523a. Written by
# python -m benchmarks.calibrate amfacpose_r18_1xb64-10e_real-packed-128x96.py --ann data/real/coco_train_held.json
# 5,596 joints of 534 persons; their ECE 0.234, now 0.019
_base_ = './amfacpose_r18_1xb64-10e_real-packed-128x96.py'

model = dict(
    head=dict(
        calibration=dict(
            slope=[4.1549, 3.8343, 4.2172, 3.4069, 4.2559, 3.0857, 2.8658, 3.2392, 3.4465, 2.9705, 2.8420, 3.7207, 2.7373, 2.3445, 2.5650, 1.8609, 2.4860],
            offset=[2.8984, 2.7992, 2.7586, 3.0559, 3.8549, 4.3787, 4.0734, 4.5575, 4.6295, 4.0135, 3.4919, 6.0204, 4.7331, 3.2362, 3.6376, 2.5765, 3.6159])))
