"""The one exception that means "the user can fix this"."""


class UserError(ValueError):
    """A mistake in the input, the configuration or the environment.

    Its text is one line that says what was got, what was expected, where, and what to do. Stages print it
    without a traceback and exit with code 2.
    """
