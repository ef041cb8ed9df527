"""Strangers' bytes are read by processes that can do little else.

A run has three of them besides itself. The fork server is forked while there is one thread, and forks the others. The opener
looks paths up below roots that it was told of, opens for reading, and hands over bytes: it alone needs privileges, and
parses nothing. The parser gets bytes from the opener and gives back plain values: it can open nothing at all.

Who asks never waits past a deadline. What hangs or breaks is replaced, and costs the file or the place that it was at.
"""
