"""Pixels in, pixels out: codecs, colour profiles, reduction. Knows no slides."""
