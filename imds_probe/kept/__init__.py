"""What is kept of texts that may hold secrets: only what is known to be harmless. What may be secret cannot be listed."""
