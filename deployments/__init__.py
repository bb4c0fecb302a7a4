"""How flows are deployed: `prefect.yaml` for a work pool, `serve.py` for one machine."""
