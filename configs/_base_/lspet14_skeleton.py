# The 14 joints of Leeds Sports Pose, left and right as the person's. Sigmas: those of COCO for the limbs, CrowdPose's
# for neck and head top.
dataset_info = dict(
    dataset_name='lspet14',
    paper_info=dict(
        author='Johnson, Sam and Everingham, Mark',
        title='Learning Effective Human Pose Estimation from Inaccurate Annotation',
        container='CVPR',
        year='2011',
        homepage=''),
    keypoint_info={
        i: dict(name=name, id=i, color=[255, 128, 0] if name.startswith('right') else [0, 255, 0], type=kind, swap=swap)
        for i, (name, kind, swap) in enumerate([
            ('right_ankle', 'lower', 'left_ankle'),
            ('right_knee', 'lower', 'left_knee'),
            ('right_hip', 'lower', 'left_hip'),
            ('left_hip', 'lower', 'right_hip'),
            ('left_knee', 'lower', 'right_knee'),
            ('left_ankle', 'lower', 'right_ankle'),
            ('right_wrist', 'upper', 'left_wrist'),
            ('right_elbow', 'upper', 'left_elbow'),
            ('right_shoulder', 'upper', 'left_shoulder'),
            ('left_shoulder', 'upper', 'right_shoulder'),
            ('left_elbow', 'upper', 'right_elbow'),
            ('left_wrist', 'upper', 'right_wrist'),
            ('neck', 'upper', ''),
            ('head_top', 'upper', ''),
        ])
    },
    skeleton_info={
        i: dict(link=link, id=i, color=[51, 153, 255])
        for i, link in enumerate([
            ('right_ankle', 'right_knee'), ('right_knee', 'right_hip'), ('left_hip', 'left_knee'),
            ('left_knee', 'left_ankle'), ('right_wrist', 'right_elbow'), ('right_elbow', 'right_shoulder'),
            ('left_shoulder', 'left_elbow'), ('left_elbow', 'left_wrist'), ('right_shoulder', 'neck'),
            ('left_shoulder', 'neck'), ('neck', 'head_top'), ('right_hip', 'left_hip'),
            ('right_shoulder', 'right_hip'), ('left_shoulder', 'left_hip')
        ])
    },
    joint_weights=[1.5, 1.2, 1.0, 1.0, 1.2, 1.5, 1.5, 1.2, 1.0, 1.0, 1.2, 1.5, 1.0, 1.0],
    sigmas=[0.089, 0.087, 0.107, 0.107, 0.087, 0.089, 0.062, 0.072, 0.079, 0.079, 0.072, 0.062, 0.079, 0.079])
