"""
What a model call cost: overrides of the configuration, then plugins' price sources, then a table of list prices.
"""

from fanlight.pipeline.prices.overrides import Override, Rates
from fanlight.pipeline.prices.pricing import Pricing
from fanlight.pipeline.prices.table import PriceTable

__all__ = ["Override", "PriceTable", "Pricing", "Rates"]
