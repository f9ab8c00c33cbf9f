"""From poses and annotations to figures of accuracy."""
