"""Encoders, decoders, heads, and the bundle they are stored in."""
