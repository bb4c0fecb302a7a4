"""A purchase from search to report, in phases that a flow (or a test) calls in order.

Prefect is unknown in here. The journal decides what may be sent, these phases decide what is
wanted.

Each subject has a room: renting, number_orders, hosting, emergency, held. Beside them stands what
the rooms share: `run_context` holds what is open, `costly_steps` plans and sends, `report` and
`numbers_report` say how a run ended, `unlinked` and `without_address` say what a run left half-way,
`follow` sweeps over what the vendor still works on, `account` and `stopped` tell what a run did
that could not say so itself.
"""
