"""What a model bundle is, where bundles are kept, and how an alias finds one."""
