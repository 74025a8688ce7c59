"""Opening networks that others trained, from files that may be damaged or malicious."""
