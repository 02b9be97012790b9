"""The Facebook Pages whose forms people fill in. A Page is asked with a token of its own, which Meta hands out with the list of Pages.

Source: https://developers.facebook.com/docs/graph-api/reference/page/leadgen_forms (a Page access token is wanted; code 190 without one).
"""

from dataclasses import dataclass, field

from connectors.meta_ads.client import Json, MetaApi
from connectors.meta_ads.paging import leaves

STREAM = "leads"


@dataclass(frozen=True)
class FanPage:
    """One Page that the token may work with."""

    id: str
    token: str = field(repr=False)

    def proof(self, api: MetaApi) -> Json:
        """The parameters by which a call is the Page's own."""
        return api.proof(self.token)

    def forms(self, api: MetaApi) -> list[str]:
        """Its forms, archived ones included, in order of their ids."""
        params = {"fields": "id", **self.proof(api)}
        found = leaves(api, "definition", (self.id, "leadgen_forms"), params, stream=STREAM)
        return sorted(str(row["id"]) for leaf in found for row in leaf.rows)


def fan_pages(api: MetaApi) -> list[FanPage]:
    """The Pages that the token's user was given, in order of their ids; none without pages_show_list, as the doctor says."""
    found = leaves(api, "definition", ("me", "accounts"), {"fields": "id,access_token"}, stream=STREAM)
    rows = [row for leaf in found for row in leaf.rows if row.get("access_token")]
    return sorted((FanPage(str(row["id"]), str(row["access_token"])) for row in rows), key=lambda page: page.id)
