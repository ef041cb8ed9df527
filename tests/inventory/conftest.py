"""A real Docker daemon, one for all that looks at containers and images."""

from docker_engine import docker_engine

__all__ = ["docker_engine"]
