"""An earlier report to compare a run with: finding it, reading it, what differs, and what may not."""
