"""What Holdfast costs, as ratios to the bare database in the same run. `python -m bench`."""
