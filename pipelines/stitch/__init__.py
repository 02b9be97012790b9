"""Who is who, and what became of them.

`rules.py` says what may join two records, `guards.py` what must not, `explain.py` why two are together. A human decides otherwise with
a `Judgement` (`stitch.py`), and everything is recomputed; `entities.py` keeps ids through it. `journeys.py` joins how people came
(`arrivals.py`), what that cost (`spend.py`), what they did (`sessions.py`) and paid.
"""
