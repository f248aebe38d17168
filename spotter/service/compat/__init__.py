"""The paths of other OCR services, so that their clients only need another address. The shapes of the answers are in
`spotter.formats.dialects`."""
