"""Every request of the connector, held against the SDK's own types of what may be asked."""

from datetime import timedelta

from connectors.stripe import CONNECTOR
from sandbox.stripe import billing
from sandbox.stripe.params import adapter, read_form
from sandbox.stripe.resources import RESOURCES
from tests.connectors.stripe.conftest import Puller

PARAMS = {
    "/v1/account": "AccountRetrieveCurrentParams",
    "/v1/subscription_items": "SubscriptionItemListParams",
    "/v1/invoice_payments": "InvoicePaymentListParams",
    **{f"/v1/{path}": f"{resource.camel}ListParams" for path, resource in RESOURCES.items()},
}


def class_of(path: str) -> str:
    """The parameter class of a list, of an embedded list or of a retrieve."""
    if path.endswith("/lines"):
        return "InvoiceLineItemListParams"
    parent = path.rpartition("/")[0].removeprefix("/v1/")
    return PARAMS.get(path) or f"{RESOURCES[parent].camel}RetrieveParams"


def test_no_request_has_a_parameter_that_stripe_lacks(puller: Puller) -> None:
    """First loads with long embedded lists, increments, ranges of dates, ids and the doctor, with test clocks and an account connected.

    Source: stripe.params of the pinned SDK, in which a parameter that is not listed is an error.
    """
    state = puller.sandbox.state
    state.connect("acct_ann")
    state.insert_many([{"id": "clock_1", "object": "test_helpers.test_clock", "created": 1}])
    price = {
        "object": "price",
        "currency": "eur",
        "unit_amount": 500,
        "product": "prod_1",
        "recurring": {"interval": "month"},
    }
    prices = [{"id": f"price_{n}", "created": 1, **price} for n in range(12)]
    state.insert_many([{"id": "prod_1", "object": "product", "created": 1}, *prices])
    customer = state.create({"id": "cus_1", "object": "customer"})
    billing.subscribe(state, customer, [{"price": one["id"]} for one in prices], {})
    billing.dispute(state, billing.take(state, "cus_1", 900, "jpy")["id"])
    puller.connect = ("all",)
    source = puller.open()
    source.diagnose(CONNECTOR.streams)
    for change in range(2):
        for name, stream in CONNECTOR.streams_by_name.items():
            puller.pull(name)
            source.read(stream, ["gone_1"])
            list(source.between(stream, puller.clock.now() - timedelta(days=1), puller.clock.now(), None))
        for kind in ("customer", "subscription", "invoice", "dispute"):
            for number in state.ids(kind, "true"):
                state.update(number, {"metadata": {"change": str(change)}})
        puller.clock.advance(timedelta(minutes=10))
    asked = {(request.path, request.query) for request in puller.sandbox.log.entries}
    assert {"/v1/subscription_items", "/v1/accounts", "/v1/test_helpers/test_clocks"} <= {path for path, _ in asked}
    for path, query in asked:
        module = "test_helpers" if "test_helpers" in path else ""
        adapter(class_of(path), module).validate_python(read_form(query))
    assert {request.status for request in puller.sandbox.log.entries} == {200, 404}
