"""The model file, the library of models, and the runtimes that step its LSTM. Knows no sampling and no streams."""
