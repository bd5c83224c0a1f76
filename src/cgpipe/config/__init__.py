"""The only reader of configuration: strict models, the slice of each stage, errors with file and line."""
