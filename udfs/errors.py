"""What can go wrong in a way that a person can mend.

MindError
├── UsageError          wrong options or settings: nothing was started (exit 2)
└── JobError            the job cannot go on; tables hold what was committed (exit 1)
    └── EngineError     the engine did not start, gave up, or cannot be reached
"""


class MindError(Exception):
    """Base of all errors whose message alone tells what was expected, what came, what to do."""


class UsageError(MindError):
    """The command line or the settings are wrong; nothing was started."""


class JobError(MindError):
    """The job cannot go on; what was committed before stays."""


class EngineError(JobError):
    """No engine: it did not start, gave up after too many restarts, or cannot be reached."""
