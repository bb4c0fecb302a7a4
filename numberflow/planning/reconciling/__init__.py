"""Journal against vendor, both ways: two tables in, what does not agree out. Pure.

`lines` (what is compared), `kinds` (the closed list of findings), `numbers` (one number), `compare`
(the whole). Not here: reading either side and settling (purchase.reconciling), what people
were told before (journal).
"""
