"""The source `lean:FOLDER`: a folder in the QuantConnect LEAN data format (docs/market-data.md, "LEAN folders")."""
