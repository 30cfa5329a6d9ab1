"""Data files: cluster presets, icons, templates, help pages, set-up scripts."""
