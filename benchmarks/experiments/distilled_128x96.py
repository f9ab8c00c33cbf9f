# r18_128x96.py with targets that are half a teacher's: a model file of 17 joints and crops of 3:4 at data/teacher.onnx
# (in the log PP-TinyPose 128x96).
_base_ = './r18_128x96.py'

model = dict(
    data_preprocessor=dict(
        batch_augments=[
            *_base_.model.data_preprocessor.batch_augments,
            dict(
                type='TeacherTargets', teacher='data/teacher.onnx', codec=_base_.codec, share=0.5, least=0.3,
                sharpen=5.0)
        ]))
