"""Images that lie on the disk, as root's container runtimes keep them: which layers they are made of, and what they start."""
