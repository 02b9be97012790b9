"""Which contact with our marketing brought the money: credit per touch by eight models, and what it cost.

Every customer's money is split among the touches before it, in whole minor units: by every model the parts add up to the money.
"""
