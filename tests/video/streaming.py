"""A camera: a server that sends a picture after the other, as `multipart/x-mixed-replace`."""

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

from tests.video.clips import Pixels


@contextlib.contextmanager
def camera(frames: Iterable[Pixels], seconds: float, silent: float = 0) -> Iterator[str]:
    """The address of one that sends a frame every so many seconds, and then nothing for `silent` seconds before it
    closes the connection."""
    left = threading.Event()

    class Camera(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for pixels in frames:
                    data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    self.wfile.write(head.encode() + data + b"\r\n")
                    self.wfile.flush()
                    time.sleep(seconds)
                    if left.is_set():
                        return
            left.wait(silent)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Camera)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/camera"
    finally:
        left.set()
        server.shutdown()
        server.server_close()
        thread.join()
