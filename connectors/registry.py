"""Finds every vendor: a folder here whose package declares `CONNECTOR` is one. No list to edit."""

import importlib
import pkgutil
from functools import cache
from pathlib import Path

import connectors
from connectors.base import Connector


@cache
def connectors_by_name() -> dict[str, Connector]:
    """All vendors by folder name, sorted. ValueError if a folder and its connector disagree on the name."""
    found: dict[str, Connector] = {}
    for module in sorted(pkgutil.iter_modules([str(Path(path)) for path in connectors.__path__]), key=lambda m: m.name):
        if not module.ispkg:
            continue
        connector = importlib.import_module(f"connectors.{module.name}").CONNECTOR
        if connector.name != module.name:
            raise ValueError(
                f"connectors/{module.name} declares a connector called {connector.name!r}; the names must match"
            )
        found[module.name] = connector
    return found
