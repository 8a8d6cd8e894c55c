"""The only place that knows XML: parse safely, validate, read into the model, write back, patch, version, store."""
