"""Why a page is what it is."""
