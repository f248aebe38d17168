"""Pages in the forms of other OCR services' answers. `spotter.service.compat` says which requests get them."""
