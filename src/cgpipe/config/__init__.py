"""The only reader of configuration: strict models, the slice of each stage, errors with file and line."""

from cgpipe.config.decisive import code_files, engine_module, training_that_matters
from cgpipe.config.load import BASE, load, load_proteins
from cgpipe.config.models import Config
from cgpipe.config.proteins import Proteins, data_files, native_file
from cgpipe.config.slices import frames_source, settings_json, stage_settings
from cgpipe.errors import UserError

__all__ = [
    "BASE",
    "Config",
    "Proteins",
    "UserError",
    "code_files",
    "data_files",
    "engine_module",
    "frames_source",
    "load",
    "load_proteins",
    "native_file",
    "settings_json",
    "stage_settings",
    "training_that_matters",
]
