"""Words on arcs, circles and waves, as on logos, badges, seals, coins, bottle labels and shop signs."""
