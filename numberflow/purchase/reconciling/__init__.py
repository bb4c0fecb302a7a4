"""Journal against vendor, both ways: read both, settle by evidence, say what does not agree.

Sends nothing that costs and changes nothing at the vendor. Not here: what does not agree
(planning.reconciling).
"""
