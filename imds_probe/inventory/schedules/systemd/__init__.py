"""What systemd starts: units that are enabled, and what timers, paths and sockets activate. systemd.unit(5)."""
