"""What error a model has before anything is converted: float32 against float64, and one run against the next."""
