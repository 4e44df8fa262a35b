"""From rollups to campaigns: candidate groups, signals, calibration, tiers."""
