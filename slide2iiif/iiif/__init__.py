"""The IIIF specifications as far as static files can keep them: request paths and documents. Pure."""
