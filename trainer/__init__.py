"""Shards to tensors, the small Magma, its training loop and its evaluation."""
