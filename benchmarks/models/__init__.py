"""Networks, their files, and everything that runs them."""
