"""The errors of reading videos."""

from spotter.reading.errors import ProblemError


class BrokenVideoError(ProblemError):
    status, kind, title, fault = 422, "broken-video", "The video does not open", "client"
    remedy = (
        "Give a whole video of a kind that FFmpeg reads (MP4, MOV, MKV, WebM, AVI, MPEG). An MP4 that was cut off has "
        "lost its index: copy or record it again."
    )


class EmptyVideoError(ProblemError):
    status, kind, title, fault = 422, "empty-video", "The video has no frame", "client"
    remedy = "Check that what writes the video has finished and wrote pictures, not sound alone."


class TruncatedVideoError(ProblemError):
    status, kind, title, fault = 422, "truncated-video", "The video ends too early", "client"
    remedy = "Copy or record the video again; what was read up to there is written."


class EndlessVideoError(ProblemError):
    status, kind, title, fault = 413, "endless-video", "The video has too many frames", "client"
    remedy = "Give --seconds, a larger --every or --most-frames, or --live for a stream; what was read is written."


class StalledStreamError(ProblemError):
    status, kind, title, fault = 504, "stalled-stream", "The stream has stopped", "server"
    remedy = "Check the sender and the network, and start again; what was read up to there is written."
