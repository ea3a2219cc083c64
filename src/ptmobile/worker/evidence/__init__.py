"""What is found out beside the comparison itself: how much the agreement proves, and what else an app should know."""
