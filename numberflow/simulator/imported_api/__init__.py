"""The operations of the Imported Numbers and Hosting Orders API: requests in, replies out.

The rules are in numberflow.simulator.imported.
"""
