"""Cases, evidence, permits, audit and the forensics report."""
