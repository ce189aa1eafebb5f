"""Many runs: cross-validation and evaluation."""
