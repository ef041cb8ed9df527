"""What this host lets the probe see: looked at without a packet, a request to AWS, or a change to the host."""
