"""The packages that a model needs beside torch: read, held against what is here, installed by the workers' user."""
