"""The paths of other OCR services, so that whoever used one of them changes nothing but an address. What they answer is
shaped in `spotter.formats.dialects`."""
