"""From what was asked for and what was found to a verdict. Pure: no files, no clock."""
