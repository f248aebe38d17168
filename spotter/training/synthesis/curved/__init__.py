"""Words on arcs, circles and waves, as logos, badges, seals, coins, bottle labels and shop signs have them."""
