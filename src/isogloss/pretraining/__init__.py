"""Make a small multilingual encoder from text: its vocabulary, its weights, its first alignment.

Nothing is imported here, so that settings can be checked without loading torch.
"""
