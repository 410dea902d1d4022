"""SQLAlchemy models of the read models, by subject. `projections.catalogue` lists them by projection."""
