"""The stages that every experiment runs, in order: make, certify, recognise.

Each stage reads what the one before wrote to the run folder, and leaves finished work alone, so an
interrupted experiment goes on where it stood. What people see is what is certified: certifying and
recognition read the written PNG or WAV files, not the arrays in memory.
"""

from model_metamers.pipeline.certify import (
    certify,
    exclusions,
    layer_null,
    null_row,
    null_table,
    saved_null,
    uncertified,
)
from model_metamers.pipeline.generator import (
    COMPARED_TOGETHER,
    Generator,
    load_previews,
    save_previews,
)
from model_metamers.pipeline.make import make_metamers
from model_metamers.pipeline.recognise import Task, check_observers, recognise
from model_metamers.pipeline.record import made_by

__all__ = [
    "COMPARED_TOGETHER",
    "Generator",
    "Task",
    "certify",
    "check_observers",
    "exclusions",
    "layer_null",
    "load_previews",
    "made_by",
    "make_metamers",
    "null_row",
    "null_table",
    "recognise",
    "save_previews",
    "saved_null",
    "uncertified",
]
