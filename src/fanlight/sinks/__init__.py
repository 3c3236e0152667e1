"""What a sink is, and the sinks that need nothing but the core."""
