"""The vendors of the practice ground taken together: their servers, a world planted into all of them, and how they are reached."""

import os
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette

from models.clock import Clock
from sandbox import hubspot, meta_ads, stripe
from sandbox.core import Context
from sandbox.hubspot.app import create_app as hubspot_app
from sandbox.meta_ads.app import create_app as meta_ads_app
from sandbox.salesforce.app import create_app as salesforce_app
from sandbox.salesforce.tokens import CLIENT_ID, CLIENT_SECRET
from sandbox.stripe.app import create_app as stripe_app
from sandbox.world import World
from sandbox.world.truth import PRODUCT_ACCOUNT

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)  # the present of the planted world, when it is made
APPS = {"salesforce": salesforce_app, "hubspot": hubspot_app, "meta_ads": meta_ads_app, "stripe": stripe_app}
RATES = Path(__file__).parent / "data/rates.csv"
"""What the world's currencies are worth in euros: invented, but of the right size."""
WEBHOOK_SECRETS = {
    "STRIPE_WEBHOOK_SECRET": "whsec_practice", "HUBSPOT_CLIENT_SECRET": "practice", "META_ADS_VERIFY_TOKEN": "practice",
}  # fmt: skip
"""With what a delivery is signed where somebody plays the vendor; Meta signs with the app's secret."""
PRODUCT_EVENTS = "product_events"
"""The fifth vendor is a folder of files and no server."""


def create_apps(root: Path, clock: Clock) -> dict[str, Starlette]:
    """Every vendor's server by name; each has faults and a log of its own, and its store is to be closed."""
    return {name: create(Context(root, clock)) for name, create in APPS.items()}


def plant(root: Path, apps: dict[str, Starlette], world: World) -> None:
    """Put the world where the vendors keep their state."""
    stores = {name: app.state.store for name, app in apps.items()}
    for vendor, planted in (("salesforce", world.salesforce), ("hubspot", world.hubspot), ("meta_ads", world.meta_ads)):
        for name, rows in planted.items():
            stores[vendor].insert_many(name, rows)
    stores["stripe"].insert_many(world.stripe)
    stores["stripe"].insert_events(world.stripe_events)
    for name, content in world.product_events.items():
        path = root / PRODUCT_EVENTS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))  # as old as the world's present


def variables(root: Path, urls: dict[str, str]) -> dict[str, str]:
    """What a command's environment must hold to work with these vendors; `urls` are the servers' addresses by vendor."""
    addresses = {f"{name.upper()}_BASE_URL": url for name, url in urls.items()}
    return addresses | WEBHOOK_SECRETS | {
        "SALESFORCE_DOMAIN": "acme.my", "SALESFORCE_CLIENT_ID": CLIENT_ID, "SALESFORCE_CLIENT_SECRET": CLIENT_SECRET,
        "HUBSPOT_ACCESS_TOKEN": hubspot.ACCESS_TOKEN, "META_ADS_ACCESS_TOKEN": meta_ads.ACCESS_TOKEN,
        "META_ADS_APP_ID": meta_ads.APP_ID, "META_ADS_APP_SECRET": meta_ads.APP_SECRET, "STRIPE_API_KEY": stripe.API_KEY,
        "PRODUCT_EVENTS_URL": str((root / PRODUCT_EVENTS).resolve()), "PRODUCT_EVENTS_ACCOUNT": PRODUCT_ACCOUNT,
        "SIDECAR_CLOCK": str((root / "clock").resolve()), "SIDECAR_WRITE_BACK_CURRENCY": "eur",  # its org names none
        "SIDECAR_CURRENCY": "eur", "SIDECAR_RATES": str(RATES),
    }  # fmt: skip
