"""The report in words: what a page says, in which order. How it looks is a matter of the renderers beside this folder."""
