"""A purchase from search to report, in phases that a flow (or a test) calls in order.

Prefect is unknown in here.

`run_context` holds what is open, `choose` finds numbers, `rent` buys what was written down,
`provisioning` waits for links, `report` says how it ended. The journal decides what may be sent;
these phases decide what is wanted.
"""
