"""Models of Python as ONNX: converters, and the rows that a conversion is compared on."""
