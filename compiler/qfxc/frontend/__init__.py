"""Front ends: from model files to the real or quantized graph."""
