-- The journal's own database, beside Prefect's. Run once, when Postgres makes its data folder.
CREATE DATABASE numberflow;
