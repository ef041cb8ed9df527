"""What will run on a system, and how often: one small module a kind of schedule, registered in `sources`.

Nothing is executed to find out what it would do. All of it works below a root, by `system/rootfs` alone, in the worker.
"""
