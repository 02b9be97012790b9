"""Who might be the same though no identifier says so: a queue for humans, filled after persons and accounts are decided.

`features.py` tells what is known of each person or account, `comparing.py` how two are compared (as data), `score.py` how much that
says (Splink; the only module that knows it), `best.py` which pairs are worth a look, `queue.py` what humans made of them.
Nothing here joins anybody: an accepted suggestion is a `Judgement`, and the next stitch follows it.
"""
