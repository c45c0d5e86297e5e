"""The storefront: its pages, and what a visitor keeps."""
