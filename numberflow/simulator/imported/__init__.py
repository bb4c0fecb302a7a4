"""The Imported Numbers and Hosting Orders API, with its own host, errors, events and secret.

Written from docs/vendor/imported-hosting*.{yaml,md}; § in this package and in imported_api are
sections of imported-hosting-behaviour.md. Rules are in numbers.py, hosting.py and qualification.py,
connected in service.py. HTTP is in imported_api, one module per noun. Clock, ledger, faults and
callbacks are the simulator's.
"""
