"""The paper's claims as measurements: tables of our figures in, one row per claim out.

`table.claims_table` judges every claim of `table.CLAIMS` at the scale of the run whose tables it
reads: one statistic with its confidence interval (`resampling`) against a limit (`finding`). The
rules stand beside the measurements, in `matching` and `transfer`. No networks, no TensorFlow.
"""
