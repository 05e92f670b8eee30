"""What is said to a model for a request, and what is made of its answer."""
