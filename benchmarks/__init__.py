"""Figures as ratios against a floor or a peer in the same run, and accuracy against labelled truth."""
