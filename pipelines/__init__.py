"""What the product does, in rooms that sort in flow order; `definitions.py` is the map of all of them."""
