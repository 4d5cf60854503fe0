"""Configuration, plan / label / finish, runners, and the command line."""
