"""The side that has torch and somebody's model code, and nothing secret. The only folder that imports torch."""
