"""The project: settings, entry points, and the pages and commands that join the apps."""
