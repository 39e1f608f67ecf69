"""How fast and how long an endpoint is asked: places in flight, waits, who goes first, when it is left alone."""
