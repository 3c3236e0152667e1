"""OpenTelemetry as a destination of fanlight."""
