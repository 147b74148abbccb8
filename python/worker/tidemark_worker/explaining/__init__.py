"""What a model's answers owe to its columns: for single rows (SHAP), and over all."""
