"""Template tags of pages that join apps."""
