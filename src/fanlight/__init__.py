"""One LangChain callback handler, many telemetry destinations."""
