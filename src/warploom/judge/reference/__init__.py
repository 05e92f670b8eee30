"""The trusted process in which PyTorch computes references, baselines and pretenders."""
