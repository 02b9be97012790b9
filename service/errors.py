"""What a command says instead of an answer; each message is one plain sentence for the person who asked."""


class UsageError(Exception):
    """The question cannot be understood or answered as it was put; the user can mend it."""


class LeftUndoneError(Exception):
    """The question was understood and something due was not done; what and why was said."""
