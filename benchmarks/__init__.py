"""Figures with what they are compared with in the same run: accuracy against what people labelled.

Repeat them with `make bench`, or `python -m benchmarks NAME`.
"""
