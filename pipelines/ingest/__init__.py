"""From vendors into the lake: nothing lost or doubled, wherever it is killed.

`pull.py` says in which order a page becomes rows, cursor and facts, and where the next run goes on; `landing.py` and `translate.py` why
repeating a step changes nothing; `lake.py` what is kept.
"""
