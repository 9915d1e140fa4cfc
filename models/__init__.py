"""The bundled models, as NAME.safetensors files. No code."""
