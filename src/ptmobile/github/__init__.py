"""What GitHub's runner gives to a step and takes from it: context, commands, outputs, summary, untrusted output."""
