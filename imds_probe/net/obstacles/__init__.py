"""What stands between a network namespace and the metadata service: packet rules, routes, settings, proxies."""

from imds_probe.net.obstacles.finding import find_obstacles
from imds_probe.net.obstacles.obstacle import Obstacle, Obstacles

__all__ = ["Obstacle", "Obstacles", "find_obstacles"]
