"""Why the write-back room declines to act; each is one plain sentence for the person who asked."""


class Refused(Exception):
    """Nothing was written, or nothing more; the message says why and what to do."""


class FieldsNotReady(Refused):
    """Fields are missing, too short, or closed to our user in the CRM."""


class Busy(Refused):
    """Another run is planning or writing for this CRM account."""


class PlanRefused(Refused):
    """This plan cannot be applied: unknown, applied, superseded or stopped."""
