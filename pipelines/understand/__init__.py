"""What customers believe, on which of their words, and how well that agrees with what we offer.

`observations.py` keeps what was said; an extractor (`choice.py` says which) reads it; `claims.py` lets through only what the text bears out,
and `extraction.py` records what could not be read; `beliefs.py` and `confidence.py` conclude, and say what was replaced;
`alignment.py` scores.
"""
