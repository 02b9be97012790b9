"""What the product does, in rooms that sort in flow order; `definitions.py` is the map of all of them."""

import models  # noqa: F401  # it chooses Arrow's allocator, whichever room loads Arrow first
