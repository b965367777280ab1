"""The playground: try a model in the browser, through the same door as any program, and leave with the code."""
