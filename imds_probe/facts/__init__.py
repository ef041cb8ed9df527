"""What was observed, a module a subject. Frozen, plain values only, so that a stored report can be judged again on any
machine. Absent is None, never a made-up default. Times are RFC 3339 UTC; a duration says its unit in its name.
"""
