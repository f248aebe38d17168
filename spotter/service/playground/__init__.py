"""The playground at `/` and the operators' page at `/status`: static files with which a browser uses the service."""
