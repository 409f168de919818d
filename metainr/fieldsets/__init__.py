"""Sets of fields: what an inner loop adapted to each signal of a class, as one indexed data set.

    SET/
      index.json            what there is: version, base, length of a vector, classes, splits
      base.safetensors      what was learned, which makes fields of vectors
      normalisation.npy     [2, d] float32: mean and standard deviation of training vectors
      train/00000.npy       [n, d] float32: the vectors of a shard, n at most 256
      train/00000.json      their names, labels and PSNR, what was left out and why, a digest
      validation/…, test/…

NumPy reads all of it; `metainr.read_fields` also renders it, and its splits are sources of grain.
"""

from metainr.fieldsets.index import BASE, Index, read_index, write_index
from metainr.fieldsets.layout import Layout, layout_of
from metainr.fieldsets.rows import Row, Rows
from metainr.fieldsets.shards import (
    SHARD,
    Fitted,
    Skipped,
    check_shards,
    is_whole,
    shard_sizes,
    write_shard,
)
from metainr.fieldsets.standard import Standard, standard_of

__all__ = [
    "BASE",
    "SHARD",
    "Fitted",
    "Index",
    "Layout",
    "Row",
    "Rows",
    "Skipped",
    "Standard",
    "check_shards",
    "is_whole",
    "layout_of",
    "read_index",
    "shard_sizes",
    "standard_of",
    "write_index",
    "write_shard",
]
