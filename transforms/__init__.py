"""The Beam transforms: scan an item, label a shard."""
