"""The command ``amfacpose``: arguments only, the work is done in ``apis``."""
