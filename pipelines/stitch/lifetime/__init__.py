"""Lifetimes: who stays, who will buy again, what that is worth, and what goes with it.

The models are small and follow the papers cited beside them; each says when the data are too few to speak.
"""
