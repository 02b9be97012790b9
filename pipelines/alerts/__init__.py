"""Telling people when something of the machinery begins to fail, and when it works again: once each, by webhook and e-mail."""
