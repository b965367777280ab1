"""What we sell and through whom: providers, models, prices, routes."""
