"""Reading a configuration: its text, its placeholders, its shape, and every problem with them at once."""
