# r18_128x96.py with targets that are half a teacher's: PP-TinyPose 128x96, its ONNX file at data/teacher.onnx.
_base_ = './r18_128x96.py'

model = dict(
    data_preprocessor=dict(
        batch_augments=[
            *_base_.model.data_preprocessor.batch_augments,
            dict(
                type='TeacherTargets', teacher='data/teacher.onnx', codec=_base_.codec, share=0.5, least=0.3,
                sharpen=5.0, sha256='837c7b802ca09f868659918c4d8118ebd891241acb93f7a85b945bfee5a522ec')
        ]))
