"""RTMPose-x: RTMPose-l of MMPose, deeper and wider. MMPose keeps it in projects/, which its wheel does not have."""
_base_ = ['mmpose::body_2d_keypoint/rtmpose/body8/rtmpose-l_8xb256-420e_body8-384x288.py']
model = dict(backbone=dict(deepen_factor=1.33, widen_factor=1.25), head=dict(in_channels=1280))
