"""The playground at `/` and the operators' page at `/status`: files that a browser asks the service with."""
