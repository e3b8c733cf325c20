"""The engine: recipes, its supervisor, the way to attach to it, and the client."""
