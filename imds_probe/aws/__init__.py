"""Reaching AWS: botocore signs and sends, and what it would do beyond the project's rules is taken from it."""
