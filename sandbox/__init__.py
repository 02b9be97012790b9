"""The practice ground: the vendors on loopback, stateful and strict, with planted truth and faults on demand.

What a vendor refuses stands in `<vendor>/errors.py` and in what reads its parameters; product events are files and refuse nothing. What is
true of the planted world: `world/truth.py`, written beside the state as `truth.json`. A fault (`faults.py`) is switched on by POST to
`/_sandbox/faults` of any vendor's server, such as `{"path": "/v1/charges", "status": 429, "calls": [2]}`.
"""
