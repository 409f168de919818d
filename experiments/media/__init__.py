"""What the experiments on sounds, clips and other grids share."""
