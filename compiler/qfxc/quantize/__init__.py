"""Post-training quantization: statistics, ranges, weights, where quantizers go."""
