"""How a wire body is read. One file a dialect."""
