"""From flags and recorded values to a run's configuration, inits and machine."""
