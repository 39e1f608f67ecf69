"""evalkit: can you upgrade the language model behind your tools?"""

__version__ = "0.1.0"
