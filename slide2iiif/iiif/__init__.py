"""IIIF Image API and Presentation API for static files: request paths and documents. Pure: touches no disk."""
