"""One reader per data-set layout, each with the same parts.

`NAME`; `EXPECTED`, the published counts; `COMPANIONS`, patterns of further files that belong to it; `recognise(root)`;
`read(root)`; `write_miniature(root, seed)`. The most particular layouts come first: they are asked in this order.
"""

from echoduet.data.sources import breast, bus_bra, bus_uclm, busi, curated_busi, folder, table

SOURCES = (busi, curated_busi, bus_bra, breast, bus_uclm, folder, table)
