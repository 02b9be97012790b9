"""A fifth vendor as the README's recipe makes one: a guest book whose pages are in memory."""

from connectors.toy_vendor.client import open_guest_book
from connectors.toy_vendor.records import guest
from connectors.toy_vendor.settings import ToySettings

from connectors.base import Connector, Stream
from models.facts import Identifier, Profile

CONNECTOR = Connector(
    name="toy_vendor",
    label="Guest book",
    kinds=frozenset({"python"}),
    settings=ToySettings,
    streams=(Stream("guests", "guest", "Everybody who signed the guest book.", guest, facts=(Profile, Identifier)),),
    open=open_guest_book,
    schedule="5 * * * *",
    docs="https://en.wikipedia.org/wiki/Guestbook",
)
