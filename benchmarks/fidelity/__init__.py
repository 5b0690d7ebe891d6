"""How close a recovered Dockerfile comes to the true one: the measure, apart from the library."""
