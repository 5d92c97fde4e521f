"""Search over HTTP: an API, its limits, and a page.

Needs the extra ``serve``; nothing is imported here, so that this can be told before anything fails.
"""
