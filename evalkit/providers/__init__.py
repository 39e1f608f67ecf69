"""How a model is reached. One file a provider."""
