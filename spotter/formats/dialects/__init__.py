"""A page in the shapes that other OCR services answer in. Which requests get them: `spotter.service.compat`."""
