"""Pages for a browser: one file each, with nothing from elsewhere, that works with scripts off."""
