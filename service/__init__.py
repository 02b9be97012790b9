"""The doors, all over one facade: `self_models.py` says which three ways in there are, for which purpose, and who looked.

The one door so far is the command line (`cli.py`, `commands.py`); HTTP and agents will stand beside it.
"""
