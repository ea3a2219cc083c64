"""Many models on more than one machine: who does which, and one report of all."""
