"""imds-probe: may this EC2 host be switched to IMDSv2-only now?"""

__version__ = "0.1.0"
