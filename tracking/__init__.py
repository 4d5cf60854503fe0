"""The query grid, the point trackers, camera motion, and track scores."""
