"""From a query to candidates: understanding, lexical and semantic matches, filters, facets."""
