"""What the scripts share: options, stages, networks and stimuli of each modality, trainings.

Scripts import this package before anything else: TensorFlow reads its environment when it is
imported.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# By itself TensorFlow takes oneDNN's kernels only on processors with AVX-512's VNNI or better.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
