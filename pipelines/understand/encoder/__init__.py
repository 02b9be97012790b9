"""The small network that finds stances in customers' words: how a text is laid before it, and how it is asked."""
