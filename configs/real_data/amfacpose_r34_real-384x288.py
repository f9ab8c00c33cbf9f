# Scores as chances that a joint is right (OKS of 0.5 or more), for the weights with the sha256
# f433dfe21efea2f74e23a374d4ace06029c42a8fcbba3558806e00b34812bcd9. Written by
# python -m benchmarks.calibrate amfacpose_r34_1xb16-1e_real-packed-384x288.py --ann data/real/coco_train_held.json
# 5,596 joints of 534 persons; their ECE 0.369, now 0.017
_base_ = './amfacpose_r34_1xb16-1e_real-packed-384x288.py'

model = dict(
    head=dict(
        calibration=dict(
            slope=[3.3830, 3.0629, 3.3581, 3.1246, 3.3140, 2.4949, 2.3566, 2.3353, 2.6901, 1.8558, 2.4551, 2.6826, 2.4797, 2.0455, 2.0515, 1.6593, 1.8317],
            offset=[4.1202, 4.0284, 4.1992, 4.3119, 4.4933, 4.9589, 4.7043, 4.2764, 4.7817, 3.3850, 4.1615, 5.9440, 5.6542, 3.7181, 3.9567, 3.1632, 3.4784])))
