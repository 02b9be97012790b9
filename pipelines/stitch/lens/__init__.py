"""The lens: why revenue changed, what earned nothing, which segment is worth more, and what a customer costs.

Every lens reads derived tables of the room and answers one question in a plain sentence, with rows and a picture.
"""
