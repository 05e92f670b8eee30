"""Contract suites and fakes, shipped for people who write their own toolchain or proposer."""
