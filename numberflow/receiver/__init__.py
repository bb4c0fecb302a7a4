"""The receiver of the vendor's callbacks, and the secrets that they are signed with.

`app` (routes), `signature`, `senders` (who may send), `intake` (stores before it answers),
`metrics`, `secrets` (which are known), `rotation` (a new one), `serve` (on a port). What is done
about a callback is drain-callbacks' business. Without Prefect: what its blocks say is handed in.
"""
