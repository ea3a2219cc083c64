"""The processes of a job: held in, forked, listened to, ended."""
