"""The only code that knows a vendor: one folder each, found by `connectors.registry`."""
