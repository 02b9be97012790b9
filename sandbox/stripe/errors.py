"""Refusals in Stripe's own words: https://docs.stripe.com/api/errors."""


class StripeRefusal(Exception):
    """A request that Stripe would refuse; the app answers with its status and body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        page = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}" if code else None
        given = {"code": code, "doc_url": page, "message": message, "param": param, "type": kind}
        self.error = {name: value for name, value in given.items() if value is not None}


def invalid_key(key: str) -> StripeRefusal:
    """401 for a key that Stripe does not know; the answer shows only its last four characters."""
    hidden = "*" * max(len(key) - 4, 0) + key[-4:]
    return StripeRefusal(401, f"Invalid API Key provided: {hidden}")


def missing(object_name: str, object_id: str, param: str = "id", status: int = 404) -> StripeRefusal:
    """What a retrieve (404, param id) and a page cursor (400, param starting_after) answer for an unknown id."""
    label = object_name.replace("_", " ")
    return StripeRefusal(status, f"No such {label}: '{object_id}'", code="resource_missing", param=param)


def forbidden(permission: str, account: str) -> StripeRefusal:
    """403 for a restricted key; the message names what it lacks."""
    message = f"The provided key does not have the required permissions for this endpoint on account '{account}'. Having the '{permission}' permission would allow this request to continue."
    return StripeRefusal(403, message, code="more_permissions_required")
