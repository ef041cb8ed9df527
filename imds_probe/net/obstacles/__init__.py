"""What stands between a network namespace and the metadata service: packet rules, routes, settings, proxies.

Nothing is imported here: the readers of rule sets take as long to load as they take to read.
"""
