"""Trees in buckets: S3, Google Cloud Storage, Azure and what speaks like them, over obstore."""
