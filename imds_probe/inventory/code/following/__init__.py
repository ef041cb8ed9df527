"""From how a program was started to the files that its code loads: one small module a language, listed here by hand.

Nothing is executed. What the interpreters' own libraries hold is known by its place and not read.
"""
