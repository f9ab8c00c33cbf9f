"""From trained models to files that run elsewhere.

MMDeploy imports this package by its name in ``codebase_config.module``, in each of its processes. Nothing more is
needed: importing ``mmpose_amfac`` puts hooks in place that mend MMDeploy and register our rewrites.
"""
