# Scores as chances that a joint is right (OKS of 0.5 or more), for the weights with the sha256
# 14f89dd33c5d207fabc6c036626e7192d086e224ee0a6173b1bf184ec037ef65. Written by
# python -m benchmarks.calibrate amfacpose_r18_1xb32-2e_real-packed-256x256.py --ann data/real/coco_train_held.json
# 5,596 joints of 534 persons; their ECE 0.324, now 0.011
_base_ = './amfacpose_r18_1xb32-2e_real-packed-256x256.py'

model = dict(
    head=dict(
        calibration=dict(
            slope=[3.4223, 2.7859, 3.5875, 3.0226, 3.7015, 2.7844, 2.4145, 2.7019, 2.6431, 2.4744, 2.3546, 2.9683, 2.6834, 2.1762, 2.3820, 1.3666, 1.9628],
            offset=[3.8444, 3.3736, 3.7687, 3.9260, 4.5991, 5.0946, 4.5294, 4.6278, 4.3705, 3.7876, 3.5370, 6.1275, 5.3481, 3.6444, 3.9072, 2.6151, 3.2623])))
