"""Who is who, and what became of them.

`rules.py` says what may join two records, and `rulebook.py` what somebody decided instead; `reach.py` finds what has to be looked at,
`edges.py` who shares what, `clusters.py` who hangs together, `guards.py` what must not, and `quarantine.py` keeps what was refused.
`explain.py` says why two are together. A human decides otherwise with a `Judgement` (`judging.py`), and what it reaches is recomputed;
`entities.py` keeps ids through it, and `evidence.py` names the edge behind each change. `figures.py` says how well it went. `journeys.py` joins how people came
(`arrivals.py`), what that cost (`spend.py`), what they did (`sessions.py`) and paid.
"""
