"""What an export's files hold, written by executors; plain Python, without Spark."""
